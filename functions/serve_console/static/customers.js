// Customers: the list, one customer to read and change, and a new one.

import { call, Problem, watch } from "./api.js";
import { el, facts, failure, time } from "./dom.js";
import { control, field, form } from "./forms.js";
import { list } from "./lists.js";
import { mayWrite } from "./signin.js";

const fields = (customer = {}) => [
  field("Name", "name", { required: true, maxlength: 100, value: customer.name }),
  field("Phone number", "phone_number", { required: true, type: "tel", value: customer.phone_number, placeholder: "+254704590344", hint: "With the country’s code." }),
  field("E-mail", "email", { required: true, type: "email", value: customer.email }),
];

export function customers({ query, link }) {
  return list({
    path: "customers",
    title: "Customers",
    query,
    columns: ["Name", "Code", "Phone number", "E-mail", "Since"],
    filters: [
      ["Phone number", "phone_number", { type: "tel", placeholder: "+254704590344" }],
      ["E-mail", "email", { type: "email" }],
      ["Code", "code", { maxlength: 8 }],
    ],
    open: (customer) => link({ open: customer.id }),
    at: (customer) => customer.created_at,
    moving: () => false,
    action: mayWrite() && el("a", { class: "button primary", href: link({ open: "new" }) }, "New customer"),
    row: (customer) => [
      el("span", { class: "customer" }, customer.name ?? "Erased", customer.sms_opted_out && el("span", { class: "chip mute" }, "Takes no texts")),
      el("span", { class: "code" }, el("code", {}, customer.code)),
      el("span", { class: "phone" }, customer.phone_number ?? ""),
      el("span", { class: "email" }, customer.email ?? ""),
      el("span", { class: "when" }, time(customer.created_at)),
    ],
    empty: () => [
      el("h2", {}, "No customers yet"),
      el("p", {}, "A customer has a name, a phone number that takes texts, and an e-mail address."),
      mayWrite() && el("p", { class: "buttons" }, el("a", { class: "button primary", href: link({ open: "new" }) }, "New customer")),
    ].filter(Boolean),
  });
}

export function newCustomer({ place, done }) {
  const made = form({
    fields: fields(),
    button: "Create customer",
    send: async (given, key) => done((await call("POST", "customers", { body: given, key })).body),
  });
  place.title("New customer");
  place.show(made);
  control(made, "name").focus();
  return () => {};
}

export function customer({ id, place }) {
  place.title("Customer");
  place.show(el("p", { class: "starting" }, "Loading…"));

  // Until it is there, and then no more: what is being typed must not be replaced.
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
    else place.show(el("p", { class: "blank" }, "There is no such customer."));
    return false;
  }, (error) => {
    place.show(failure("The customer", error, () => watcher.now()));
    return true;
  });
  let stopped = false;
  function stop() {
    stopped = true;
    watcher.stop();
  }

  function show(found, etag) {
    place.title(found.name ?? "Erased customer");
    const about = facts([["Code", el("code", {}, found.code)], ["Since", time(found.created_at)], ["Id", el("code", {}, found.id)]]);
    const links = el("p", { class: "buttons" },
      mayWrite() && found.name && el("a", { class: "button primary", href: `#/orders?open=new&for=${found.code}` }, "New order"),
      el("a", { class: "button", href: `#/orders?customer=${found.code}` }, "Orders"));
    if (!found.name) return place.show(about, el("p", { class: "hint" }, "The personal data was erased; the orders are kept."), links);
    if (!mayWrite()) {
      const takes = found.sms_opted_out ? "No" : "Yes";
      return place.show(about, facts([["Phone number", found.phone_number], ["E-mail", found.email], ["Takes texts", takes]]), links);
    }
    const takes = el("input", { type: "checkbox", id: "takes-texts", checked: !found.sms_opted_out });
    const made = form({
      fields: [
        ...fields(found),
        el("div", { class: "check" }, takes, el("label", { for: "takes-texts" }, "Takes texts"),
          found.sms_opted_out && el("p", { class: "hint" }, "The customer asked for no texts. Tick this only when they agree again.")),
      ],
      button: "Save",
      tone: "",
      send: async () => {
        const given = Object.fromEntries(["name", "phone_number", "email"].map((name) => [name, control(made, name).value]));
        const answer = await call("PATCH", `customers/${found.id}`, { body: { ...given, sms_opted_out: !takes.checked }, etag });
        show(answer.body, answer.etag);
        place.news("Saved.");
        place.focus();
        place.changed();
      },
    });
    return place.show(about, links, el("h3", {}, "Details"), made);
  }

  return stop;
}
