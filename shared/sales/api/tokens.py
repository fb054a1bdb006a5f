"""Verifies access tokens against the issuer's keys, and reads what issuers write in different ways."""

import base64
import binascii
import json
import re
import time
from collections.abc import Mapping
from typing import Any

from sales.api.jwks import KeySet, TokenError
from sales.domain.caller import CLIENT_CLAIMS, scope_list
from sales.domain.json_objects import unique_names

__all__ = ["Verifier", "token_scopes"]

_LONGEST_TOKEN = 10_240
# Header, payload and signature in base64url without padding (RFC 7515, 2 and 7.1); decoders accept more than that.
_JWT = re.compile(r"(?:[A-Za-z0-9_-]+\.){2}[A-Za-z0-9_-]+")


# Okta's claim, and that of RFC 9068 (Auth0, Keycloak).
_SCOPE_CLAIMS = ("scp", "scope")


def token_scopes(claims: Mapping[str, Any]) -> list[str]:
    """Return the scopes that a token's `scp` or `scope` grants; of a token with both, those that both grant."""
    granted = [_scopes(claims[name]) for name in _SCOPE_CLAIMS if name in claims]
    return [scope for scope in granted[0] if all(scope in others for others in granted)] if granted else []


def _scopes(claim: Any) -> list[str]:
    """Return the scopes of one claim: a list, or words with one space between two (RFC 8693, 4.2).

    Only that space separates words: a tab or a line break belongs to its word. API Gateway writes a list as `[a b]` into its
    events, and no issuer does, so such text grants nothing.
    """
    if isinstance(claim, str):
        return [] if claim.startswith("[") else claim.split(" ")
    return scope_list(claim)


def _names(claim: Any, audience: str) -> bool:
    """Return whether an `aud` claim, a string or a list of strings, names this audience (RFC 7519, 4.1.3)."""
    if isinstance(claim, list):
        return all(isinstance(name, str) for name in claim) and audience in claim
    return isinstance(claim, str) and claim == audience


def _segment(text: str) -> dict[str, Any]:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        content = json.loads(raw.decode(), object_pairs_hook=unique_names)
    except (ValueError, binascii.Error, RecursionError):
        raise TokenError("the token is not a JSON Web Token") from None
    if not isinstance(content, dict):
        raise TokenError("the token is not a JSON Web Token")
    return content


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise TokenError(f"the token's {name} is not a time")
    return value


class Verifier:
    """Verifies the access tokens of one issuer for one audience, signed with RS256.

    The issuer is compared as it is written: with Auth0, for example, a slash at its end belongs to it.
    """

    def __init__(self, issuer: str, audience: str, jwks_uri: str = "") -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = KeySet(issuer, jwks_uri)

    def claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a current token for this audience that a key of the issuer signed with RS256.

        Raise TokenError. A revoked token stays valid until it expires: RFC 7519 has no way to tell.
        """
        if len(token) > _LONGEST_TOKEN:
            raise TokenError("the token is too long")
        if not _JWT.fullmatch(token):
            raise TokenError("the token is not a JSON Web Token")
        parts = token.split(".")
        header = _segment(parts[0])
        if header.get("alg") != "RS256":
            raise TokenError("the token's signing method is not RS256")
        if "crit" in header or not isinstance(header.get("kid"), str):
            raise TokenError("the token's header is not one of the issuer's")
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
        if not _names(claims.get("aud"), self._audience):
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
        clients = [claims.get(name, "") for name in CLIENT_CLAIMS]
        if not isinstance(claims.get("sub"), str) or not all(isinstance(client, str) for client in clients):
            raise TokenError("the token does not name its subject and client")
