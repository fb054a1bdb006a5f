// The figures of several days: their sum, and their file. Pure.

import { toCsv } from "../values/csv.js";
import { addAll, countAll } from "../values/sums.js";

const TROUBLE = ["failed", "undelivered", "unknown"];

// How many of a day's texts failed, did not arrive, or may not have gone out.
export const troubleOf = ({ states }) => TROUBLE.reduce((sum, state) => sum + (states[state] ?? 0), 0);

// The same figures for all days together.
export function totalOf(days) {
  const sum = (name) => days.reduce((total, day) => total + day[name], 0);
  return {
    orders: sum("orders"),
    cancelled: sum("cancelled"),
    amounts: addAll(days.map(({ amounts }) => amounts)),
    texts: sum("texts"),
    segments: sum("segments"),
    cost: addAll(days.map(({ cost }) => cost)),
    states: countAll(days.map(({ states }) => states)),
    complete: days.every(({ complete }) => complete),
  };
}

// A row for each day, with a column for each currency and state that any day has.
export function daysCsv(days) {
  const { amounts, cost, states } = totalOf(days);
  const [sold, paid, names] = [amounts, cost, states].map((sums) => Object.keys(sums).sort());
  const header = ["date", "orders", "cancelled", ...sold.map((currency) => `amount ${currency}`), "texts", "segments", ...paid.map((currency) => `cost ${currency}`), ...names, "complete"];
  return toCsv([header, ...days.map((day) => [
    day.date, day.orders, day.cancelled, ...sold.map((currency) => day.amounts[currency] ?? "0"), day.texts, day.segments,
    ...paid.map((currency) => day.cost[currency] ?? "0"), ...names.map((name) => day.states[name] ?? 0), day.complete ? "yes" : "no",
  ])]);
}
