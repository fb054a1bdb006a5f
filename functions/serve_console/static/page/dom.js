// Creates elements.

import { fullMoment, moment } from "../values/formats.js";
import { page } from "../words/page.js";

// el("p", {class: "hint", onclick: f, hidden: true}, "text", child): leaves out attributes that are false or null.
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...present(children));
  return element;
}

// Leaves out children that are null, undefined or false.
const present = (children) => children.flat().filter((child) => child !== null && child !== undefined && child !== false);

export const fill = (element, ...children) => element.replaceChildren(...present(children));

export const $ = (id) => document.getElementById(id);

export const button = (label, onclick, tone = "") => el("button", { type: "button", class: tone, onclick }, label);
export const linkButton = (label, href, tone = "") => el("a", { class: `button ${tone}`, href }, label);
export const buttons = (...children) => el("p", { class: "buttons" }, ...children);

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

// A moment, with the whole of it on pointing at it. The options are those of `moment`.
export const time = (stamp, options) => el("time", { datetime: stamp, title: fullMoment(stamp) }, moment(stamp, options));

// A definition list of the entries that have a value.
export function facts(entries) {
  return el("dl", { class: "facts" }, entries.filter(([, value]) => value).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

// A closed fold for what a clerk rarely needs. `show(entries)` replaces its facts, and leaves it open if it is open.
export function technicalDetails() {
  const body = el("div");
  const element = el("details", { class: "technical" }, el("summary", {}, page.technical), body);
  return { element, show: (entries) => body.replaceChildren(facts(entries)) };
}
