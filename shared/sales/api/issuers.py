"""The endpoints of the issuer, for the pages that people sign in on. The issuer's discovery document names them."""

import re
import time
from functools import cache
from typing import NamedTuple

__all__ = ["Endpoints", "discovery_address", "endpoints"]

_FRESH_SECONDS = 3600.0
# How soon to ask again an issuer that did not answer.
_RETRY_SECONDS = 5.0
# An address becomes part of a policy by its origin, which a semicolon or a space would change.
_ADDRESS = re.compile(r"(https?://[A-Za-z0-9.\[\]:-]+)(/[!-~]*)?")


def discovery_address(issuer: str) -> str:
    """Return the address of an issuer's discovery document.

    Only here a slash at the issuer's end is dropped (OpenID Connect Discovery 1.0, 4.1).
    """
    return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"


class Endpoints(NamedTuple):
    """Where a browser asks for a code, redeems it, and signs out; the last is empty at an issuer without it."""

    authorization: str
    token: str
    end_session: str

    @property
    def token_origin(self) -> str:
        """The origin of the token endpoint, which the pages' scripts call."""
        return _origin(self.token)

    @property
    def authorization_origin(self) -> str:
        """The origin of the authorization endpoint, which the console opens in a frame."""
        return _origin(self.authorization)


def _origin(address: str) -> str:
    match = _ADDRESS.fullmatch(address)
    return match[1] if match else ""


class _Published:
    """The discovery document of one issuer, fetched when it is needed and kept for an hour."""

    def __init__(self, issuer: str, address: str) -> None:
        self._issuer = issuer
        self._address = address
        self._endpoints: Endpoints | None = None
        self._again = float("-inf")

    def endpoints(self) -> Endpoints | None:
        now = time.monotonic()
        if now >= self._again:
            # An issuer that does not answer now may have answered before.
            self._endpoints = self._fetch() or self._endpoints
            self._again = time.monotonic() + (_FRESH_SECONDS if self._endpoints else _RETRY_SECONDS)
        return self._endpoints

    def _fetch(self) -> Endpoints | None:
        # Late: only the pages need it.
        from sales.api.jwks import fetch_json

        document = fetch_json(self._address) or {}
        # OpenID Connect Discovery, 4.3: another issuer's endpoints would get our codes.
        if document.get("issuer") != self._issuer:
            return None
        names = ("authorization_endpoint", "token_endpoint", "end_session_endpoint")
        found = Endpoints(*(_usable(document.get(name), self._issuer) for name in names))
        return found if found.authorization and found.token else None


def endpoints(issuer: str, discovery_uri: str = "") -> Endpoints | None:
    """Return the issuer's endpoints, or None if it does not answer as this issuer. `discovery_uri` replaces its own address."""
    return _published(issuer, discovery_uri or discovery_address(issuer)).endpoints()


@cache
def _published(issuer: str, address: str) -> _Published:
    return _Published(issuer, address)


def _usable(address: object, issuer: str) -> str:
    """Return the address if a page may use it, else an empty text: never a plain one where the issuer's own is not."""
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        return ""
    return address if address.startswith("https://") or issuer.startswith("http://") else ""
