// Who is signed in. Tokens stay in the memory of tabs; session storage keeps the scopes of the last sign-in, for a silent one
// after a reload.

import { session as words } from "../words/session.js";
import { answerFromFrame, askInFrame } from "./frame.js";
import { begin, redeem, signOutAddress } from "./issuer.js";
import { askTabs, onTabs, tellAnswer, tellSession } from "./tabs.js";

// What a manager, a clerk and a viewer may do. An issuer refuses a request for more than a person may have, so a sign-in asks
// for each in turn.
const LEVELS = [
  "openid profile sales:read sales:write sales:manage",
  "openid profile sales:read sales:write",
  "openid profile sales:read",
];
const ATTEMPT = "sign-in";
const REMEMBERED = "signed-in";
// Where a frame did not get an answer, the whole page asks.
const FRAMELESS = "no-frame";
// The `state` of a sign-in in a second window begins with this.
const WINDOW = "window.";
const WARNING_MS = 120_000;
// A person who has used the page this recently need not confirm that they are there.
const PRESENT_MS = 30 * 60_000;

let session = null;
let last = null; // the session before it ended
let timers = [];
let resumed = false; // whether the start is over
let pending = null; // {attempt, popup, done, failed}: the sign-in in a second window
let handlers = { ending() {}, ended() {}, renewed() {}, started() {}, leaving() {} };
let presentAt = Date.now();
for (const name of ["pointerdown", "keydown"]) window.addEventListener(name, () => { presentAt = Date.now(); }, { capture: true, passive: true });

export const token = () => session?.token ?? null;
export const person = () => session?.name ?? "";
// Who acted, as the API names people: by the subject of their ID token.
export const actor = (by) => by && (by === (session ?? last)?.subject ? words.you : by);
// Does not change when the session ends: the page stays as it is until the next sign-in.
export const may = (scope) => (session ?? last)?.granted.includes(scope) ?? false;
export const mayWrite = () => may("sales:write");
export const mayManage = () => may("sales:manage");

// Calls `ending()` two minutes before the session ends, `ended()`, `renewed()` after signing in again without leaving the page,
// `started()` if another tab hands its session over late, and `leaving()` before a page is given up that may have unsaved text.
export function onSession(callbacks) {
  handlers = { ...handlers, ...callbacks };
}

// Call it when the token has expired or the API refuses it.
export function end() {
  if (!session) return;
  last = session;
  forget();
  handlers.ended();
}

function forget() {
  session = null;
  sessionStorage.removeItem(REMEMBERED);
  for (const timer of timers) clearTimeout(timer);
}

function adopt(next) {
  forget();
  session = next;
  sessionStorage.setItem(REMEMBERED, next.requested);
  const left = next.ends - Date.now();
  timers = [setTimeout(end, left)];
  if (left > 2 * WARNING_MS) timers.push(setTimeout(warn, left - WARNING_MS));
  return true;
}

// The page keeps what is open, unless another person has signed in.
function adoptHere(next) {
  if (next.subject !== (session ?? last).subject) return startAgain(LEVELS[0]);
  adopt(next);
  handlers.renewed();
  window.dispatchEvent(new Event("signed-in"));
  return undefined;
}

function startAgain(remembered = null) {
  handlers.leaving();
  forget();
  if (remembered) sessionStorage.setItem(REMEMBERED, remembered);
  location.reload();
}

// Whether a person is probably signed in, before the issuer has said so.
export const isExpected = () => Boolean(sessionStorage.getItem(REMEMBERED) ?? sessionStorage.getItem(ATTEMPT));

// Completes a sign-in that has returned from the issuer, or signs in silently after a reload, or takes over the session of
// another tab. Returns whether a person is signed in, or null if the page serves another one, as its second window or frame.
// Throws an error that a person can read.
export const resume = () => start().finally(() => { resumed = true; });

async function start() {
  if (answerFromFrame()) return null;
  const answer = new URLSearchParams(location.search);
  if (answer.get("state")?.startsWith(WINDOW)) {
    history.replaceState(null, "", "/");
    tellAnswer(answer.toString());
    // The page that opened this window closes it, unless an issuer's policy has separated the two.
    setTimeout(() => window.close(), 1000);
    return null;
  }
  const remembered = sessionStorage.getItem(REMEMBERED);
  if (answer.has("state")) {
    const attempt = JSON.parse(sessionStorage.getItem(ATTEMPT) ?? "null");
    sessionStorage.removeItem(ATTEMPT);
    history.replaceState(null, "", `/${attempt?.view ?? ""}`);
    // Back may lead to an answer that was used: who is signed in stays so.
    if (attempt || !remembered) return complete(answer, attempt);
  }
  return takeOver(remembered);
}

