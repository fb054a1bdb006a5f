// The API, and looking at it again and again.

import { notice } from "./dom.js";
import { end, token } from "./signin.js";

const ROOT = "/api/v1/sales/";
const FAST_MS = 1000;
const SLOW_MS = 15000;
// In the place of what API Gateway says by itself, which is one word.
const SAID = { 403: "Your sign-in does not allow this.", 429: "Too many requests at once.", 503: "The API is not available." };

// An answer that says no: `code`, `detail` and `errors` as in application/problem+json.
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(body.detail ?? SAID[status] ?? body.message ?? `The API answers ${status}.`);
    Object.assign(this, { status, retryAfter, code: body.code ?? "", errors: body.errors ?? [] });
  }
}

// No answer came: a change may have happened all the same.
export class Unreachable extends Error {
  constructor() {
    super("The API does not answer. Check the connection, then try again.");
  }
}

// Nothing was done: whoever signs in again can ask the same once more.
class SessionEnded extends Error {
  constructor() {
    super("Your session has ended. Sign in again, then try once more.");
  }
}

// {status, body, etag}; the body is null for a 304.
export async function call(method, path, { query = {}, body, key, etag } = {}) {
  if (!token()) throw new SessionEnded();
  const headers = { Authorization: `Bearer ${token()}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  if (etag) headers[method === "GET" ? "If-None-Match" : "If-Match"] = etag;
  const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  const url = ROOT + path + (asked.size ? `?${asked}` : "");
  let answer;
  try {
    answer = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store" });
  } catch {
    throw new Unreachable();
  }
  if (answer.status === 304) return { status: 304, body: null, etag };
  const given = await answer.json().catch(() => ({}));
  if (answer.status === 401) {
    end();
    throw new SessionEnded();
  }
  if (!answer.ok) throw new Problem(answer.status, given, answer.headers.get("Retry-After"));
  return { status: answer.status, body: given, etag: answer.headers.get("ETag") };
}

let watched = 0;

// Looks at once, then soon again while `look` says that something is under way, else ever less often. A page that nobody
// sees, and one whose session has ended, does not look. What goes wrong is told once, unless `failed(error)` has shown it.
// {stop, now}: `now` is for who has just changed what is looked at.
export function watch(look, failed = () => false) {
  const trouble = `trouble-${++watched}`;
  let wait = FAST_MS;
  let timer = null;
  let looking = false;
  let again = false;
  let stopped = false;

  async function round() {
    clearTimeout(timer);
    if (looking || stopped || document.hidden || !token()) return;
    looking = true;
    again = false;
    try {
      wait = (await look()) ? FAST_MS : Math.min(wait * 1.5, SLOW_MS);
      notice("connection", "");
      notice(trouble, "");
    } catch (error) {
      wait = Math.min(wait * 2, SLOW_MS);
      if (!stopped) tell(error);
    }
    looking = false;
    if (again) now();
    else if (!stopped) timer = setTimeout(round, wait);
  }
  function tell(error) {
    const shown = failed(error);
    if (error instanceof Unreachable) notice("connection", "No connection to the API. What you see may be old.");
    else if (!shown && !(error instanceof SessionEnded)) notice(trouble, error.message);
  }
  // What a look that is under way brings may be older than the change.
  function now() {
    wait = FAST_MS;
    again = looking;
    round();
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
