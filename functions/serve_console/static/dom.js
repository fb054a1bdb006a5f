// Elements, and how times and money are shown.

// el("p", {class: "hint", onclick: f, hidden: true}, "text", child): attributes that are false or null are left out.
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

// With its year where that is not this one. `exact`: with seconds, and without its day where that is the day of `after`.
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

// The gateway's own word for what a text cost, "KES 0.8000", with the digits that say something.
export function cost(text) {
  const [, currency, amount] = /^([A-Z]{3}) (\d+\.\d+)$/.exec(text ?? "") ?? [];
  return amount ? money(amount.replace(/(\.\d\d\d*?)0+$/, "$1"), currency) : text;
}

// A definition list of what is there.
export function facts(entries) {
  return el("dl", { class: "facts" }, entries.filter(([, value]) => value).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

// What keeps the page from being up to date, or just happened. One notice of a kind; an empty text takes it back.
// `actions()` makes its buttons. It stands in the page and in the drawer: while that is open nothing else can be read.
export function notice(kind, text, actions) {
  for (const region of document.querySelectorAll(".notices")) {
    const there = region.querySelector(`[data-kind="${kind}"]`);
    if (!text) there?.remove();
    else if (there?.dataset.text !== text) {
      const shown = el("div", { class: "notice", "data-kind": kind, "data-text": text }, el("p", {}, text), actions?.());
      if (there) there.replaceWith(shown);
      else region.append(shown);
    }
  }
}

// What stands in the place of something that could not be loaded.
export function failure(what, error, retry) {
  return el("div", { class: "blank", role: "alert" },
    el("h2", {}, `${what} cannot be shown`),
    el("p", {}, error.message),
    el("p", {}, "It is tried again by itself."),
    el("p", { class: "buttons" }, el("button", { type: "button", onclick: retry }, "Try again now")));
}
