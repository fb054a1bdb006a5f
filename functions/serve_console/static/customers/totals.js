// What a customer's orders come to. Pure.

import { addAll, countAll } from "../values/sums.js";

// Returns {count, cancelled, spent: {currency: amount} without cancelled orders, texts: {state: count}}.
export function totals(orders) {
  const kept = orders.filter(({ status }) => status !== "cancelled");
  return {
    count: orders.length,
    cancelled: orders.length - kept.length,
    spent: addAll(kept.map(({ amount, currency }) => ({ [currency]: amount }))),
    texts: countAll(orders.map(({ sms }) => ({ [sms.status]: 1 }))),
  };
}
