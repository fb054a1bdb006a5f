// Modules that load when they are needed.

import { Unreachable } from "../api/call.js";
import { watch } from "../api/watch.js";

const RELOADED = "reloaded";
const AT_MOST_EVERY_MS = 60_000;

// Calls `ready` with what `load()` resolves to. While it does not load it is tried again, as `watch` has it, and `failed(error, now)` may
// show that; `now()` tries at once. Returns {stop}.
export function arrival(load, ready, failed) {
  let stopped = false;
  let loading = null;
  let failures = 0;
  function stop() {
    stopped = true;
    loading.stop();
  }
  new Promise((resolve) => {
    loading = watch(async () => {
      const loaded = await load().catch(async () => {
        failures += 1;
        if (failures > 1 && await answers()) reload();
        throw new Unreachable();
      });
      if (!stopped) resolve(loaded);
      stop();
    }, (error) => {
      failed(error, loading.now);
      return true;
    });
  }).then(ready);
  return { stop };
}

function answers() {
  return fetch(import.meta.url, { method: "HEAD", cache: "no-store" }).then(({ ok }) => ok, () => false);
}

// Earlier Chromiums (150, not 156) never ask again for a module that did not load, until the page is loaded again. Seldom, because
// a module may be missing for another reason.
function reload() {
  if (Date.now() - Number(sessionStorage.getItem(RELOADED)) < AT_MOST_EVERY_MS) return;
  sessionStorage.setItem(RELOADED, Date.now());
  location.reload();
}
