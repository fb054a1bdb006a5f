// Whether texts go out, asked for sparingly, and the banner while they do not.

import { notice } from "../page/notices.js";
import { token } from "../session/session.js";
import { bannerSentences } from "../sms/sentences.js";
import { money, soonMoment } from "../values/formats.js";
import { call } from "./call.js";

// While all is well, and while it is not.
const WELL_MS = 60_000;
const ILL_MS = 15_000;
// What is this fresh is not asked for again.
const FRESH_MS = 10_000;

let status = null;
let askedAt = 0;
let timer = null;
const listeners = new Set();

// The last answer of `GET sms/status`, or null.
export const sending = () => status;

// Calls `changed()` whenever the answer changes. Returns a function that ends that.
export function onSending(changed) {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

// Asks now, unless the answer is fresh, and from then on regularly. The state of sending is never worth an error of its own.
export async function watchSending() {
  clearTimeout(timer);
  if (token() && !document.hidden && Date.now() - askedAt > FRESH_MS) {
    askedAt = Date.now();
    const answer = await call("GET", "sms/status").catch(() => null);
    if (answer && JSON.stringify(answer.body) !== JSON.stringify(status)) {
      status = answer.body;
      for (const changed of listeners) changed();
    }
  }
  const sentences = status ? bannerSentences(status, { now: Date.now(), at: soonMoment, money }) : [];
  notice("sending", sentences.join(" "));
  clearTimeout(timer);
  timer = setTimeout(watchSending, sentences.length ? ILL_MS : WELL_MS);
}

document.addEventListener("visibilitychange", () => timer && !document.hidden && watchSending());
