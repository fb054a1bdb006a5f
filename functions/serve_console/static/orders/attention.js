// The orders of the last seven days whose text needs a person: found by several requests, and counted each minute.

import { call } from "../api/call.js";
import { shopPresets, startOfDay } from "../page/shop.js";
import { setCount } from "../page/title.js";
import { token } from "../session/session.js";
import { ENDED, needsAttention, WAITS_MS } from "../sms/attention.js";

const EACH_MS = 60_000;
const MOST = 100; // of each state, the API's largest page
let found = null; // {orders, hasMore}
let timer = null;
const listeners = new Set();

// The last answer, or null.
export const attention = () => found;
export const countInWords = () => (found?.orders.length ? `${found.orders.length}${found.hasMore ? "+" : ""}` : "");

// Calls `changed()` whenever the answer changes. Returns a function that ends that.
export function onAttention(changed) {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

// Returns {orders, hasMore}, newest first, of those that match the API's filters.
export async function findAttention(filters = {}) {
  const now = Date.now();
  const { order_date_from: from, order_date_to: to } = filters;
  const query = { ...filters, order_date_from: from || to ? from : startOfDay(shopPresets().week[0]) };
  const waiting = new Date(now - WAITS_MS).toISOString();
  const until = [query.order_date_to, waiting].filter(Boolean).sort()[0];
  const ask = (more) => call("GET", "orders", { query: { ...query, ...more, limit: MOST } });
  const answers = await Promise.all([...ENDED.map((state) => ask({ sms_status: state })), ask({ sms_status: "queued", order_date_to: until })]);
  const byId = new Map(answers.flatMap(({ body }) => body.data).filter((order) => needsAttention(order, now)).map((order) => [order.id, order]));
  const orders = [...byId.values()].sort((one, other) => (one.order_date < other.order_date ? 1 : -1));
  const answer = { orders, hasMore: answers.some(({ body }) => body.has_more) };
  if (Object.keys(filters).every((name) => !filters[name])) keep(answer);
  return answer;
}

function keep(answer) {
  const before = JSON.stringify(found);
  found = answer;
  setCount(countInWords());
  if (JSON.stringify(found) !== before) for (const changed of listeners) changed();
}

// Counts now, and from then on each minute. The count is never worth an error of its own.
export async function watchAttention() {
  clearTimeout(timer);
  if (token() && !document.hidden) await findAttention().catch(() => null);
  clearTimeout(timer);
  timer = setTimeout(watchAttention, EACH_MS);
}
