// The strip over the orders: what today came to so far. For managers.

import { call } from "../api/call.js";
import { el } from "../page/dom.js";
import { shopDay, today } from "../page/shop.js";
import { token } from "../session/session.js";
import { address } from "../page/address.js";
import { cost as costOf, money } from "../values/formats.js";
import { days as words } from "../words/days.js";
import { attention, onAttention } from "./attention.js";

const EACH_MS = 60_000;
const EMPTY = { orders: 0, cancelled: 0, amounts: {}, states: {}, cost: {}, complete: true };

// Returns {element, start, stop, now}.
export function strip() {
  const element = el("section", { class: "strip", "aria-label": words.today, "aria-busy": "true" });
  let figures = null;
  let timer = null;
  let stopped = false;
  let deaf = () => {};

  async function ask() {
    clearTimeout(timer);
    if (token() && !document.hidden) {
      const day = today();
      // The figures are never worth an error of their own.
      const answer = await call("GET", "days", { query: { from: day, to: day } }).catch(() => null);
      if (answer) figures = answer.body.data[0] ?? EMPTY;
      show();
    }
    clearTimeout(timer);
    if (!stopped) timer = setTimeout(ask, EACH_MS);
  }

  function show() {
    if (!figures) return;
    const { orders, cancelled, amounts, states, cost, complete } = figures;
    // Not yet known is not none.
    const trouble = attention()?.orders.filter((order) => shopDay(order.order_date) === today()).length;
    const each = (sums, write) => Object.entries(sums).map(([currency, amount]) => write(amount, currency)).join(", ") || words.nothing;
    element.removeAttribute("aria-busy");
    element.replaceChildren(
      el("h2", {}, words.today),
      el("dl", {}, [
        [words.orders, `${complete ? "" : words.atLeast}${orders - cancelled}`],
        [words.money, each(amounts, money)],
        [words.delivered, String(states.delivered ?? 0)],
        [words.attention, trouble ? el("a", { href: address("orders", { tab: "attention" }) }, String(trouble)) : String(trouble ?? "…")],
        [words.cost, each(cost, (amount, currency) => costOf(`${currency} ${amount}`))],
      ].map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
      el("a", { href: "#/days" }, words.all));
  }

  const visible = () => !document.hidden && ask();
  return {
    element,
    start() {
      deaf = onAttention(show);
      document.addEventListener("visibilitychange", visible);
      ask();
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      deaf();
      document.removeEventListener("visibilitychange", visible);
    },
    now: ask,
  };
}
