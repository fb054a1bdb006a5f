// The API, and looking at it again and again.

import { notice } from "./dom.js";
import { end, token } from "./signin.js";

const ROOT = "/api/v1/sales/";
const FAST_MS = 1000;
const SLOW_MS = 15000;

// An answer that says no: `code`, `detail` and `errors` as in application/problem+json.
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(body.detail ?? body.message ?? `The API answers ${status}.`);
    Object.assign(this, { status, retryAfter, code: body.code ?? "", errors: body.errors ?? [] });
  }
}

// No answer came: a change may have happened all the same.
export class Unreachable extends Error {
  constructor() {
    super("The API does not answer. Check the connection, then try again.");
  }
}

// {status, body, etag}; the body is null for a 304.
export async function call(method, path, { query = {}, body, key, etag } = {}) {
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
  if (answer.status === 401) end();
  if (!answer.ok) throw new Problem(answer.status, given, answer.headers.get("Retry-After"));
  return { status: answer.status, body: given, etag: answer.headers.get("ETag") };
}

// Looks at once, then soon again while `look` says that something is under way, else ever less often. A page that nobody
// sees does not look. What goes wrong is told once; the function that is given back stops it.
export function watch(look) {
  let wait = FAST_MS;
  let timer = null;
  let looking = false;
  let stopped = false;

  async function round() {
    clearTimeout(timer);
    if (looking || stopped || document.hidden || !token()) return;
    looking = true;
    try {
      wait = (await look()) ? FAST_MS : Math.min(wait * 1.5, SLOW_MS);
      notice("connection", "");
    } catch (error) {
      wait = Math.min(wait * 2, SLOW_MS);
      if (token()) notice("connection", error instanceof Unreachable ? "No connection to the API. What you see may be old." : error.message);
    }
    looking = false;
    if (!stopped) timer = setTimeout(round, wait);
  }
  function now() {
    wait = FAST_MS;
    round();
  }

  document.addEventListener("visibilitychange", now);
  window.addEventListener("online", now);
  now();
  return () => {
    stopped = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", now);
    window.removeEventListener("online", now);
  };
}
