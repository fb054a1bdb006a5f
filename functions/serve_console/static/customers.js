// Customers: the list, one customer to read and change, and a new one.

import { call, Problem, watch } from "./api.js";
import { el, facts, failure, time } from "./dom.js";
import { control, field, form } from "./forms.js";
import { list } from "./lists.js";
import { mayWrite } from "./signin.js";

const fields = (customer = {}) => [
  field("Name", "name", { required: true, maxlength: 100, value: customer.name }),
  field("Phone number", "phone_number", { required: true, type: "tel", value: customer.phone_number, hint: "As you dial it. Numbers of other countries begin with + and the country’s code." }),
  field("Email", "email", { required: true, type: "email", value: customer.email }),
];

export function customers({ query, link }) {
  return list({
    path: "customers",
    title: "Customers",
    query,
    columns: ["Name", "Code", "Phone number", "Email", "Since"],
    filters: [
      ["Phone number", "phone_number", { type: "tel" }],
      ["Email", "email", { type: "email" }],
      ["Code", "code", { maxlength: 8 }],
    ],
    open: (customer) => link({ open: customer.id }),
    sortedBy: (customer) => customer.created_at,
    moving: () => false,
    action: mayWrite() && el("a", { class: "button primary", href: link({ open: "new" }) }, "New customer"),
    row: (customer) => [
      el("span", { class: "customer" }, customer.name ?? "Erased", customer.sms_opted_out && el("span", { class: "chip mute" }, "Opted out"),
        customer.sms_blocked && el("span", { class: "chip mute" }, "Blocked")),
      el("span", { class: "code" }, el("code", {}, customer.code)),
      el("span", { class: "phone" }, customer.phone_number ?? ""),
      el("span", { class: "email" }, customer.email ?? ""),
      el("span", { class: "when" }, time(customer.created_at)),
    ],
    empty: () => [
      el("h2", {}, "No customers yet"),
      el("p", {}, "Each customer needs a name, a mobile number and an email address."),
      mayWrite() && el("p", { class: "buttons" }, el("a", { class: "button primary", href: link({ open: "new" }) }, "New customer")),
    ].filter(Boolean),
  });
}

export function newCustomer({ panel, done }) {
  const element = form({
    fields: fields(),
    button: "Create customer",
    send: async (body, key) => done((await call("POST", "customers", { body, key })).body),
  });
  panel.title("New customer");
  panel.show(element);
  control(element, "name").focus();
  return () => {};
}

export function customer({ id, panel }) {
  panel.title("Customer");
  panel.show(el("p", { class: "starting" }, "Loading…"));

  // Stops once the customer has loaded: a refresh must not replace what a person is typing.
  const watcher = watch(async () => {
    let answer;
    try {
      answer = await call("GET", `customers/${encodeURIComponent(id)}`);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404) throw error;
    }
    if (stopped) return false;
    stop();
    if (answer) show(answer.body, answer.etag);
    else panel.show(el("p", { class: "blank" }, "This customer does not exist."));
    return false;
  }, (error) => {
    panel.show(failure("The customer", error, () => watcher.now()));
    return true;
  });
  let stopped = false;
  function stop() {
    stopped = true;
    watcher.stop();
  }

  function show(current, etag) {
    panel.title(current.name ?? "Erased customer");
    const about = facts([["Code", el("code", {}, current.code)], ["Since", time(current.created_at)], ["Id", el("code", {}, current.id)]]);
    const links = el("p", { class: "buttons" },
      mayWrite() && current.name && el("a", { class: "button primary", href: `#/orders?open=new&for=${current.code}` }, "New order"),
      el("a", { class: "button", href: `#/orders?customer=${current.code}` }, "Orders"));
    if (!current.name) return panel.show(about, el("p", { class: "hint" }, "This customer’s personal data was erased. Their orders remain."), links);
    if (!mayWrite()) {
      const receives = current.sms_opted_out || current.sms_blocked ? "No" : "Yes";
      return panel.show(about, facts([["Phone number", current.phone_number], ["Email", current.email], ["Receives texts", receives]]), links);
    }
    const receives = el("input", { type: "checkbox", id: "receives-texts", checked: !current.sms_opted_out && !current.sms_blocked });
    const element = form({
      fields: [
        ...fields(current),
        el("div", { class: "check" }, receives, el("label", { for: "receives-texts" }, "Receives texts"),
          current.sms_opted_out && el("p", { class: "hint" }, "The customer has opted out. Only tick this if they have agreed again."),
          current.sms_blocked && el("p", { class: "hint" }, "The network refuses our sender id for this number. Tick this to try again.")),
      ],
      button: "Save",
      tone: "",
      send: async () => {
        const changes = Object.fromEntries(["name", "phone_number", "email"].map((name) => [name, control(element, name).value])
          .filter(([name, value]) => value !== current[name]));
        if (receives.checked && current.sms_opted_out) changes.sms_opted_out = false;
        if (receives.checked && current.sms_blocked) changes.sms_blocked = false;
        if (!receives.checked && !current.sms_opted_out && !current.sms_blocked) changes.sms_opted_out = true;
        const answer = await call("PATCH", `customers/${current.id}`, { body: changes, etag });
        show(answer.body, answer.etag);
        panel.news("Saved.");
        panel.focus();
        panel.changed();
      },
    });
    return panel.show(about, links, el("h3", {}, "Details"), element);
  }

  return stop;
}
