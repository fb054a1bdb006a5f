"""Access tokens: who calls, and with which scopes.

from sales.domain.caller import Caller
from sales.api.jwks import KeySet, TokenError

Behind API Gateway the JWT authorizer has verified the token and put its claims into the event. Where it has not (sam
local ignores JWT authorizers), the bearer token is verified here against the issuer's keys; there is no third way in.
"""

import base64
import binascii
import json
import re
import time
from collections.abc import Mapping
from typing import Any

from sales.api.jwks import KeySet, TokenError
from sales.domain.caller import Caller
from sales.domain.problems import Problem

__all__ = ["Verifier", "caller_of", "token_scopes"]

_TOKEN_BYTES = 10_240


# Header, payload and signature, in base64url without padding (RFC 7515, 2 and 7.1); decoders take more than that.
_JWT = re.compile(r"(?:[A-Za-z0-9_-]+\.){2}[A-Za-z0-9_-]+")


def token_scopes(claims: Mapping[str, Any]) -> list[str]:
    """The scopes an Okta access token carries: `scp`, a list of strings; anything else grants nothing."""
    scopes = claims.get("scp")
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        return []
    return scopes


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuses an object that says one thing twice: two readers could believe different halves of it."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is repeated")
    return found


def _segment(text: str) -> dict[str, Any]:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found = json.loads(raw.decode(), object_pairs_hook=_unique)
    except (ValueError, binascii.Error, RecursionError):
        raise TokenError("the token is not a JSON Web Token") from None
    if not isinstance(found, dict):
        raise TokenError("the token is not a JSON Web Token")
    return found


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise TokenError(f"the token's {name} is not a time")
    return value


class Verifier:
    """Verifies access tokens of one issuer for one audience, as Okta's custom authorization server signs them."""

    def __init__(self, issuer: str, audience: str, jwks_uri: str = "") -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = KeySet(issuer, jwks_uri)

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a token that is signed with RS256 by a key of the issuer, for the audience, and in its time.

        Raises TokenError. A revoked token is only noticed when it expires (RFC 7519 has no more to offer).
        """
        if len(token) > _TOKEN_BYTES:
            raise TokenError("the token is too long")
        if not _JWT.fullmatch(token):
            raise TokenError("the token is not a JSON Web Token")
        parts = token.split(".")
        header = _segment(parts[0])
        if header.get("alg") != "RS256":
            raise TokenError("the token's signing method is not RS256")
        if "crit" in header or not isinstance(header.get("kid"), str):
            raise TokenError("the token's header is not one of the issuer's")
        # Only here, because behind API Gateway no function verifies a token.
        from jose import exceptions, jws

        try:
            jws.verify(token, self._keys.key(header["kid"]), algorithms=["RS256"])
        except exceptions.JOSEError:
            raise TokenError("the token's signature is invalid") from None
        claims = _segment(parts[1])
        self._check(claims, time.time())
        return claims

    def _check(self, claims: Mapping[str, Any], now: float) -> None:
        if claims.get("iss") != self._issuer:
            raise TokenError("the token does not have a valid issuer")
        if claims.get("aud") != self._audience:
            raise TokenError("the token does not have a valid audience")
        expires = _seconds(claims, "exp")
        if expires is None:
            raise TokenError("the token has no expiry")
        if expires <= now:
            raise TokenError("the token has expired")
        for name in ("nbf", "iat"):
            starts = _seconds(claims, name)
            if starts is not None and starts > now:
                raise TokenError("the token is not valid yet")
        if not isinstance(claims.get("sub"), str) or not isinstance(claims.get("cid", ""), str):
            raise TokenError("the token does not say whose it is")


_verifiers: dict[tuple[str, str, str], Verifier] = {}


def caller_of(
    event: Mapping[str, Any], headers: Mapping[str, str], scope: str, *, issuer: str, audience: str, jwks_uri: str
) -> Caller:
    """The caller of an HTTP API event (payload 2.0), whose token carries the scope.

    Raises Problem: `unauthorized` (401) or `insufficient_scope` (403), both with WWW-Authenticate (RFC 6750).
    """
    authorizer = event.get("requestContext", {}).get("authorizer")
    if authorizer is not None:
        jwt = authorizer.get("jwt") or {}
        claims, scopes = jwt.get("claims") or {}, jwt.get("scopes") or []
        if not claims.get("sub"):
            raise _unauthorized("the authorizer named no caller")
    else:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if not scheme:
            raise Problem("unauthorized", headers={"WWW-Authenticate": "Bearer"})
        if scheme.lower() != "bearer" or not token:
            raise _unauthorized("the Authorization header is not a bearer token")
        key = (issuer, audience, jwks_uri)
        verifier = _verifiers.setdefault(key, Verifier(*key))
        try:
            claims = verifier.claims(token)
        except TokenError as error:
            raise _unauthorized(error.reason) from None
        scopes = token_scopes(claims)
    if scope not in scopes:
        raise Problem(
            "insufficient_scope",
            f"The request needs the scope {scope}.",
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
        )
    return Caller(subject=claims["sub"], client=claims.get("cid") or claims["sub"], scopes=frozenset(scopes))


def _unauthorized(reason: str) -> Problem:
    return Problem(
        "unauthorized",
        reason[0].upper() + reason[1:] + ".",
        headers={"WWW-Authenticate": f'Bearer error="invalid_token", error_description="{reason}"'},
    )
