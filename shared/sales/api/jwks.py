"""An issuer's signing keys (RFC 7517), fetched when needed and kept."""

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

__all__ = ["KeySet", "TokenError", "signing_keys"]

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


class TokenError(Exception):
    """The token is not to be trusted; `reason` says why without repeating any of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


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
