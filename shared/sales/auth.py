"""Who calls, and with which scopes.

Behind API Gateway the JWT authorizer has verified the token and put its claims into the event. Where it has not (sam
local ignores JWT authorizers), the bearer token is verified here against the issuer's JWKS; there is no third way in.
"""

import base64
import binascii
import json
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sales.errors import Problem

__all__ = ["Caller", "KeySet", "TokenError", "Verifier", "caller_of", "signing_keys", "token_scopes"]

# The limits API Gateway itself keeps to when it fetches discovery and keys: of each, from the first byte to the last.
_FETCH_SECONDS = 1.5
_FETCH_BYTES = 150_000
# Who needs a key that is being fetched waits for both documents, and no longer.
_WAIT_SECONDS = 2 * _FETCH_SECONDS + 0.5
_KEYS_FRESH_SECONDS = 3600.0
# API Gateway may go on using a key for two hours; keys older than that are not trusted even if none can be fetched.
_KEYS_USABLE_SECONDS = 7200.0
# An unknown kid refetches the keys, but forged ones must not turn every request into a fetch.
_REFETCH_SECONDS = 5.0
_TOKEN_BYTES = 10_240
# Header, payload and signature, in base64url without padding (RFC 7515, 2 and 7.1); decoders take more than that.
_JWT = re.compile(r"(?:[A-Za-z0-9_-]+\.){2}[A-Za-z0-9_-]+")


class TokenError(Exception):
    """The token is not to be trusted; `reason` says why without repeating any of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Caller:
    """The verified sender of a request: Okta's `sub`, its client `cid`, and what the token allows."""

    subject: str
    client: str
    scopes: frozenset[str]

    @property
    def identity(self) -> str:
        """What makes two callers the same: client and subject (a client's own token has its id as subject)."""
        return f"{self.client}\n{self.subject}"


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


def signing_keys(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The RSA keys for RS256 of a JSON Web Key Set (RFC 7517), by id."""
    entries = document.get("keys")
    return {
        entry["kid"]: entry
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict)
        and isinstance(entry.get("kid"), str)
        and entry.get("kty") == "RSA"
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", "RS256") == "RS256"
    }


class KeySet:
    """An issuer's signing keys, fetched when needed and kept; safe to share between threads.

    They are fetched beside whoever asks: a key that is known is had at once, however long newer ones take.
    """

    def __init__(self, issuer: str, jwks_uri: str = "") -> None:
        self._issuer = issuer
        self._jwks_uri = jwks_uri
        self._keys: dict[str, dict[str, Any]] = {}
        self._fetched = self._tried = float("-inf")
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()

    def key(self, kid: str) -> dict[str, Any]:
        """The RSA signing key of that id. Raises TokenError where there is none or no key can be had."""
        now = time.monotonic()
        with self._lock:
            fresh = now - self._fetched < _KEYS_FRESH_SECONDS
            if not (fresh and kid in self._keys) and self._idle.is_set() and now - self._tried >= _REFETCH_SECONDS:
                self._tried = now
                self._idle.clear()
                threading.Thread(target=self._refresh, daemon=True).start()
        found = self._known(kid, now)
        if found is None and self._idle.wait(_WAIT_SECONDS):
            found = self._known(kid, now)
        if found is None:
            usable = now - self._fetched < _KEYS_USABLE_SECONDS
            raise TokenError(
                "the token's key is not one of the issuer's" if usable else "the issuer's keys cannot be fetched"
            )
        return found

    def _known(self, kid: str, now: float) -> dict[str, Any] | None:
        with self._lock:
            return self._keys.get(kid) if now - self._fetched < _KEYS_USABLE_SECONDS else None

    def _refresh(self) -> None:
        try:
            keys = self._fetch()
            if keys is not None:
                with self._lock:
                    self._keys, self._fetched = keys, self._tried
        finally:
            self._idle.set()

    def _fetch(self) -> dict[str, dict[str, Any]] | None:
        uri = self._jwks_uri
        if not uri:
            discovery = self._get(f"{self._issuer}/.well-known/openid-configuration") or {}
            uri = discovery.get("jwks_uri", "")
            if not isinstance(uri, str) or not uri:
                return None
        found = self._get(uri)
        return None if found is None or not isinstance(found.get("keys"), list) else signing_keys(found)

    @staticmethod
    def _get(url: str) -> dict[str, Any] | None:
        # Behind API Gateway nothing is ever fetched, so its functions do not pay for the import.
        from http.client import OK, HTTPConnection, HTTPException, HTTPSConnection

        try:
            address = urlsplit(url)
            kind = {"https": HTTPSConnection, "http": HTTPConnection}[address.scheme]
            connection = kind(address.hostname or "", address.port, timeout=_FETCH_SECONDS)
            with closing(connection):
                connection.connect()
                with _cut_off(connection.sock, _FETCH_SECONDS) as late:
                    target = f"{address.path or '/'}?{address.query}" if address.query else address.path or "/"
                    connection.request("GET", target, headers={"Accept": "application/json"})
                    answer = connection.getresponse()
                    body = answer.read(_FETCH_BYTES + 1)
            # A redirect is no answer either: the address is the issuer's to give.
            whole = answer.status == OK and len(body) <= _FETCH_BYTES and not late.is_set()
            found = json.loads(body) if whole else None
        except (OSError, HTTPException, KeyError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None


@contextmanager
def _cut_off(sock: socket.socket, seconds: float) -> Iterator[threading.Event]:
    """Ends the connection after that time, and says so: its own timeout starts anew with each drop that comes."""
    late = threading.Event()

    def cut() -> None:
        late.set()
        with suppress(OSError):
            # Not the TLS socket's own shutdown: that drops the encryption first, and the other thread may be reading.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


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
