// Forms that show each error at its field and are safe to submit twice.

import { Problem, sentence } from "./api.js";
import { el } from "./dom.js";

// What to do about a field, by its name and the API's code. The API's own sentence stands in for any other code.
const ADVICE = {
  name: { required: "Enter a name." },
  phone_number: { required: "Enter a phone number." },
  email: { required: "Enter an email address.", invalid_email: "Enter an email address, such as name@example.com." },
  code: { invalid: "Enter a customer’s code." },
  customer: {
    required: "Enter a customer’s code, or pick a customer.",
    not_found: "No customer has this code or id. Check it, or pick a customer.",
    invalid: "Enter a customer’s code or id.",
  },
  item: { required: "Enter what the customer ordered." },
  amount: {
    required: "Enter an amount, such as 1500.00.",
    invalid_amount: "Enter an amount without commas, such as 1500.00.",
    too_small: "Enter an amount above 0.",
  },
  currency: { unknown_currency: "Enter a currency code, such as KES." },
  reason: { required: "Enter a reason." },
};

let fieldCount = 0;

// A labelled field; `name` is also its name in the request's body.
export function field(label, name, { hint, control, ...attributes } = {}) {
  const id = `field-${++fieldCount}`;
  const input = control ?? el("input", { type: "text", autocomplete: "off", ...attributes });
  input.id = id;
  input.name = name;
  input.setAttribute("aria-describedby", `${id}-error${hint ? ` ${id}-hint` : ""}`);
  return el("div", { class: "field" },
    el("label", { for: id }, label),
    input,
    hint && el("p", { class: "hint", id: `${id}-hint` }, hint),
    el("p", { class: "error", id: `${id}-error` }));
}

// The control with this name. Not form.elements[name], because form.elements.item is a method.
export const control = (form, name) => form.querySelector(`[name="${CSS.escape(name)}"]`);

// The fields' values, without empty ones.
export function values(form) {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));
}

// Replaces the form's errors by these, and returns the sentences of those that belong to none of its fields.
export function showErrors(form, errors) {
  const others = [];
  for (const input of form.elements) {
    if (!input.name) continue;
    input.removeAttribute("aria-invalid");
    form.querySelector(`#${input.id}-error`)?.replaceChildren();
  }
  for (const error of errors) {
    const name = error.pointer.slice(1);
    const input = control(form, name);
    const target = input && form.querySelector(`#${input.id}-error`);
    if (target) {
      input.setAttribute("aria-invalid", "true");
      target.append(`${target.textContent ? " " : ""}${ADVICE[name]?.[error.code] ?? sentence(error.detail)}`);
    } else others.push(sentence(`${name} ${error.detail}`.trim()));
  }
  form.querySelector("[aria-invalid]")?.focus();
  return others;
}

// Calls `send(values, key)` on submit. The key stays the same until sending succeeds or a value changes, so submitting again
// after a lost answer creates nothing twice.
export function form({ fields, button, send, cancel, tone = "primary" }) {
  const trouble = el("p", { class: "error", role: "alert" });
  const submit = el("button", { type: "submit", class: tone }, button);
  const element = el("form", { novalidate: true }, fields, trouble, el("div", { class: "buttons" }, submit, cancel));
  let key = null;
  let sentValues = null;
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    const current = values(element);
    const snapshot = JSON.stringify(current);
    if (key === null || snapshot !== sentValues) key = crypto.randomUUID();
    sentValues = snapshot;
    submit.disabled = true;
    element.setAttribute("aria-busy", "true");
    trouble.textContent = "";
    showErrors(element, []);
    try {
      await send(current, key);
      key = null;
    } catch (error) {
      const errors = error instanceof Problem ? error.errors : [];
      const others = showErrors(element, errors);
      if (errors.length === 0 || others.length) trouble.textContent = [...others, errors.length ? "" : explain(error)].join(" ").trim();
    } finally {
      submit.disabled = false;
      element.removeAttribute("aria-busy");
    }
  });
  return element;
}

// The error's sentence, and when to try again if the API says so.
export function explain(error) {
  const seconds = error instanceof Problem && error.retryAfter;
  return seconds ? `${error.message} Try again in ${seconds} ${seconds === "1" ? "second" : "seconds"}.` : error.message;
}
