// Signing in at the issuer with authorization code and PKCE (RFC 7636), as a public client. Tokens are in this module's
// memory only; what outlives the page is that somebody was signed in, so that a reload can ask the issuer silently.

const SCOPES = "openid profile sales:read sales:write";
const ATTEMPT = "sign-in";
const REMEMBERED = "signed-in";
const HERE = `${location.origin}/`;

let settings = null;
let endpoints = null;
let session = null; // {token, idToken, name, ends}
let onEnd = () => {};

export const token = () => session?.token ?? null;
export const person = () => session?.name ?? "";

export function whenSessionEnds(act) {
  onEnd = act;
}

// The session is over: the token ran out or is refused.
export function end() {
  if (!session) return;
  session = null;
  sessionStorage.removeItem(REMEMBERED);
  onEnd();
}

// Ends a sign-in that comes back, or asks the issuer silently after a reload. What went wrong is thrown; true if signed in.
export async function resume() {
  const answer = new URLSearchParams(location.search);
  if (answer.has("state")) {
    const attempt = JSON.parse(sessionStorage.getItem(ATTEMPT) ?? "null");
    sessionStorage.removeItem(ATTEMPT);
    history.replaceState(null, "", HERE + (attempt?.view ?? ""));
    if (attempt?.state !== answer.get("state")) throw new Error("This sign-in was not begun here, or was used before.");
    if (answer.has("error")) {
      sessionStorage.removeItem(REMEMBERED);
      if (attempt.silent) return false;
      throw new Error(answer.get("error_description") ?? answer.get("error"));
    }
    await redeem(answer.get("code"), attempt);
    return true;
  }
  if (sessionStorage.getItem(REMEMBERED)) {
    await signIn({ silent: true });
    // The browser is leaving; a change of the address's fragment, which may cancel that, begins again.
    return new Promise(() => window.addEventListener("hashchange", () => location.reload(), { once: true }));
  }
  return false;
}

export async function signIn({ silent = false } = {}) {
  await discover();
  const attempt = { state: random(), nonce: random(), verifier: random(), view: location.hash, silent };
  sessionStorage.setItem(ATTEMPT, JSON.stringify(attempt));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(attempt.verifier));
  location.assign(`${endpoints.authorization_endpoint}?${new URLSearchParams({
    client_id: settings.client_id,
    response_type: "code",
    redirect_uri: HERE,
    scope: SCOPES,
    state: attempt.state,
    nonce: attempt.nonce,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
    ...(silent ? { prompt: "none" } : {}),
  })}`);
}

export async function signOut() {
  const hint = session?.idToken;
  session = null;
  sessionStorage.removeItem(REMEMBERED);
  await discover();
  const query = new URLSearchParams({ client_id: settings.client_id, post_logout_redirect_uri: HERE });
  if (hint) query.set("id_token_hint", hint);
  location.assign(endpoints.end_session_endpoint ? `${endpoints.end_session_endpoint}?${query}` : HERE);
}

async function redeem(code, attempt) {
  await discover();
  const answer = await fetch(endpoints.token_endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: settings.client_id,
      code,
      redirect_uri: HERE,
      code_verifier: attempt.verifier,
    }),
  });
  const given = await answer.json();
  if (!answer.ok) throw new Error(given.error_description ?? given.error);
  const claims = claimsOf(given.id_token);
  if (claims.nonce !== attempt.nonce) throw new Error("The sign-in's answer belongs to another sign-in.");
  session = { token: given.access_token, idToken: given.id_token, name: claims.name ?? claims.preferred_username ?? "" };
  sessionStorage.setItem(REMEMBERED, "yes");
  setTimeout(end, Math.max(given.expires_in - 5, 1) * 1000);
}

async function discover() {
  settings ??= await read("/console/config.json");
  endpoints ??= await read(`${settings.issuer}/.well-known/openid-configuration`);
}

async function read(url) {
  const answer = await fetch(url).catch(() => null);
  if (!answer?.ok) throw new Error(`${new URL(url, HERE)} does not answer.`);
  return answer.json();
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
