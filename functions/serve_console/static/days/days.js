// The page of days: what each came to, as a table and as a file.

import { call, Problem } from "../api/call.js";
import { address } from "../page/address.js";
import { button, buttons, el, fill } from "../page/dom.js";
import { downloadCsv } from "../page/download.js";
import { field, showErrors, values } from "../page/form.js";
import { failure } from "../page/notices.js";
import { shopPresets } from "../page/shop.js";
import { cost as costOf, dayName, money } from "../values/formats.js";
import { days as words } from "../words/days.js";
import { orders as orderWords } from "../words/orders.js";
import { list as listWords, page } from "../words/page.js";
import { daysCsv, totalOf, troubleOf } from "./figures.js";

export function days({ query: { from, to } }) {
  const range = { from, to };
  const body = el("div", {}, el("p", { class: "starting" }, page.loading));
  const filter = el("form", { class: "filters", novalidate: true, "aria-label": words.filter },
    field(orderWords.from, "from", { type: "date", value: from }), field(orderWords.to, "to", { type: "date", value: to }),
    el("div", { class: "buttons" }, el("button", { type: "submit" }, listWords.filter)),
    el("p", { class: "shortcuts" }, Object.entries(shopPresets()).map(([name, [first, last]]) =>
      el("a", { href: address("days", { from: first, to: last }), "aria-current": from === first && to === last && "true" }, orderWords.presets[name]))));
  filter.addEventListener("submit", (event) => {
    event.preventDefault();
    location.hash = address("days", values(filter));
  });
  const element = el("section", { class: "view days", "aria-labelledby": "title" },
    el("div", { class: "head" }, el("h1", { id: "title", tabindex: "-1" }, words.title)),
    el("p", { class: "hint" }, from || to ? words.intro : words.recent),
    filter, body);
  let stopped = false;

  async function load() {
    if (from && to && from > to) return refuse([{ pointer: "/to", sentence: listWords.swapped }]);
    try {
      const { body: { data } } = await call("GET", "days", { query: range });
      if (!stopped) show(data);
    } catch (error) {
      if (stopped) return undefined;
      if (error instanceof Problem && error.status === 400) return refuse(error.errors.map((found) => ({ ...found, pointer: found.pointer.replace("?", "/") })), error.message);
      body.replaceChildren(failure(words.subject, error, load, { automatic: false }));
    }
    return undefined;
  }

  function refuse(errors, message = "") {
    const others = showErrors(filter, errors);
    body.replaceChildren(el("div", { class: "blank" }, el("h2", {}, listWords.check), el("p", {}, (errors.length ? others : [message]).join(" "))));
  }

  function show(rows) {
    if (rows.length === 0) return body.replaceChildren(el("div", { class: "blank" }, el("h2", {}, words.none)));
    const name = `days-${rows.at(-1).date}-${rows[0].date}.csv`;
    return fill(body,
      el("div", { class: "table", role: "region", tabindex: "0", "aria-label": words.title }, table(rows)),
      !rows.every(({ complete }) => complete) && el("p", { class: "hint" }, words.incomplete),
      buttons(button(words.download, () => downloadCsv(name, daysCsv(rows)))));
  }

  return { element, start: load, stop() { stopped = true; }, now() {} };
}

const sums = (amounts) => Object.entries(amounts).map(([currency, amount]) => el("span", { class: "sum" }, money(amount, currency)));
const costs = (amounts) => Object.entries(amounts).map(([currency, amount]) => el("span", { class: "sum" }, costOf(`${currency} ${amount}`)));

function cells(figures) {
  return [
    (figures.complete ? "" : words.atLeast) + figures.orders, figures.cancelled, sums(figures.amounts), figures.texts,
    figures.states.delivered ?? 0, troubleOf(figures), costs(figures.cost),
  ].map((content) => el("td", {}, content));
}

function table(rows) {
  return el("table", {},
    el("thead", {}, el("tr", {}, words.columns.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, rows.map((day) => el("tr", {}, el("th", { scope: "row" }, el("time", { datetime: day.date }, dayName(day.date))), cells(day)))),
    rows.length > 1 && el("tfoot", {}, el("tr", {}, el("th", { scope: "row" }, words.total), cells(totalOf(rows)))));
}
