// Keeps the tabs of a browser together: who is signed in, and the answer of a sign-in in a second window. Nothing is stored.

const channel = new BroadcastChannel("session");
// A tab in the background answers within a few ms.
const WAIT_MS = 250;
const listeners = { session() {}, answer() {}, asked: () => null };
let waiting = [];

// `session(session)` hears who has signed in elsewhere, null for a person who has signed out; `answer(query)` the issuer's
// answer in a second window; `asked()` returns the session to hand to a new tab, or null.
export function onTabs(callbacks) {
  Object.assign(listeners, callbacks);
}

export const tellSession = (session) => channel.postMessage({ session });
export const tellAnswer = (answer) => channel.postMessage({ answer });

// Returns the session of another tab, or null.
export function askTabs() {
  return new Promise((resolve) => {
    waiting.push(resolve);
    setTimeout(resolve, WAIT_MS, null);
    channel.postMessage({ asking: true });
  });
}

channel.addEventListener("message", ({ data }) => {
  if (data.asking) {
    const session = listeners.asked();
    if (session) tellSession(session);
  } else if (data.answer !== undefined) listeners.answer(data.answer);
  else {
    if (data.session) for (const resolve of waiting) resolve(data.session);
    waiting = [];
    listeners.session(data.session);
  }
});
