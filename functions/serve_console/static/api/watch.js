// Keeps what a page shows up to date.

import { notice } from "../page/notices.js";
import { token } from "../session/session.js";
import { page } from "../words/page.js";
import { SessionEnded, Unreachable } from "./call.js";

const FAST_MS = 1000;
const SLOW_MS = 15000;
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
    if (error instanceof Unreachable) notice("connection", page.offline);
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
