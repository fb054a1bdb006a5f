// What a customer has ordered and spent, and what became of their texts.

import { call, explain } from "../api/call.js";
import { chip } from "../orders/text.js";
import { address } from "../page/address.js";
import { el, facts, time } from "../page/dom.js";
import { money } from "../values/formats.js";
import { customers as words } from "../words/customers.js";
import { orders as orderWords } from "../words/orders.js";
import { page } from "../words/page.js";
import { STATE_NAMES } from "../words/sms.js";
import { totals } from "./totals.js";

const PAGE = 100;
const MOST_PAGES = 5;
const SHOWN = 5;

// Returns an element that fills itself.
export function history(customer) {
  const body = el("div", { class: "history" }, el("p", { class: "hint" }, page.loading));
  fill();

  async function fill() {
    try {
      show(await newest());
    } catch (error) {
      body.replaceChildren(el("p", { class: "hint" }, words.noHistory, " ", explain(error)));
    }
  }

  async function newest() {
    const orders = [];
    let cursor = null;
    for (let pages = 0; pages === 0 || (cursor && pages < MOST_PAGES); pages += 1) {
      const { body: answer } = await call("GET", "orders", { query: { customer: customer.id, limit: PAGE, cursor } });
      orders.push(...answer.data);
      cursor = answer.next_cursor;
    }
    return { orders, hasMore: cursor !== null };
  }

  function show({ orders, hasMore }) {
    if (orders.length === 0) return body.replaceChildren(el("p", { class: "hint" }, words.noOrders));
    const { count, cancelled, spent, texts } = totals(orders);
    const atLeast = (text) => (hasMore ? words.atLeast(text) : text);
    return body.replaceChildren(
      facts([
        [words.orders, atLeast(words.orderCount(count, cancelled))],
        [words.spent, atLeast(Object.entries(spent).map(([currency, amount]) => money(amount, currency)).join(", ") || words.nothingSpent)],
        [words.texts, atLeast(Object.entries(texts).map(([state, number]) => words.textCount(number, STATE_NAMES[state])).join(", "))],
      ]),
      el("ul", { class: "rows" }, orders.slice(0, SHOWN).map((order) => el("li", {},
        el("a", { class: "row", href: address("orders", { open: order.id }) },
          el("span", {}, order.item), el("span", { class: "amount" }, money(order.amount, order.currency)),
          el("span", { class: "when" }, time(order.order_date)),
          el("span", { class: "state" }, order.status === "cancelled" && el("span", { class: "chip mute" }, orderWords.cancelled), chip(order.sms.status)))))));
  }

  return el("section", { "aria-labelledby": "history-title" }, el("h3", { id: "history-title" }, words.orders), body);
}
