// Which texts need a person.

import assert from "node:assert/strict";
import { test } from "node:test";
import { needsAttention } from "../../functions/serve_console/static/sms/attention.js";

const NOW = Date.parse("2026-11-30T12:00:00Z");
const order = (status, { ordered = "2026-11-30T11:00:00Z", history = [], ...fields } = {}) =>
  ({ status: "created", customer_name: "Njeri", order_date: ordered, sms: { status, history }, ...fields });

test("every text that failed, did not arrive or may not have gone out does", () => {
  const states = ["queued", "sending", "sent", "delivered", "undelivered", "failed", "unknown", "suppressed"];
  const now = order("", {}).order_date;
  assert.deepEqual(states.filter((state) => needsAttention(order(state), Date.parse(now))), ["undelivered", "failed", "unknown"]);
});

test("a text does once it has waited for more than ten minutes", () => {
  assert.equal(needsAttention(order("queued", { ordered: "2026-11-30T11:50:00Z" }), NOW), false);
  assert.equal(needsAttention(order("queued", { ordered: "2026-11-30T11:49:59Z" }), NOW), true);
});

test("a text that was asked for again has waited since then, whatever was tried in between", () => {
  const history = [{ cause: null, at: "2026-11-29T08:00:00Z" }, { cause: "requested", at: "2026-11-30T11:45:00Z" }, { cause: "deferred", at: "2026-11-30T11:58:00Z" }];
  assert.equal(needsAttention(order("queued", { history }), NOW), true);
  assert.equal(needsAttention(order("queued", { history: [{ cause: "requested", at: "2026-11-30T11:55:00Z" }] }), NOW), false);
});

test("nobody can do anything about a cancelled order or an erased customer", () => {
  assert.equal(needsAttention(order("failed", { status: "cancelled" }), NOW), false);
  assert.equal(needsAttention(order("failed", { customer_name: null }), NOW), false);
});
