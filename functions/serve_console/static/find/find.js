// The search box over both lists: customers by name, number or code, orders by code or order number. Exact hits open at once.

import { call, Problem } from "../api/call.js";
import { theOne } from "../customers/exact.js";
import { option as customerOption, searchCustomers } from "../customers/look_up.js";
import { address } from "../page/address.js";
import { combobox } from "../page/combobox.js";
import { el } from "../page/dom.js";
import { isDrawerOpen } from "../page/drawer.js";
import { go } from "../page/places.js";
import { money } from "../values/formats.js";
import { find as words } from "../words/find.js";
import { readings } from "./readings.js";

// `section()` is the name of the section that is shown: in orders, a customer leads to their orders.
export function findBox({ section }) {
  const input = el("input", { type: "search", id: "find", autocomplete: "off", placeholder: words.example, "aria-keyshortcuts": "/" });
  const element = el("div", { class: "find", role: "search", "aria-label": words.label }, el("label", { class: "visually-hidden", for: "find" }, words.label), input);
  combobox(input, { label: words.label, look });

  async function look(text) {
    const { order, kinds, tooShort } = readings(text);
    const [{ customers, hasMore }, byCode, byReference] = await Promise.all([
      searchCustomers(text), order ? ordersWithCode(text) : [], ordersWithReference(text)]);
    const orders = [...byCode, ...byReference];
    const orderOptions = orders.map((found) => ({ content: orderRow(found), choose: () => leave(address("orders", { open: found.id })) }));
    const customerOptions = customers.map((found) => ({ content: customerRow(found), choose: () => leave(placeOf(found)), found }));
    const { one, sure } = theOne(customers, text);
    const exact = [...orderOptions, ...customerOptions.filter(({ found }) => found === sure)];
    return {
      options: [...orderOptions, ...customerOptions],
      says: orders.length + customers.length ? words.found(orders.length, customers.length, hasMore) : words.nothing(text, kinds, tooShort),
      one: exact.length === 1 ? exact[0] : exact.length === 0 && customerOptions.find(({ found }) => found === one),
    };
  }

  const inOrders = () => section() === "orders";
  const placeOf = (customer) => (inOrders() ? address("orders", { customer: customer.code }) : address("customers", { open: customer.id }));
  const customerRow = (customer) => [...customerOption(customer), inOrders() && el("span", { class: "quiet" }, words.theirOrders)].filter(Boolean);
  const orderRow = (order) => [
    el("span", { class: "name" }, order.item), " ",
    el("span", { class: "quiet" }, [order.customer_name, money(order.amount, order.currency), order.reference].filter(Boolean).join(" · ")),
  ];

  function leave(place) {
    input.value = "";
    // Chromium gives the focus back to a field that a drawer covered, but types nothing into it.
    input.blur();
    go(place);
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isDrawerOpen() || !element.isConnected) return;
    if (event.target.closest("input, select, textarea, [contenteditable]")) return;
    event.preventDefault();
    input.focus();
  });
  return element;
}

// Several orders may share a code.
async function ordersWithCode(code) {
  const get = async (id) => (await call("GET", `orders/${encodeURIComponent(id)}`)).body;
  try {
    return [await get(code)];
  } catch (error) {
    if (!(error instanceof Problem) || ![404, 409].includes(error.status)) throw error;
    return Promise.all((error.body.ids ?? []).map(get));
  }
}

async function ordersWithReference(reference) {
  try {
    return (await call("GET", "orders", { query: { reference, limit: 1 } })).body.data;
  } catch (error) {
    if (error instanceof Problem && error.status === 400) return [];
    throw error;
  }
}
