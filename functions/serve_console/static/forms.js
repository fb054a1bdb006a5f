// Forms whose errors are shown at their fields, and that can be sent again without doing anything twice.

import { Problem } from "./api.js";
import { el } from "./dom.js";

let made = 0;

// A labelled field; `name` is the body's.
export function field(label, name, { hint, control, ...attributes } = {}) {
  const id = `field-${++made}`;
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

// The control of this name. Not form.elements[name]: "item" is a method of that.
export const control = (form, name) => form.querySelector(`[name="${CSS.escape(name)}"]`);

// What was typed; empty fields are left out.
export function values(form) {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));
}

export function showErrors(form, errors) {
  const others = [];
  for (const input of form.elements) {
    if (!input.name) continue;
    input.removeAttribute("aria-invalid");
    form.querySelector(`#${input.id}-error`)?.replaceChildren();
  }
  for (const error of errors) {
    const input = control(form, error.pointer.slice(1));
    const place = input && form.querySelector(`#${input.id}-error`);
    if (place) {
      input.setAttribute("aria-invalid", "true");
      place.append(`${place.textContent ? " " : ""}${error.detail}`);
    } else others.push(`${error.pointer} ${error.detail}`);
  }
  form.querySelector("[aria-invalid]")?.focus();
  return others;
}

// `send(values, key)` is what submitting does. The key stays the same until it has worked or what was typed changes, so
// that a repeat after a lost answer creates nothing twice.
export function form({ fields, button, send, cancel, tone = "primary" }) {
  const trouble = el("p", { class: "error", role: "alert" });
  const submit = el("button", { type: "submit", class: tone }, button);
  const made = el("form", { novalidate: true }, fields, trouble, el("div", { class: "buttons" }, submit, cancel));
  let key = null;
  let sentAs = null;
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = values(made);
    const picture = JSON.stringify(given);
    if (key === null || picture !== sentAs) key = crypto.randomUUID();
    sentAs = picture;
    submit.disabled = true;
    made.setAttribute("aria-busy", "true");
    trouble.textContent = "";
    showErrors(made, []);
    try {
      await send(given, key);
      key = null;
    } catch (error) {
      const errors = error instanceof Problem ? error.errors : [];
      const others = showErrors(made, errors);
      if (errors.length === 0 || others.length) trouble.textContent = [...others, errors.length ? "" : told(error)].join(" ").trim();
    } finally {
      submit.disabled = false;
      made.removeAttribute("aria-busy");
    }
  });
  return made;
}

export function told(error) {
  if (!(error instanceof Problem)) return error.message;
  if (error.code === "version_mismatch") return "Somebody has changed this meanwhile. Close it and open it again to see what it is now.";
  return error.retryAfter ? `${error.message} Try again in ${error.retryAfter} s.` : error.message;
}
