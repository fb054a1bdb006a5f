// The list of orders.

import { address } from "../page/address.js";
import { buttons, el, linkButton, time } from "../page/dom.js";
import { late } from "../page/late.js";
import { list } from "../page/list.js";
import { shopPresets, startOfDay } from "../page/shop.js";
import { mayManage, mayWrite } from "../session/session.js";
import { underWay } from "../sms/sentences.js";
import { money } from "../values/formats.js";
import { orders as words } from "../words/orders.js";
import { customers } from "../words/customers.js";
import { list as listWords } from "../words/page.js";
import { STATE_NAMES } from "../words/sms.js";
import { findAttention } from "./attention.js";
import { tabOf, tabs } from "./tabs.js";
import { chip } from "./text.js";

// What only managers see over the list.
const today = late(async () => (await import("./today.js")).strip, "", "strip-place");

export function orders({ query: { tab, ...query }, link }) {
  const current = tabOf(tab);
  const strip = mayManage() ? today() : null;
  const bar = tabs(current);
  // The strip waits for the list: that is what a person came for.
  const view = rows(current, query, link, [strip?.element, bar.element], () => strip?.start());
  return {
    ...view,
    start() {
      bar.start();
      view.start();
    },
    stop() {
      strip?.stop();
      bar.stop();
      view.stop();
    },
  };
}

function rows(tab, query, link, above, loaded) {
  const kept = tab === "all" ? {} : { tab };
  const states = el("select", {}, el("option", { value: "" }, words.any),
    Object.entries(STATE_NAMES).map(([state, name]) => el("option", { value: state }, name)));
  return list({
    path: "orders",
    title: words.title,
    kept,
    loaded,
    query,
    above: [...above, tab !== "all" && el("p", { class: "hint" }, words.tabHints[tab])].filter(Boolean),
    columns: words.columns,
    filters: [
      ...(tab === "attention" ? [] : [[words.text, "sms_status", { control: states }]]),
      [words.customer, "customer", { placeholder: words.codeOrId }],
      [words.reference, "reference", {}],
      [words.from, "order_date_from", { type: "date" }],
      [words.to, "order_date_to", { type: "date" }],
    ],
    shortcuts: el("p", { class: "shortcuts" }, words.days, " ", Object.entries(shopPresets()).map(([name, [from, to]]) =>
      el("a", { href: address("orders", { ...kept, ...query, order_date_from: from, order_date_to: to }) }, words.presets[name]))),
    apiQuery,
    ...(tab === "attention" ? { page: async () => ({ data: (await findAttention(apiQuery(query))).orders, next_cursor: null }) } : {}),
    wrong: ({ order_date_from: from, order_date_to: to }) =>
      (from && to && from > to ? [{ pointer: "/order_date_to", code: "swapped", sentence: listWords.swapped }] : []),
    open: (order) => link({ open: order.id }),
    sortedBy: (order) => order.order_date,
    moving: (order) => underWay(order),
    action: mayWrite() && linkButton(words.create, link({ open: "new", for: query.customer }), "primary"),
    row: (order) => [
      el("span", { class: "customer" }, order.customer_name ?? words.erasedCustomer, " ", el("small", {}, order.customer_code)),
      el("span", { class: "item" }, order.item, " ", el("small", {}, [order.code, order.reference].filter(Boolean).join(" · "))),
      el("span", { class: "amount" }, money(order.amount, order.currency)),
      el("span", { class: "when" }, time(order.order_date)),
      el("span", { class: "state" }, order.status === "cancelled" && el("span", { class: "chip mute" }, words.cancelled), chip(order.sms.status)),
    ],
    empty: () => (tab === "all" ? nothing() : [el("h2", {}, words.tabsEmpty[tab])]),
  });

  // People include the last day; the API excludes the end of a range.
  function apiQuery(filters) {
    const { order_date_from: from, order_date_to: to } = filters;
    const recent = tab === "cancelled" && !from && !to ? shopPresets().week[0] : from;
    return { ...filters, ...(tab === "cancelled" ? { status: "cancelled" } : {}), order_date_from: startOfDay(recent), order_date_to: startOfDay(to, 1) };
  }

  function nothing() {
    return [
      el("h2", {}, words.empty),
      el("p", {}, words.emptyHint),
      mayWrite() && buttons(linkButton(customers.create, "#/customers?open=new", "primary"), linkButton(words.create, link({ open: "new" }))),
    ].filter(Boolean);
  }
}
