// Sums of money and counts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { totals } from "../../functions/serve_console/static/customers/totals.js";
import { add, addAll, countAll } from "../../functions/serve_console/static/values/sums.js";

test("amounts are added exactly, with the decimals of the longer", () => {
  assert.equal(add("0.10", "0.20"), "0.30");
  assert.equal(add("0.8000", "1"), "1.8000");
  assert.equal(add("9999999999999999.99", "0.01"), "10000000000000000.00");
  assert.equal(add("15000", "5000"), "20000");
  assert.equal(add("0.01", "0.04"), "0.05");
});

test("no amount is added to one in another currency", () => {
  assert.deepEqual(addAll([{ UGX: "100" }, { KES: "1.50", UGX: "5" }, {}]), { KES: "1.50", UGX: "105" });
  assert.deepEqual(countAll([{ sent: 1 }, { sent: 2, failed: 1 }]), { sent: 3, failed: 1 });
});

test("a cancelled order is counted, and its amount is not", () => {
  const order = (amount, currency, state, status = "created") => ({ amount, currency, status, sms: { status: state } });
  assert.deepEqual(totals([order("10.00", "KES", "delivered"), order("5.50", "KES", "failed"), order("9.00", "KES", "delivered", "cancelled"), order("2.00", "USD", "delivered")]), {
    count: 4, cancelled: 1, spent: { KES: "15.50", USD: "2.00" }, texts: { delivered: 3, failed: 1 },
  });
});
