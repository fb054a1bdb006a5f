// The shop's own days.

import assert from "node:assert/strict";
import { test } from "node:test";
import { dayOf, plusDays, presets, startOf } from "../../functions/serve_console/static/values/shop_days.js";

test("a day is the shop's, wherever the person is", () => {
  const evening = Date.parse("2026-11-29T22:30:00Z");
  assert.deepEqual(["+03:00", "+00:00", "-05:00", "+05:45"].map((offset) => dayOf(evening, offset)), ["2026-11-30", "2026-11-29", "2026-11-29", "2026-11-30"]);
  assert.equal(dayOf(Date.parse("2026-11-29T18:15:00Z"), "+05:45"), "2026-11-30");
});

test("a day begins at the shop's midnight", () => {
  assert.equal(startOf("2026-02-03", "+03:00"), "2026-02-02T21:00:00.000Z");
  assert.equal(startOf("2026-02-28", "+03:00", 1), "2026-02-28T21:00:00.000Z");
  assert.equal(startOf("2026-02-03", "-05:30"), "2026-02-03T05:30:00.000Z");
});

test("what is no date is left for the API to refuse", () => {
  assert.deepEqual(["yesterday", "2026-13-40", "", undefined].map((text) => startOf(text, "+03:00")), ["yesterday", "2026-13-40", "", undefined]);
});

test("days follow each other over the end of a month and a leap day", () => {
  assert.deepEqual([plusDays("2028-02-28", 1), plusDays("2026-03-01", -1), plusDays("2026-12-31", 1)], ["2028-02-29", "2026-02-28", "2027-01-01"]);
});

test("presets are whole days, today included", () => {
  assert.deepEqual(presets("2026-12-02"), {
    today: ["2026-12-02", "2026-12-02"],
    yesterday: ["2026-12-01", "2026-12-01"],
    week: ["2026-11-26", "2026-12-02"],
    month: ["2026-12-01", "2026-12-02"],
  });
});