async function complete(answer, attempt) {
  if (attempt?.state !== answer.get("state")) throw new Error(words.used);
  if (answer.has("error")) {
    sessionStorage.removeItem(REMEMBERED);
    const refused = ["access_denied", "invalid_scope"].includes(answer.get("error"));
    const less = LEVELS[LEVELS.indexOf(attempt.scope) + 1];
    if (refused && less) return leave({ silent: attempt.silent, scope: less });
    if (attempt.silent) return false;
    if (answer.get("error") === "access_denied") throw new Error(words.noAccess(answer.get("error_description") ?? words.refused));
  }
  return signedIn(await redeem(answer, attempt));
}

function signedIn(next) {
  adopt(next);
  tellSession(next);
  return true;
}

async function takeOver(remembered) {
  const handed = askTabs();
  const renewed = remembered ? renewInFrame(remembered) : null;
  // Whichever comes first; neither, or the issuer's error, only after both.
  const first = await Promise.any([handed, renewed].map(async (next) => (await next) ?? Promise.reject())).catch(() => renewed);
  if (first) return signedIn(first);
  return remembered ? leave({ silent: true, scope: remembered }) : false;
}

// Returns the new session, or null where only a whole page can ask.
async function renewInFrame(scope) {
  if (sessionStorage.getItem(FRAMELESS)) return null;
  const { attempt, url } = await begin({ silent: true, scope });
  const answer = await askInFrame(url);
  if (answer?.get("state") === attempt.state && answer.has("code")) return redeem(answer, attempt);
  sessionStorage.setItem(FRAMELESS, "1");
  return null;
}

async function warn() {
  const present = Date.now() - presentAt < PRESENT_MS;
  const next = present && (await renewInFrame(session.requested).catch(() => null));
  if (!next) return session && handlers.ending();
  tellSession(next);
  return adoptHere(next);
}

// Leaves for the issuer. A change of the address's fragment may cancel that: then start again.
async function leave(options) {
  await signIn(options);
  return new Promise(() => window.addEventListener("hashchange", () => location.reload(), { once: true }));
}

// Nobody wants to go back to the page before, which says only that nobody is signed in.
export async function signIn({ silent = false, scope = LEVELS[0] } = {}) {
  const { attempt, url } = await begin({ view: location.hash, silent, scope });
  if (!silent) sessionStorage.removeItem(FRAMELESS);
  sessionStorage.setItem(ATTEMPT, JSON.stringify(attempt));
  location.replace(url);
}

// Signs in again in a second window, so that open and typed text stays here. Call it from a button's handler, or the browser
// blocks the window.
export async function signInInWindow() {
  const popup = window.open("", ATTEMPT, "popup,width=480,height=680");
  if (!popup) throw new Error(words.popUps);
  const { attempt, url } = await begin({ scope: (session ?? last).requested, prefix: WINDOW }).catch((error) => {
    popup.close();
    throw error;
  });
  popup.location.replace(url);
  await new Promise((done, failed) => { pending = { attempt, popup, done, failed }; });
}

onTabs({
  asked: () => session,
  async answer(query) {
    const answer = new URLSearchParams(query);
    if (pending?.attempt.state !== answer.get("state")) return;
    const { attempt, popup, done, failed } = pending;
    pending = null;
    popup.close();
    try {
      const next = await redeem(answer, attempt);
      tellSession(next);
      adoptHere(next);
      done();
    } catch (error) {
      failed(error);
    }
  },
  // Do not keep showing one person's customers after another person's sign-in, or after a sign-out.
  session(next) {
    const current = session ?? last;
    if (!next) return current && startAgain();
    if (!current) return resumed && adopt(next) && handlers.started();
    return next.subject === current.subject && next.ends <= (session?.ends ?? 0) ? undefined : adoptHere(next);
  },
});

// Signs out in every tab and at the issuer, also after the session has ended.
export async function signOut() {
  const idToken = (session ?? last)?.idToken;
  handlers.leaving();
  forget();
  last = null;
  tellSession(null);
  const address = await signOutAddress(idToken);
  if (!address) throw new Error(words.stillKnown);
  location.replace(address);
}

// A page from the browser's cache shows what was there before a sign-out.
window.addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
