"""The signing keys of an issuer (RFC 7517), fetched when needed and kept."""

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

from sales.api.issuers import discovery_address
from sales.runtime.sockets import cut_off

__all__ = ["KeySet", "TokenError", "fetch_json", "signing_keys"]

# API Gateway's own limits for discovery and for keys, each from the first byte to the last.
_FETCH_SECONDS = 1.5
_FETCH_BYTES = 150_000
# How long a request waits for a fetch: both documents and a little more.
_WAIT_SECONDS = 2 * _FETCH_SECONDS + 0.5
_KEYS_FRESH_SECONDS = 3600.0
# API Gateway may use a key for two hours. Older keys are not trusted, even if none can be fetched.
_KEYS_USABLE_SECONDS = 7200.0
# An unknown kid fetches the keys again, but forged kids must not turn every request into a fetch.
_REFETCH_SECONDS = 5.0


class TokenError(Exception):
    """The token cannot be trusted; `reason` says why and repeats nothing of the token."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def signing_keys(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the RSA keys for RS256 in a JSON Web Key Set (RFC 7517), by key id."""
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


def fetch_json(url: str) -> dict[str, Any] | None:
    """Return the JSON object at an address of the issuer, or None. It takes 1.5 s at most, and 150,000 bytes."""
    # Behind API Gateway functions fetch nothing, so they do not pay for the import.
    from http.client import OK, HTTPConnection, HTTPException, HTTPSConnection

    try:
        address = urlsplit(url)
        kind = {"https": HTTPSConnection, "http": HTTPConnection}[address.scheme]
        connection = kind(address.hostname or "", address.port, timeout=_FETCH_SECONDS)
        with closing(connection):
            connection.connect()
            with _deadline(connection.sock, _FETCH_SECONDS) as late:
                target = f"{address.path or '/'}?{address.query}" if address.query else address.path or "/"
                connection.request("GET", target, headers={"Accept": "application/json"})
                answer = connection.getresponse()
                body = answer.read(_FETCH_BYTES + 1)
        # Redirects are refused as well: only the issuer may say where its documents are.
        whole = answer.status == OK and len(body) <= _FETCH_BYTES and not late.is_set()
        document = json.loads(body) if whole else None
    except (OSError, HTTPException, KeyError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


class KeySet:
    """The signing keys of an issuer; safe to share between threads.

    A separate thread fetches the keys, so a known key is available immediately, however long a fetch takes.
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
        """Return the RSA signing key with this id. Raise TokenError if the issuer has none or cannot be reached."""
        now = time.monotonic()
        with self._lock:
            fresh = now - self._fetched < _KEYS_FRESH_SECONDS
            if not (fresh and kid in self._keys) and self._idle.is_set() and now - self._tried >= _REFETCH_SECONDS:
                self._tried = now
                self._idle.clear()
                threading.Thread(target=self._refresh, daemon=True).start()
        key = self._known(kid, now)
        if key is None and self._idle.wait(_WAIT_SECONDS):
            key = self._known(kid, now)
        if key is None:
            usable = now - self._fetched < _KEYS_USABLE_SECONDS
            raise TokenError(
                "the token's key is not one of the issuer's" if usable else "the issuer's keys cannot be fetched"
            )
        return key

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
            discovery = fetch_json(discovery_address(self._issuer)) or {}
            uri = discovery.get("jwks_uri", "")
            if not isinstance(uri, str) or not uri:
                return None
        document = fetch_json(uri)
        return None if document is None or not isinstance(document.get("keys"), list) else signing_keys(document)


@contextmanager
def _deadline(sock: socket.socket, seconds: float) -> Iterator[threading.Event]:
    """Cut the connection off after this time and set the event. The socket's own time-out starts again with each byte."""
    late = threading.Event()

    def cut() -> None:
        late.set()
        cut_off(sock)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
