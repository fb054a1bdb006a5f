// The list of customers.

import { buttons, el, linkButton, time } from "../page/dom.js";
import { list } from "../page/list.js";
import { mayWrite } from "../session/session.js";
import { customers as words } from "../words/customers.js";

export function customers({ query, link }) {
  const create = () => mayWrite() && linkButton(words.create, link({ open: "new" }), "primary");
  return list({
    path: "customers",
    title: words.title,
    query,
    columns: words.columns,
    filters: [
      [words.phone, "phone_number", { type: "tel" }],
      [words.email, "email", { type: "email" }],
      [words.code, "code", {}],
    ],
    open: (customer) => link({ open: customer.id }),
    sortedBy: (customer) => customer.created_at,
    moving: () => false,
    action: create(),
    row: (customer) => [
      el("span", { class: "customer" }, customer.name ?? words.erased, customer.sms_opted_out && el("span", { class: "chip mute" }, words.optedOut),
        customer.sms_blocked && el("span", { class: "chip mute" }, words.blocked)),
      el("span", { class: "code" }, el("code", {}, customer.code)),
      el("span", { class: "phone" }, customer.phone_number ?? ""),
      el("span", { class: "email" }, customer.email ?? ""),
      el("span", { class: "when" }, time(customer.created_at)),
    ],
    empty: () => [
      el("h2", {}, words.empty),
      el("p", {}, words.emptyHint),
      mayWrite() && buttons(create()),
    ].filter(Boolean),
  });
}
