// A new order in one form: whose it is, also a customer who is new, what it is, and what will become of its text.

import { call } from "../api/call.js";
import { keys } from "../api/keys.js";
import { watchSending } from "../api/sending.js";
import { el } from "../page/dom.js";
import { control, field, form, values } from "../page/form.js";
import { readAmount } from "../values/amounts.js";
import { money } from "../values/formats.js";
import { orders as words } from "../words/orders.js";
import { ADVICE } from "../words/problems.js";
import { currencies } from "./currencies.js";
import { preview } from "./preview.js";
import { whom } from "./whom.js";

// `customer` is the code of the first choice; `done(order)` gets the order.
export function newOrder({ customer, panel, done }) {
  const shown = el("span");
  const text = preview();
  const who = whom({ code: customer, changed });
  const customerKeys = keys();
  const orderKeys = keys();
  const element = form({
    fields: [
      ...who.elements,
      field(words.item, "item", { required: true }),
      el("div", { class: "pair" },
        field(words.amount, "amount", { required: true, inputmode: "decimal", placeholder: words.amountExample, hint: shown }),
        field(words.currency, "currency", { control: currencies() })),
      field(words.reference, "reference", { hint: words.referenceHint }),
      el("div", { class: "check" },
        el("input", { type: "checkbox", role: "switch", id: "texts-customer", name: "texts", checked: true }),
        el("label", { for: "texts-customer" }, words.textCustomer)),
      text.element,
    ],
    button: words.createButton,
    settle: who.settle,
    read,
    send,
  });
  panel.title(words.create);
  panel.show(element);
  if (customer) control(element, "item").focus();
  else who.focus();
  watchSending();

  // The API's body of the form's values, and what a person must say more clearly first. A new customer is its `person`.
  function read({ texts, item, amount, currency, reference, ...others }) {
    const { error, ...buyer } = who.read(others);
    const sms = texts ? {} : { sms: false };
    const found = amount ? readAmount(amount, currency) : { currency };
    const body = { ...buyer, item, amount: found.amount, currency: found.currency ?? currency, reference, ...sms };
    return { body, errors: [error && { ...error, sentence: ADVICE.whom[error.code] }, ...unclear(found)].filter(Boolean) };
  }

  function unclear(found) {
    return found.problem || found.ask ? [{ pointer: "/amount", code: found.problem, sentence: sentenceOf(found) }] : [];
  }

  function sentenceOf({ ask, currency, problem, most, text: sign }) {
    if (ask) return words.amountAsk(ask.map((amount) => money(amount, currency)));
    if (problem === "amount_decimals") return words.amountDecimals(most, currency);
    return problem === "amount_currency" ? words.amountCurrency(sign) : ADVICE.amount[problem];
  }

  // Customer and order each have a key of their own, so sending again after a lost answer creates neither twice.
  async function send({ person, ...order }) {
    if (person) {
      if (!(await who.check())) return;
      const created = (await call("POST", "customers", { body: person, key: customerKeys.of(person) })).body;
      who.take(created);
      order = { customer: created.code, ...order };
    }
    done((await call("POST", "orders", { body: order, key: orderKeys.of(order) })).body);
  }

  function changed() {
    const { body, errors } = read(values(element));
    text.update(body, errors.every(({ pointer }) => pointer === "/whom"));
  }

  element.addEventListener("input", ({ target }) => {
    const { amount, currency } = values(element);
    const found = amount ? readAmount(amount, currency) : {};
    shown.textContent = found.amount ? money(found.amount, found.currency) : "";
    // What came back all at once did not come from one of the fields.
    if (target === element) who.restored();
    changed();
  });
  // What is unclear is said when the field is left, not while it is being typed; nor as a person presses the button, which it
  // would move away.
  control(element, "amount").addEventListener("focusout", ({ target, relatedTarget }) => {
    if (relatedTarget?.type === "submit") return;
    const found = target.value.trim() ? readAmount(target.value, values(element).currency) : { amount: "-" };
    if (found.amount) return;
    target.setAttribute("aria-invalid", "true");
    element.querySelector(`#${target.id}-error`).textContent = sentenceOf(found);
  });
  return text.stop;
}
