// Signing in at the issuer with authorization code and PKCE (RFC 7636), as a public client. Tokens are in this module's
// memory only; what outlives the page is that somebody was signed in, so that a reload can ask the issuer silently.

const SCOPES = "openid profile sales:read sales:write";
const READING = "openid profile sales:read";
const ATTEMPT = "sign-in";
const REMEMBERED = "signed-in";
const HERE = `${location.origin}/`;
// A sign-in in a window of its own: its `state` begins with this, its answer goes to the page that asked by a channel.
const BESIDE = "beside.";
const WARNING_SECONDS = 120;
const channel = new BroadcastChannel(ATTEMPT);

let settings = null;
let endpoints = null;
let session = null; // {token, idToken, subject, name, asked, granted}: the last two are scopes
let last = null; // the session before it ended
let timers = [];
let beside = null; // {attempt, opened, done, failed}: the window's sign-in, while it is open
let acts = { ends() {}, ended() {}, begun() {} };

export const token = () => session?.token ?? null;
export const person = () => session?.name ?? "";
// As the page was built: it stays as it is while the session has ended.
export const mayWrite = () => (session ?? last)?.granted.includes("sales:write") ?? false;

// `ends()`: in two minutes; `ended()`; `begun()`: the page can go on where it was.
export function whenSession(given) {
  acts = given;
}

// The session is over: the token ran out or is refused.
export function end() {
  if (!session) return;
  last = session;
  forget();
  acts.ended();
}

function forget() {
  session = null;
  sessionStorage.removeItem(REMEMBERED);
  for (const timer of timers) clearTimeout(timer);
}

// Ends a sign-in that comes back, or asks the issuer silently after a reload. True if signed in, null if this is the window
// of another page's sign-in. What went wrong is thrown.
export async function resume() {
  const answer = new URLSearchParams(location.search);
  if (answer.get("state")?.startsWith(BESIDE)) {
    history.replaceState(null, "", HERE);
    channel.postMessage(answer.toString());
    // The page that asked closes it; an issuer's policy may have cut the two apart.
    setTimeout(() => window.close(), 1000);
    return null;
  }
  if (answer.has("state")) {
    const attempt = JSON.parse(sessionStorage.getItem(ATTEMPT) ?? "null");
    sessionStorage.removeItem(ATTEMPT);
    history.replaceState(null, "", HERE + (attempt?.view ?? ""));
    if (attempt?.state !== answer.get("state")) throw new Error("This sign-in was not begun here, or was used before.");
    if (answer.has("error")) {
      sessionStorage.removeItem(REMEMBERED);
      // Who may not write is refused all that was asked for: reading alone may be allowed.
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

// The browser is leaving; a change of the address's fragment, which may cancel that, begins again.
async function leave(how) {
  await signIn(how);
  return new Promise(() => window.addEventListener("hashchange", () => location.reload(), { once: true }));
}

export async function signIn({ silent = false, scope = SCOPES } = {}) {
  const { attempt, url } = await prepare({ view: location.hash, silent, scope });
  sessionStorage.setItem(ATTEMPT, JSON.stringify(attempt));
  location.assign(url);
}

// Signs in once more in a window of its own: what is open and typed here stays. To be called by a press of a button, or the
// browser does not open the window.
export async function signInBeside() {
  const opened = window.open("", ATTEMPT, "popup,width=480,height=680");
  if (!opened) throw new Error("The browser did not open the sign-in’s window. Allow this page to open windows, then try again.");
  const { attempt, url } = await prepare({ scope: (session ?? last).asked, prefix: BESIDE }).catch((error) => {
    opened.close();
    throw error;
  });
  opened.location.replace(url);
  await new Promise((done, failed) => { beside = { attempt, opened, done, failed }; });
}

channel.addEventListener("message", async ({ data }) => {
  const answer = new URLSearchParams(data);
  if (beside?.attempt.state !== answer.get("state")) return;
  const { attempt, opened, done, failed } = beside;
  beside = null;
  opened.close();
  const before = (session ?? last).subject;
  try {
    await redeem(answer, attempt);
    // What is open belongs to whoever was here before.
    if (session.subject !== before) return location.reload();
    acts.begun();
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
  const given = await read(endpoints.token_endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: settings.client_id,
      code: answer.get("code"),
      redirect_uri: HERE,
      code_verifier: attempt.verifier,
    }),
  });
  const claims = claimsOf(given.id_token);
  if (claims.nonce !== attempt.nonce) throw new Error("The sign-in's answer belongs to another sign-in.");
  forget();
  session = {
    token: given.access_token,
    idToken: given.id_token,
    subject: claims.sub,
    name: claims.name ?? claims.preferred_username ?? "",
    asked: attempt.scope,
    granted: (given.scope ?? attempt.scope).split(" "),
  };
  sessionStorage.setItem(REMEMBERED, attempt.scope);
  const lasts = Math.max(given.expires_in - 5, 1);
  timers = [setTimeout(end, lasts * 1000)];
  if (lasts > 2 * WARNING_SECONDS) timers.push(setTimeout(() => acts.ends(), (lasts - WARNING_SECONDS) * 1000));
}

async function discover() {
  settings ??= await read("/console/config.json");
  endpoints ??= await read(`${settings.issuer}/.well-known/openid-configuration`);
}

// The JSON that is there. What is thrown names who does not answer, or has their own words for what is wrong.
async function read(url, how) {
  const { href } = new URL(url, HERE);
  const answer = await fetch(url, how).catch(() => null);
  if (!answer) throw new Error(`${href} does not answer.`);
  const given = await answer.json().catch(() => null);
  if (!answer.ok || !given) throw new Error(given?.error_description ?? given?.error ?? `${href} does not answer as it should (${answer.status}).`);
  return given;
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
