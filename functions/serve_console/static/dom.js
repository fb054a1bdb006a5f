// Creates elements, and shows times, money, notices and failures.

// el("p", {class: "hint", onclick: f, hidden: true}, "text", child): leaves out attributes that are false or null.
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const $ = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

export function icon(path) {
  const svg = document.createElementNS(SVG, "svg");
  const shape = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

const DAY = { day: "numeric", month: "short" };
const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

// Adds the year unless it is this year. `exact` adds seconds; the day is left out if it is also the day of `after`.
export function time(stamp, { exact = false, after } = {}) {
  const date = new Date(stamp);
  const options = { ...CLOCK, ...(exact ? { second: "2-digit" } : {}) };
  if (!after || new Date(after).toDateString() !== date.toDateString()) {
    Object.assign(options, DAY, date.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" });
  }
  return el("time", { datetime: stamp, title: FULL.format(date) }, date.toLocaleString(undefined, options));
}

export function money(amount, currency) {
  const decimals = (amount.split(".")[1] ?? "").length;
  const number = new Intl.NumberFormat(undefined, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return `${currency} ${number.format(Number(amount))}`;
}

// The provider's cost of a text, such as "KES 0.8000", without needless zeros.
export function cost(text) {
  const [, currency, amount] = /^([A-Z]{3}) (\d+\.\d+)$/.exec(text ?? "") ?? [];
  return amount ? money(amount.replace(/(\.\d\d\d*?)0+$/, "$1"), currency) : text;
}

// A definition list of the entries that have a value.
export function facts(entries) {
  return el("dl", { class: "facts" }, entries.filter(([, value]) => value).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

// A closed fold for what a clerk rarely needs. `show(entries)` replaces its facts, and leaves it open if it is open.
export function technicalDetails() {
  const body = el("div");
  const element = el("details", { class: "technical" }, el("summary", {}, "Technical details"), body);
  return { element, show: (entries) => body.replaceChildren(facts(entries)) };
}

// Shows one notice of each kind, on the page and in the drawer (an open drawer hides the page from assistive technology).
// An empty text removes the notice. `actions()` creates its buttons.
export function notice(kind, text, actions) {
  for (const region of document.querySelectorAll(".notices")) {
    const current = region.querySelector(`[data-kind="${kind}"]`);
    if (!text) current?.remove();
    else if (current?.dataset.text !== text) {
      const element = el("div", { class: "notice", "data-kind": kind, "data-text": text }, el("p", {}, text), actions?.());
      if (current) current.replaceWith(element);
      else region.append(element);
    }
  }
}

// Stands in for what did not load, such as "The order".
export function failure(subject, error, retry) {
  return el("div", { class: "blank", role: "alert" },
    el("h2", {}, `${subject} did not load`),
    el("p", {}, error.message),
    el("p", {}, "Trying again automatically."),
    el("p", { class: "buttons" }, el("button", { type: "button", onclick: retry }, "Try again now")));
}
