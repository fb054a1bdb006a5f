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

const SHORT = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const EXACT = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function time(stamp, exact = false) {
  const date = new Date(stamp);
  return el("time", { datetime: stamp, title: FULL.format(date) }, (exact ? EXACT : SHORT).format(date));
}

export function money(amount, currency) {
  const decimals = (amount.split(".")[1] ?? "").length;
  const number = new Intl.NumberFormat(undefined, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return `${currency} ${number.format(Number(amount))}`;
}

// A definition list of what is there.
export function facts(entries) {
  return el("dl", { class: "facts" }, entries.filter(([, value]) => value).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

// What keeps the page from being up to date, or just happened. One notice of a kind; an empty text takes it back.
export function notice(kind, text, action) {
  const there = $("notices").querySelector(`[data-kind="${kind}"]`);
  if (!text) return there?.remove();
  if (there?.dataset.text === text) return undefined;
  const shown = el("div", { class: "notice", "data-kind": kind, "data-text": text }, el("p", {}, text), action);
  if (there) there.replaceWith(shown);
  else $("notices").append(shown);
  return undefined;
}
