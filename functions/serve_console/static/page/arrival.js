// Modules that load when they are needed.

import { Unreachable } from "../api/call.js";
import { watch } from "../api/watch.js";

// Calls `ready` with what `load()` resolves to. While it does not load it is tried again, as `watch` has it, and `failed(error, now)` may
// show that; `now()` tries at once. Returns {stop}.
export function arrival(load, ready, failed) {
  let stopped = false;
  let loading = null;
  function stop() {
    stopped = true;
    loading.stop();
  }
  new Promise((resolve) => {
    loading = watch(async () => {
      const loaded = await load().catch(() => { throw new Unreachable(); });
      if (!stopped) resolve(loaded);
      stop();
    }, (error) => {
      failed(error, loading.now);
      return true;
    });
  }).then(ready);
  return { stop };
}
