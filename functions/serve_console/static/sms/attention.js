// Which texts need a person. Pure.

// How long a text may wait before somebody should look.
export const WAITS_MS = 10 * 60 * 1000;
// Of these states every text needs someone; of the queued, those that have waited too long.
export const ENDED = ["failed", "undelivered", "unknown"];

// Since when the text has been queued: from the order, or from when a person asked for it again. Retries in between do not count.
function queuedSince({ order_date: ordered, sms }) {
  const asked = sms.history.findLast((event) => event.cause === "requested");
  return Date.parse(asked?.at ?? ordered);
}

// Nobody can do anything about the text of a cancelled order, or of an erased customer.
export function needsAttention(order, now) {
  if (order.status === "cancelled" || !order.customer_name) return false;
  return ENDED.includes(order.sms.status) || (order.sms.status === "queued" && now - queuedSince(order) > WAITS_MS);
}
