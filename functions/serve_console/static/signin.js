// Signs in at the issuer with authorization code and PKCE (RFC 7636), as a public client. Tokens stay in this module's memory.
// Session storage keeps only the scopes of the last sign-in, for a silent sign-in after a reload.

const SCOPES = "openid profile sales:read sales:write";
const READING = "openid profile sales:read";
const ATTEMPT = "sign-in";
const REMEMBERED = "signed-in";
const HERE = `${location.origin}/`;
// The `state` of a sign-in in a second window begins with this. A channel takes its answer to the page that opened the window.
const WINDOW = "window.";
const WARNING_SECONDS = 120;
const channel = new BroadcastChannel(ATTEMPT);

let settings = null;
let endpoints = null;
let session = null; // {token, idToken, subject, name, requested, granted}: the last two are scopes
let last = null; // the session before it ended
let timers = [];
let pending = null; // {attempt, popup, done, failed}: the sign-in in a second window
let handlers = { ending() {}, ended() {}, renewed() {} };

export const token = () => session?.token ?? null;
export const person = () => session?.name ?? "";
// Does not change when the session ends: the page stays as it is until the next sign-in.
export const mayWrite = () => (session ?? last)?.granted.includes("sales:write") ?? false;

// Calls `ending()` two minutes before the session ends, `ended()`, and `renewed()` after signing in again without leaving the page.
export function onSession(callbacks) {
  handlers = callbacks;
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

// Completes a sign-in that has returned from the issuer, or starts a silent one after a reload. Returns whether a person is
// signed in, or null if this is the second window of another page. Throws an error that a person can read.
export async function resume() {
  const answer = new URLSearchParams(location.search);
  if (answer.get("state")?.startsWith(WINDOW)) {
    history.replaceState(null, "", HERE);
    channel.postMessage(answer.toString());
    // The page that opened this window closes it, unless an issuer's policy has separated the two.
    setTimeout(() => window.close(), 1000);
    return null;
  }
  if (answer.has("state")) {
    const attempt = JSON.parse(sessionStorage.getItem(ATTEMPT) ?? "null");
    sessionStorage.removeItem(ATTEMPT);
    history.replaceState(null, "", HERE + (attempt?.view ?? ""));
    if (attempt?.state !== answer.get("state")) throw new Error("This sign-in was already used, or began in another window. Sign in again.");
    if (answer.has("error")) {
      sessionStorage.removeItem(REMEMBERED);
      // The issuer refuses all scopes if one is not allowed: try again with reading alone.
      const refused = ["access_denied", "invalid_scope"].includes(answer.get("error"));
      if (refused && attempt.scope === SCOPES) return leave({ silent: attempt.silent, scope: READING });
      if (attempt.silent) return false;
    }
    await redeem(answer, attempt);
    return true;
  }
  const remembered = sessionStorage.getItem(REMEMBERED);
  return remembered ? leave({ silent: true, scope: remembered }) : false;
}

// Leaves for the issuer. A change of the address's fragment may cancel that: then start again.
async function leave(options) {
  await signIn(options);
  return new Promise(() => window.addEventListener("hashchange", () => location.reload(), { once: true }));
}

export async function signIn({ silent = false, scope = SCOPES } = {}) {
  const { attempt, url } = await prepare({ view: location.hash, silent, scope });
  sessionStorage.setItem(ATTEMPT, JSON.stringify(attempt));
  location.assign(url);
}

// Signs in again in a second window, so that open and typed text stays here. Call it from a button's handler, or the browser
// blocks the window.
export async function signInInWindow() {
  const popup = window.open("", ATTEMPT, "popup,width=480,height=680");
  if (!popup) throw new Error("Your browser blocked the sign-in window. Allow pop-ups for this page, then try again.");
  const { attempt, url } = await prepare({ scope: (session ?? last).requested, prefix: WINDOW }).catch((error) => {
    popup.close();
    throw error;
  });
  popup.location.replace(url);
  await new Promise((done, failed) => { pending = { attempt, popup, done, failed }; });
}

channel.addEventListener("message", async ({ data }) => {
  const answer = new URLSearchParams(data);
  if (pending?.attempt.state !== answer.get("state")) return;
  const { attempt, popup, done, failed } = pending;
  pending = null;
  popup.close();
  const before = (session ?? last).subject;
  try {
    await redeem(answer, attempt);
    // Another person has signed in: do not show them what is open.
    if (session.subject !== before) return location.reload();
    handlers.renewed();
    window.dispatchEvent(new Event("signed-in"));
    done();
  } catch (error) {
    failed(error);
  }
  return undefined;
});

export async function signOut() {
  const hint = session?.idToken;
  forget();
  await discover();
  const query = new URLSearchParams({ client_id: settings.client_id, post_logout_redirect_uri: HERE });
  if (hint) query.set("id_token_hint", hint);
  location.assign(endpoints.end_session_endpoint ? `${endpoints.end_session_endpoint}?${query}` : HERE);
}

async function prepare({ prefix = "", silent = false, scope, view = "" }) {
  await discover();
  const attempt = { state: prefix + random(), nonce: random(), verifier: random(), scope, silent, view };
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(attempt.verifier));
  const query = new URLSearchParams({
    client_id: settings.client_id,
    response_type: "code",
    redirect_uri: HERE,
    scope,
    state: attempt.state,
    nonce: attempt.nonce,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
    ...(silent ? { prompt: "none" } : {}),
  });
  return { attempt, url: `${endpoints.authorization_endpoint}?${query}` };
}

async function redeem(answer, attempt) {
  if (answer.has("error")) throw new Error(answer.get("error_description") ?? answer.get("error"));
  await discover();
  const tokens = await readJson(endpoints.token_endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: settings.client_id,
      code: answer.get("code"),
      redirect_uri: HERE,
      code_verifier: attempt.verifier,
    }),
  });
  const claims = claimsOf(tokens.id_token);
  if (claims.nonce !== attempt.nonce) throw new Error("The answer belongs to another sign-in. Sign in again.");
  forget();
  session = {
    token: tokens.access_token,
    idToken: tokens.id_token,
    subject: claims.sub,
    name: claims.name ?? claims.preferred_username ?? "",
    requested: attempt.scope,
    granted: (tokens.scope ?? attempt.scope).split(" "),
  };
  sessionStorage.setItem(REMEMBERED, attempt.scope);
  const seconds = Math.max(tokens.expires_in - 5, 1);
  timers = [setTimeout(end, seconds * 1000)];
  if (seconds > 2 * WARNING_SECONDS) timers.push(setTimeout(() => handlers.ending(), (seconds - WARNING_SECONDS) * 1000));
}

async function discover() {
  settings ??= await readJson("/console/config.json");
  endpoints ??= await readJson(`${settings.issuer}/.well-known/openid-configuration`);
}

// Returns the JSON at this address. Throws the issuer's own explanation, or an error that names the address.
async function readJson(url, options) {
  const { href } = new URL(url, HERE);
  const response = await fetch(url, options).catch(() => null);
  if (!response) throw new Error(`${href} does not answer. Check your connection, then try again.`);
  const content = await response.json().catch(() => null);
  if (!response.ok || !content) throw new Error(content?.error_description ?? content?.error ?? `${href} gave an unexpected answer (${response.status}).`);
  return content;
}

function claimsOf(jwt) {
  const bytes = Uint8Array.from(atob(jwt.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
