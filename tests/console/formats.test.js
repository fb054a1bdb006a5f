// Times, money and costs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { cost, money, sentence, soonMoment } from "../../functions/serve_console/static/values/formats.js";

test("money is grouped and keeps its decimals", () => {
  assert.equal(money("1500.00", "KES"), "KES 1,500.00");
  assert.equal(money("15000", "UGX"), "UGX 15,000");
});

test("a cost has no needless zeros", () => {
  assert.deepEqual(["KES 0.8000", "KES 1.6050", "USD 0.0079", null, "free"].map(cost), ["KES 0.80", "KES 1.605", "USD 0.0079", null, "free"]);
});

test("a time names the day unless that is today", () => {
  const now = new Date(2026, 1, 3, 9, 0);
  assert.equal(soonMoment(new Date(2026, 1, 3, 12, 5), now), "12:05");
  assert.match(soonMoment(new Date(2026, 1, 4, 12, 5), now), /Feb 4.*12:05/);
});

test("a sentence has a capital letter and a full stop", () => {
  assert.equal(sentence("must be a number"), "Must be a number.");
  assert.equal(sentence("Really?"), "Really?");
});
