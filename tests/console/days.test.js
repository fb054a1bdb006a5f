// The figures of days, and their file.

import assert from "node:assert/strict";
import { test } from "node:test";
import { daysCsv, totalOf, troubleOf } from "../../functions/serve_console/static/days/figures.js";

const day = (date, fields = {}) => ({ date, orders: 0, cancelled: 0, amounts: {}, texts: 0, segments: 0, cost: {}, states: {}, reasons: {}, complete: true, ...fields });
const DAYS = [
  day("2026-11-30", { orders: 3, cancelled: 1, amounts: { KES: "1500.50" }, texts: 2, segments: 3, cost: { KES: "1.6000" }, states: { delivered: 1, failed: 1, suppressed: 1 } }),
  day("2026-11-29", { orders: 2, amounts: { UGX: "15000", KES: "0.50" }, texts: 1, segments: 1, cost: { KES: "0.8000" }, states: { unknown: 1, undelivered: 1 }, complete: false }),
];

test("the total of days is exact, by currency, and no surer than its days", () => {
  const { states, ...total } = totalOf(DAYS);
  assert.deepEqual(total, { orders: 5, cancelled: 1, amounts: { KES: "1501.00", UGX: "15000" }, texts: 3, segments: 4, cost: { KES: "2.4000" }, complete: false });
  assert.deepEqual(states, { delivered: 1, failed: 1, suppressed: 1, unknown: 1, undelivered: 1 });
  assert.deepEqual(DAYS.map(troubleOf), [1, 2]);
});

test("the file has a column for each currency and state of any day", () => {
  assert.deepEqual(daysCsv(DAYS).split("\r\n"), [
    "date,orders,cancelled,amount KES,amount UGX,texts,segments,cost KES,delivered,failed,suppressed,undelivered,unknown,complete",
    "2026-11-30,3,1,1500.50,0,2,3,1.6000,1,1,1,0,0,yes",
    "2026-11-29,2,0,0.50,15000,1,1,0.8000,0,0,0,1,1,no",
    "",
  ]);
});
