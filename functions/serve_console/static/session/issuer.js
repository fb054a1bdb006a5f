// The issuer: where it is, and signing in there with authorization code and PKCE (RFC 7636) as a public client.

import { session as words } from "../words/session.js";

const HERE = `${location.origin}/`;
let known = null;

// What the page was served with: `issuer`, `client_id` and the issuer's endpoints. Throws an error that a person can read.
async function settings() {
  if (known) return known;
  const served = JSON.parse(document.getElementById("config").textContent);
  // The endpoints are missing while the issuer does not answer, or calls itself something else.
  const current = served.token_endpoint ? served : await readJson("/console/config.json");
  if (!current.token_endpoint) throw new Error(words.issuerSilent(current.issuer));
  if (!current.client_id) throw new Error(words.noClient);
  known = current;
  return known;
}

// Returns {attempt, url}: what `redeem` needs later, and where a browser signs in. `silent` shows no page.
export async function begin({ prefix = "", silent = false, scope, view = "" }) {
  const { client_id, authorization_endpoint: endpoint } = await settings();
  const attempt = { state: prefix + random(), nonce: random(), verifier: random(), scope, silent, view };
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(attempt.verifier));
  const query = new URLSearchParams({
    client_id,
    response_type: "code",
    redirect_uri: HERE,
    scope,
    state: attempt.state,
    nonce: attempt.nonce,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
    ...(silent ? { prompt: "none" } : {}),
  });
  return { attempt, url: `${endpoint}?${query}` };
}

// Returns the session that the issuer's answer to an attempt leads to: {token, idToken, subject, name, requested, granted,
// ends}; `requested` and `granted` are scopes, `ends` is in ms. Throws an error that a person can read.
export async function redeem(answer, attempt) {
  if (answer.has("error")) throw new Error(answer.get("error_description") ?? answer.get("error"));
  const { client_id, issuer, token_endpoint: endpoint } = await settings();
  const tokens = await readJson(endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id,
      code: answer.get("code"),
      redirect_uri: HERE,
      code_verifier: attempt.verifier,
    }),
  });
  const claims = claimsOf(tokens.id_token);
  if (claims.nonce !== attempt.nonce) throw new Error(words.otherSignIn);
  checkAudience(claims, issuer, client_id);
  return {
    token: tokens.access_token,
    idToken: tokens.id_token,
    subject: claims.sub,
    name: claims.name ?? claims.preferred_username ?? "",
    requested: attempt.scope,
    granted: (tokens.scope ?? attempt.scope).split(" "),
    ends: Date.now() + Math.max(tokens.expires_in - 5, 1) * 1000,
  };
}

// Where to sign out at the issuer: it takes an ID token, also an expired one, as the proof of who does. Null without one, or
// at an issuer where nobody can.
export async function signOutAddress(idToken) {
  const { end_session_endpoint: endpoint } = await settings();
  return idToken && endpoint ? `${endpoint}?${new URLSearchParams({ id_token_hint: idToken, post_logout_redirect_uri: HERE })}` : null;
}

// OpenID Connect Core, 3.1.3.7: the ID token must be from our issuer and for this page, not for another of its applications.
function checkAudience({ iss, aud, azp }, issuer, client) {
  const audiences = [aud].flat();
  const named = audiences.length === 1 && azp === undefined ? audiences[0] : azp;
  if (iss !== issuer || !audiences.includes(client) || named !== client) throw new Error(words.otherApplication);
}

// Returns the JSON at this address. Throws the issuer's own explanation, or an error that names the address.
async function readJson(url, options) {
  const { href } = new URL(url, HERE);
  const ask = () => fetch(url, options);
  // Once more: a phone that changes from one network to another gives up what it has just sent.
  const response = await ask().catch(ask).catch(() => null);
  if (!response) throw new Error(words.silent(href));
  const content = await response.json().catch(() => null);
  if (!response.ok || !content) throw new Error(content?.error_description ?? content?.errorSummary ?? content?.error ?? words.unexpected(href, response.status));
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
