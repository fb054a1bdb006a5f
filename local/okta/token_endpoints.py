"""The endpoints of the local issuer that applications call: tokens, revocation, userinfo and device sign-in."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from local.okta.clients import DEVICE_GRANT, SCOPES, USERS, Client, Clients
from local.okta.database import DEVICE_INTERVAL, DEVICE_SECONDS, Grant, GrantDatabase
from local.okta.errors import OAuthError
from local.okta.middleware import CLIENT
from local.okta.policy import check_policy
from local.okta.signing_key import encode
from local.okta.tokens import Tokens

__all__ = ["TokenEndpoints", "read_fields", "read_scopes"]

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_DEVICE_PROBLEMS = {
    "invalid_grant": "The device code is invalid.",
    "expired_token": "The device code has expired.",
    "slow_down": "The device is polling too often.",
    "access_denied": "The resource owner denied the request.",
    "authorization_pending": "The device authorization is pending. Please try again later.",
}


async def read_fields(request: web.Request) -> dict[str, str]:
    """Return a form's fields. Raise OAuthError unless it is a form without repeated fields (RFC 6749, 3.2)."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "The request must be application/x-www-form-urlencoded.")
    try:
        form = await request.post()
    except (ValueError, LookupError):
        raise OAuthError("invalid_request", "The request's form cannot be read.") from None
    if len(form) != len(set(form)):
        raise OAuthError("invalid_request", "A parameter is given more than once.")
    return {name: value for name, value in form.items() if isinstance(value, str)}


def read_scopes(text: str) -> tuple[str, ...]:
    """Return the scopes that a client requests, in its order. Raise OAuthError."""
    scopes = tuple(dict.fromkeys(text.split()))
    if not scopes:
        raise OAuthError("invalid_scope", "No scopes were requested.")
    if not set(scopes) <= set(SCOPES):
        description = "One or more scopes are not configured for the authorization server resource."
        raise OAuthError("invalid_scope", description)
    return scopes


