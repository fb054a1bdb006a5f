"""The caller of the API, and the names that stored changes and the audit trail have for who acted."""

from collections.abc import Collection, Mapping
from string import ascii_letters, digits
from typing import Any, NamedTuple

__all__ = ["CLIENT_CLAIMS", "PROVIDER", "Caller", "scope_list"]

# The client that a token was issued to, as Okta, OpenID Connect (Auth0, Keycloak) and RFC 9068 name it. The first of them
# that a token has counts. The access log in template.yaml has all three.
CLIENT_CLAIMS = ("cid", "azp", "client_id")
_LONGEST_NAME = 64
_NAME_CHARACTERS = frozenset(ascii_letters + digits + "._-|")
_DIGEST_CHARACTERS = 32


class Caller(NamedTuple):
    """The caller of a request, from a verified token: who acts, through which client, with which scopes."""

    actor: str
    client: str
    scopes: frozenset[str]

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any], scopes: Collection[str]) -> "Caller | None":
        """Return the caller that a token's claims name, or None if they name none.

        The actor is the person's `uid`, which Okta never gives to another person; without one it is `sub`, which may be a
        login name, and without that the client.
        """
        client = next(filter(None, (_name(claims.get(name)) for name in CLIENT_CLAIMS)), "")
        actor = _name(claims.get("uid")) or _name(claims.get("sub")) or client
        return cls(actor, client or actor, frozenset(scopes)) if actor else None

    @property
    def id(self) -> str:
        """The same for two requests of one actor through one client."""
        return f"{self.client}\n{self.actor}"


def scope_list(scopes: Any) -> list[str]:
    """Return a token's scopes, a list of strings; anything else grants none (`in` would find a scope inside a string)."""
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        return []
    return scopes


# The SMS provider, when it calls a webhook.
PROVIDER = Caller("provider", "", frozenset())


def _name(claim: Any) -> str:
    """Return a claim as it is stored and logged, or an empty string if it names no caller.

    Anything that could be an e-mail address, a phone number or a person's name becomes a digest, always the same one:
    `sha256:` and the first 32 hexadecimal digits of its SHA-256. The digest also replaces what is too long to be stored with
    every change, and names that mean something here.
    """
    # API Gateway turns a number into a string; a token that a function verifies itself still has the number.
    text = str(claim) if isinstance(claim, int) and not isinstance(claim, bool) else claim
    if not isinstance(text, str) or not text:
        return ""
    if len(text) <= _LONGEST_NAME and _NAME_CHARACTERS.issuperset(text) and text != PROVIDER.actor:
        return text
    # Late: an Okta token's names need no digest.
    import hashlib

    return f"sha256:{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:_DIGEST_CHARACTERS]}"
