// Calls the API, and keeps what a page shows up to date.

import { notice } from "./dom.js";
import { end, token } from "./signin.js";

const ROOT = "/api/v1/sales/";
const FAST_MS = 1000;
const SLOW_MS = 15000;
// What a clerk reads, by problem code. The API's own sentence stands in for any other code.
const SENTENCES = {
  customer_erased: "This customer’s personal data was erased. Create a new customer.",
  insufficient_scope: "You are not allowed to do this.",
  order_cancelled: "This order is cancelled. Create a new order.",
  reference_taken: "Another order already has this reference.",
  sms_in_progress: "A text is already on its way.",
  sms_too_often: "This text was sent again too often. Contact the customer another way.",
  sms_too_soon: "This text was sent again a moment ago.",
  unavailable: "The server is busy.",
  unexpected: "Something went wrong on our side. Try again.",
  version_mismatch: "Someone else changed this. Close it, then open it again to see the change.",
};
// API Gateway refuses with a single word. These sentences replace it, by HTTP status.
const REFUSALS = {
  403: "You are not allowed to do this.",
  429: "Too many requests. Wait a moment, then try again.",
  503: "The server is not available.",
};

// `text` with a capital letter and a full stop: the API's own words have neither everywhere.
export function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;
}

// The API refused: `code` and `errors` as in application/problem+json, and a sentence for a clerk as the message.
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(SENTENCES[body.code]
      ?? sentence(body.detail ?? REFUSALS[status] ?? body.message ?? `The server answered with an error (${status})`));
    Object.assign(this, { status, retryAfter, code: body.code ?? "", errors: body.errors ?? [] });
  }
}

// No answer arrived. The change may have been made all the same.
export class Unreachable extends Error {
  constructor() {
    super("We can’t reach the server. Check your connection, then try again.");
  }
}

// The API did nothing: the same call is safe to repeat after signing in.
class SessionEnded extends Error {
  constructor() {
    super("Your session has ended. Sign in, then try again.");
  }
}

// Returns {status, body, etag}; the body is null for a 304. Throws Problem, Unreachable or SessionEnded.
export async function call(method, path, { query = {}, body, key, etag } = {}) {
  if (!token()) throw new SessionEnded();
  const headers = { Authorization: `Bearer ${token()}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  if (etag) headers[method === "GET" ? "If-None-Match" : "If-Match"] = etag;
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  const url = ROOT + path + (search.size ? `?${search}` : "");
  let response;
  try {
    response = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store" });
  } catch {
    throw new Unreachable();
  }
  if (response.status === 304) return { status: 304, body: null, etag };
  const content = await response.json().catch(() => ({}));
  if (response.status === 401) {
    end();
    throw new SessionEnded();
  }
  if (!response.ok) throw new Problem(response.status, content, response.headers.get("Retry-After"));
  return { status: response.status, body: content, etag: response.headers.get("ETag") };
}

let watchers = 0;

// Calls `refresh` now, then every second while it returns true, else ever less often. Pauses while the page is hidden or the
// session has ended. Shows an error as a notice, unless `showFailure(error)` returns true because it has shown the error itself.
// Returns {stop, now}; call `now` after changing what `refresh` reads.
export function watch(refresh, showFailure = () => false) {
  const trouble = `trouble-${++watchers}`;
  let wait = FAST_MS;
  let timer = null;
  let refreshing = false;
  let repeat = false;
  let stopped = false;

  async function poll() {
    clearTimeout(timer);
    if (refreshing || stopped || document.hidden || !token()) return;
    refreshing = true;
    repeat = false;
    try {
      wait = (await refresh()) ? FAST_MS : Math.min(wait * 1.5, SLOW_MS);
      notice("connection", "");
      notice(trouble, "");
    } catch (error) {
      wait = Math.min(wait * 2, SLOW_MS);
      if (!stopped) report(error);
    }
    refreshing = false;
    if (repeat) now();
    else if (!stopped) timer = setTimeout(poll, wait);
  }
  function report(error) {
    const shown = showFailure(error);
    if (error instanceof Unreachable) notice("connection", "No connection. What you see may be out of date.");
    else if (!shown && !(error instanceof SessionEnded)) notice(trouble, error.message);
  }
  // A refresh that is under way may return what was there before the change, so another one follows it.
  function now() {
    wait = FAST_MS;
    repeat = refreshing;
    poll();
  }

  const events = [[document, "visibilitychange"], [window, "online"], [window, "signed-in"]];
  for (const [target, name] of events) target.addEventListener(name, now);
  now();
  return {
    now,
    stop() {
      stopped = true;
      clearTimeout(timer);
      notice(trouble, "");
      for (const [target, name] of events) target.removeEventListener(name, now);
    },
  };
}