class TokenEndpoints:
    """The endpoints that answer in JSON. Every method raises OAuthError."""

    def __init__(self, clients: Clients, grants: GrantDatabase, tokens: Tokens, base: str) -> None:
        self._clients = clients
        self._grants = grants
        self._tokens = tokens
        self._base = base

    async def token(self, request: web.Request) -> web.Response:
        """Issue tokens (RFC 6749, 3.2)."""
        client, form = await self._authenticate(request)
        request[CLIENT] = client
        if not client.public and "Origin" in request.headers:
            # A browser cannot keep a secret.
            description = "Browser requests to the token endpoint must use Proof Key for Code Exchange."
            raise OAuthError("invalid_client", description, 401)
        kind = form.get("grant_type", "")
        grants = {
            "authorization_code": self._by_code,
            "client_credentials": self._by_credentials,
            "refresh_token": self._by_refresh,
            DEVICE_GRANT: self._by_device,
        }
        if not kind:
            raise OAuthError("invalid_request", "The token request must name a 'grant_type'.")
        if kind not in grants:
            description = "The authorization grant type is not supported by the authorization server."
            raise OAuthError("unsupported_grant_type", description)
        if kind not in client.grants:
            description = "The client is not authorized to use the provided grant type."
            raise OAuthError(
                "unauthorized_client", f"{description} Configured grant types: [{', '.join(client.grants)}]."
            )
        return web.json_response(grants[kind](client, form))

    async def _authenticate(self, request: web.Request) -> tuple[Client, dict[str, str]]:
        form = await read_fields(request)
        return self._clients.authenticate(request.headers.get("Authorization"), form), form

    def _by_code(self, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
        for name in ("code", "redirect_uri"):
            if not form.get(name):
                raise OAuthError("invalid_request", f"The token request must have a '{name}' parameter.")
        if self._grants.code_client(form["code"]) not in {None, client.id}:
            description = "The grant was issued to another client. Ensure that the 'client_id' matches the one used at the authorize request."
            raise OAuthError("invalid_grant", description)
        redeemed = self._grants.use_code(form["code"], client.id)
        if redeemed is None:
            raise OAuthError("invalid_grant", "The authorization code is invalid or has expired.")
        grant, redirect_uri, challenge = redeemed
        if form["redirect_uri"] != redirect_uri:
            description = "The 'redirect_uri' does not match the redirection URI used in the authorization request."
            raise OAuthError("invalid_grant", description)
        verifier = form.get("code_verifier", "")
        derived = encode(hashlib.sha256(verifier.encode(errors="replace")).digest())
        if not _VERIFIER.fullmatch(verifier) or not secrets.compare_digest(derived, challenge):
            raise OAuthError("invalid_grant", "PKCE verification failed.")
        return self._tokens.issue(grant)

    def _by_credentials(self, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
        scopes = read_scopes(form.get("scope", ""))
        check_policy(client, "", scopes)
        return self._tokens.issue(Grant(client.id, "", scopes, 0, "", secrets.token_hex(16)))

    def _by_refresh(self, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
        token = form.get("refresh_token", "")
        if not token:
            raise OAuthError("invalid_request", "The token request must have a 'refresh_token' parameter.")
        grant = self._grants.refresh(token)
        if grant is None or grant.client != client.id:
            self._grants.use_refresh(token, client.id)
            raise OAuthError("invalid_grant", "The refresh token is invalid or expired.")
        scopes = grant.scopes
        if form.get("scope", "").strip():
            scopes = read_scopes(form["scope"])
            if not set(scopes) <= set(grant.scopes):
                raise OAuthError("invalid_scope", "The requested scope was not granted to the refresh token.")
        # A user may have lost a group or the application since the sign-in.
        check_policy(client, grant.login, scopes)
        self._grants.use_refresh(token, client.id)
        return self._tokens.issue(grant, scopes)

    def _by_device(self, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
        if not form.get("device_code"):
            raise OAuthError("invalid_request", "The token request must have a 'device_code' parameter.")
        grant = self._grants.poll_device(form["device_code"], client.id)
        if not isinstance(grant, Grant):
            raise OAuthError(grant, _DEVICE_PROBLEMS[grant])
        check_policy(client, grant.login, grant.scopes)
        return self._tokens.issue(grant)

    async def device(self, request: web.Request) -> web.Response:
        """Start the sign-in of a device (RFC 8628, 3.1)."""
        client, form = await self._authenticate(request)
        if DEVICE_GRANT not in client.grants:
            raise OAuthError("unauthorized_client", "The client is not authorized to use the device grant.")
        device_code, user_code = self._grants.new_device(client.id, read_scopes(form.get("scope", "")))
        page = f"{self._base}/activate"
        return web.json_response(
            {
                "device_code": device_code,
                "user_code": user_code,
                "verification_uri": page,
                "verification_uri_complete": f"{page}?user_code={user_code}",
                "expires_in": DEVICE_SECONDS,
                "interval": DEVICE_INTERVAL,
            }
        )

    async def revoke(self, request: web.Request) -> web.Response:
        """Revoke one of the client's own tokens; 200 for anything else (RFC 7009)."""
        client, form = await self._authenticate(request)
        token = form.get("token", "")
        if not token:
            raise OAuthError("invalid_request", "The request must have a 'token' parameter.")
        grant = self._grants.refresh(token)
        claims = self._tokens.access_claims(token)
        if grant is not None and grant.client == client.id:
            self._grants.end_family(grant.family)
        elif claims is not None and claims["cid"] == client.id:
            self._grants.revoke_access(claims["jti"])
        return web.Response()

    async def userinfo(self, request: web.Request) -> web.Response:
        """Return claims about the token's user (OpenID Connect Core, 5.3); refusals follow RFC 6750, 3."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        claims = self._tokens.access_claims(token.strip()) if kind.lower() == "bearer" else None
        if claims is None or claims["sub"] not in USERS or "uid" not in claims:
            description = "The access token is invalid or has expired."
            challenge = f'Bearer error="invalid_token", error_description="{description}"'
            raise OAuthError("invalid_token", description, 401, challenge if token else "Bearer")
        if "openid" not in claims["scp"]:
            description = "The access token must provide access to at least one of these scopes - openid."
            challenge = f'Bearer error="insufficient_scope", error_description="{description}"'
            raise OAuthError("insufficient_scope", description, 403, challenge)
        return web.json_response(self._tokens.user_claims(USERS[claims["sub"]], tuple(claims["scp"])))
