// Forms that show each error at its field and are safe to submit twice.

import { explain, Problem } from "../api/call.js";
import { keys } from "../api/keys.js";
import { sentence } from "../values/formats.js";
import { ADVICE, MOST, tooLong } from "../words/problems.js";
import { el } from "./dom.js";

let fieldCount = 0;

// A labelled field; `name` is also its name in the request's body. `hint` is a text or an element; `control` replaces the
// input, whose other attributes are the options.
export function field(label, name, { hint, control, ...attributes } = {}) {
  const id = `field-${++fieldCount}`;
  const input = control ?? el("input", { type: "text", autocomplete: "off", ...attributes });
  input.id = id;
  input.name = name;
  input.setAttribute("aria-describedby", `${id}-error${hint ? ` ${id}-hint` : ""}`);
  const error = el("p", { class: "error", id: `${id}-error` });
  // A corrected field is not wrong any more; one that grows too long is wrong at once.
  input.addEventListener("input", () => {
    const length = [...input.value.trim()].length;
    show(input, error, input.type !== "checkbox" && length > MOST[name] ? [tooLong(MOST[name], length)] : []);
  });
  return el("div", { class: "field" },
    el("label", { for: id }, label),
    input,
    hint && el("p", { class: "hint", id: `${id}-hint` }, hint),
    error);
}

function show(input, target, sentences) {
  if (sentences.length) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
  target.textContent = sentences.join(" ");
}

// The control with this name. Not form.elements[name], because form.elements.item is a method.
export const control = (form, name) => form.querySelector(`[name="${CSS.escape(name)}"]`);

// The fields' values, without empty ones.
export function values(form) {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));
}

// Replaces the form's errors by these ({pointer, code, detail}, as the API has them, or with a `sentence` for people), and
// returns the sentences of those that belong to none of its fields.
export function showErrors(form, errors) {
  const others = [];
  const byName = new Map();
  for (const error of errors) {
    const name = error.pointer.slice(1);
    const target = form.querySelector(`#${control(form, name)?.id}-error`);
    const advice = error.sentence ?? ADVICE[name]?.[error.code] ?? (MOST[name] && error.code === "too_long" ? tooLong(MOST[name], [...(control(form, name)?.value ?? "")].length) : null);
    if (target) byName.set(name, [...(byName.get(name) ?? []), advice ?? sentence(error.detail)]);
    else others.push(advice ?? sentence(`${name} ${error.detail}`.trim()));
  }
  for (const input of form.elements) {
    const target = input.name && form.querySelector(`#${input.id}-error`);
    if (target) show(input, target, byName.get(input.name) ?? []);
  }
  form.querySelector("[aria-invalid]")?.focus();
  return others;
}

const missing = (form) => [...form.elements].filter((input) => input.required && !input.value.trim())
  .map(({ name }) => ({ pointer: `/${name}`, code: "required", sentence: ADVICE[name].required }));

// Calls `send(body, key)` on submit, once all required fields have a value; submitting again after a lost answer sends the same
// key. `settle()` decides first what only looks undecided; `read(values)` returns {body, errors}: what to send, or why not yet.
export function form({ fields, button, send, settle = () => {}, read = (body) => ({ body, errors: [] }), tone = "primary" }) {
  const trouble = el("p", { class: "error", role: "alert" });
  const submit = el("button", { type: "submit", class: tone }, button);
  const element = el("form", { novalidate: true }, fields, trouble, el("div", { class: "buttons" }, submit));
  const ownKeys = keys();

  async function act() {
    trouble.textContent = "";
    await settle();
    const { body, errors: unclear } = read(values(element));
    const errors = [...missing(element), ...unclear];
    if (errors.length) {
      trouble.textContent = showErrors(element, errors).join(" ");
      return;
    }
    element.setAttribute("aria-busy", "true");
    showErrors(element, []);
    await send(body, ownKeys.of(body));
    ownKeys.done();
  }

  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    submit.disabled = true;
    try {
      await act();
    } catch (error) {
      const found = error instanceof Problem ? error.errors : [];
      const others = showErrors(element, found);
      if (found.length === 0 || others.length) trouble.textContent = [...others, found.length ? "" : explain(error)].join(" ").trim();
    } finally {
      submit.disabled = false;
      element.removeAttribute("aria-busy");
    }
  });
  return element;
}
