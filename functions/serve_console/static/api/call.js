// Calls the API.

import { token, end } from "../session/session.js";
import { sentence } from "../values/formats.js";
import { page } from "../words/page.js";
import { anyError, PROBLEMS, REFUSALS, tryAgainIn } from "../words/problems.js";
import { session } from "../words/session.js";

const ROOT = "/api/v1/sales/";
const NEXT = /[?&]cursor=([^&>]+)[^>]*>; rel="next"/;
const FILES = /^(text\/csv|application\/x-ndjson)/;

// The API refused: `code` and `errors` as in application/problem+json, `body` whole, and a sentence for a clerk as the message.
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(PROBLEMS[body.code] ?? sentence(body.detail ?? REFUSALS[status] ?? body.message ?? anyError(status)));
    Object.assign(this, { status, retryAfter, body, code: body.code ?? "", errors: body.errors ?? [] });
  }
}

// No answer arrived. The change may have been made all the same.
export class Unreachable extends Error {
  constructor() {
    super(page.unreachable);
  }
}

// The API did nothing: the same call is safe to repeat after signing in.
export class SessionEnded extends Error {
  constructor() {
    super(session.endedCall);
  }
}

// Sends `body` as JSON, or `file`, {type, text}. Returns {status, body, etag, cursor}; the body is null for a 304, and the text of a
// file; `cursor` is that of a list's next page, as `Link` has it. Throws Problem, Unreachable or SessionEnded.
export async function call(method, path, { query = {}, body, file, key, etag, accept } = {}) {
  if (!token()) throw new SessionEnded();
  const headers = { Authorization: `Bearer ${token()}` };
  if (file || body !== undefined) headers["Content-Type"] = file?.type ?? "application/json";
  if (accept) headers.Accept = accept;
  if (key) headers["Idempotency-Key"] = key;
  if (etag) headers[method === "GET" ? "If-None-Match" : "If-Match"] = etag;
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  const url = ROOT + path + (search.size ? `?${search}` : "");
  let response;
  try {
    response = await fetch(url, { method, headers, body: file?.text ?? (body === undefined ? undefined : JSON.stringify(body)), cache: "no-store" });
  } catch {
    throw new Unreachable();
  }
  if (response.status === 304) return { status: 304, body: null, etag };
  const isFile = FILES.test(response.headers.get("Content-Type"));
  const content = isFile ? await response.text() : await response.json().catch(() => ({}));
  if (response.status === 401) {
    end();
    throw new SessionEnded();
  }
  if (!response.ok) throw new Problem(response.status, content, response.headers.get("Retry-After"));
  const [, cursor] = NEXT.exec(response.headers.get("Link")) ?? [];
  return { status: response.status, body: content, etag: response.headers.get("ETag"), cursor };
}

// The error's sentence, and when to try again if the API says so.
export function explain(error) {
  const seconds = error instanceof Problem && error.retryAfter;
  return seconds ? `${error.message} ${tryAgainIn(seconds)}` : error.message;
}
