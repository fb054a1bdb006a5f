// Whose order it is: a customer found by name, number or code, or a new one, described in place.

import { call } from "../api/call.js";
import { theOne } from "../customers/exact.js";
import { option, searchCustomers, silence } from "../customers/look_up.js";
import { newFields } from "../customers/new_customer.js";
import { combobox } from "../page/combobox.js";
import { button, el } from "../page/dom.js";
import { field } from "../page/form.js";
import { moment, money } from "../values/formats.js";
import { customers as customerWords } from "../words/customers.js";
import { orders as words } from "../words/orders.js";

const NEW = ["name", "phone_number", "email"];

// `code` is the customer of the first moment, if any; `changed()` is called when it is somebody else's order. Returns
// - elements, for a form with one whom() only; focus(): to where a person goes on;
// - settle(): chooses what was typed without choosing, if that can only mean one;
// - read(values): {customer} with a code, or {person} with a new customer's fields, or {error};
// - check(): whether that new customer may be created; take(customer): who it is from now on.
export function whom({ code, changed }) {
  const about = el("span");
  const found = field(words.customer, "whom", { hint: about, placeholder: words.customerExample, value: code ? words.loading : "" });
  const typed = found.querySelector("input");
  // What was chosen. A field, so that the drawer can keep it with what else was typed.
  const chosen = el("input", { type: "text", name: "customer", hidden: true, value: code });
  let shown = ""; // the code that `about` is about
  const { elements, check } = newFields({ use: take, useLabel: words.use });
  const newcomer = el("fieldset", { hidden: true },
    el("legend", {}, words.newcomer), elements, el("p", { class: "buttons" }, button(words.pickInstead, () => {
      describe(false);
      typed.focus();
      changed();
    })));
  const fresh = Object.fromEntries(NEW.map((name) => [name, newcomer.querySelector(`[name=${name}]`)]));
  const { settle } = combobox(typed, { label: words.customer, look });
  describe(false);

  // Shows the fields of a new customer, or those that find one. Hidden fields are empty, so nothing of them is sent.
  function describe(isNew) {
    newcomer.hidden = !isNew;
    found.hidden = isNew;
    for (const input of Object.values(fresh)) {
      input.required = isNew;
      if (isNew) continue;
      input.value = "";
      // Without what was said about it, and without the customers who have this number.
      input.dispatchEvent(new Event("input"));
    }
  }

  function start(text) {
    typed.value = "";
    forget();
    describe(true);
    // A number has no letters.
    const first = /\p{L}/u.test(text) ? fresh.name : fresh.phone_number;
    first.value = text;
    (first === fresh.name ? fresh.phone_number : fresh.name).focus();
    changed();
  }

  async function look(text) {
    const { customers, hasMore } = await searchCustomers(text);
    const options = customers.map((customer) => ({ content: option(customer), choose: () => take(customer), customer }));
    const last = { content: words.newCustomer(text), choose: () => start(text) };
    const { one, sure } = theOne(customers, text);
    const of = (customer) => options.find((candidate) => candidate.customer === customer);
    return { options: [...options, last], one: of(one), sure: of(sure), says: customerWords.found(customers.length, hasMore) };
  }

  function take(customer) {
    const wasNew = !newcomer.hidden;
    describe(false);
    typed.value = customer.name ?? customer.code;
    chosen.value = customer.code;
    tell(customer);
    if (wasNew) typed.focus();
    changed();
  }

  function forget() {
    chosen.value = "";
    shown = "";
    about.replaceChildren();
  }

  // A customer's number keeps two of the same name apart, and the last order two with the same number.
  async function tell(customer) {
    shown = customer.code;
    about.replaceChildren(customer.phone_number ?? "", " ", ...silence(customer));
    const answer = await call("GET", "orders", { query: { customer: customer.code, limit: 1 } }).catch(() => null);
    const [last] = answer?.body.data ?? [];
    if (last && shown === customer.code) {
      about.append(" ", el("span", { class: "last" }, words.lastOrder(last.item, money(last.amount, last.currency), moment(last.order_date))));
    }
  }

  // Who was chosen before this form was shown: by a link, or by a draft that came back.
  async function load() {
    const wanted = chosen.value;
    shown = wanted;
    const answer = await call("GET", `customers/${encodeURIComponent(wanted)}`).catch(() => null);
    if (chosen.value !== wanted) return;
    if (wanted === code) typed.defaultValue = answer?.body.name ?? wanted;
    typed.value = answer?.body.name ?? wanted;
    if (answer) tell(answer.body);
    changed();
  }

  function restored() {
    if (chosen.value && chosen.value !== shown) load();
    else if (Object.values(fresh).some(({ value }) => value)) describe(true);
    else if (typed.value) typed.dispatchEvent(new Event("input"));
  }

  typed.addEventListener("input", forget);
  if (code) load();

  return {
    elements: [found, chosen, newcomer],
    settle,
    check,
    take,
    restored,
    focus: () => typed.focus(),
    read({ whom: text, customer, ...values }) {
      if (customer) return { customer };
      if (newcomer.hidden) return { error: { pointer: "/whom", code: text ? "undecided" : "required" } };
      return { person: Object.fromEntries(NEW.map((name) => [name, values[name]])) };
    },
  };
}
