"""The local issuer's clients, users and scopes."""

import base64
import binascii
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_plus, urlsplit

from local.config import Config, sam_port

__all__ = [
    "CUSTOM_SCOPES",
    "DEVICE_GRANT",
    "SCOPES",
    "USERS",
    "Client",
    "Clients",
    "OAuthError",
    "User",
    "write_private",
]

CUSTOM_SCOPES = ("sales:read", "sales:write")
SCOPES = (*CUSTOM_SCOPES, "openid", "profile", "email", "offline_access")
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class OAuthError(Exception):
    """A refusal with OAuth's error code (RFC 6749, 5.2); `challenge` is the WWW-Authenticate header, if it needs one."""

    def __init__(self, error: str, description: str, status: int = 400, challenge: str = "") -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status
        self.challenge = challenge


@dataclass(frozen=True)
class User:
    """A person who can sign in; `uid` never changes, `login` is their user name."""

    uid: str
    login: str
    password: str
    name: str
    email: str


USERS = {user.login: user for user in (User("00udemo0000000000001", "demo", "demo", "Demo User", "demo@example.com"),)}


@dataclass(frozen=True)
class Client:
    """An application. Public ones have no secret and need PKCE; `any_loopback` is RFC 8252, 7.3."""

    id: str
    name: str
    public: bool
    grants: tuple[str, ...]
    scopes: tuple[str, ...] = SCOPES
    redirect_uris: frozenset[str] = field(default_factory=frozenset)
    sign_out_uris: frozenset[str] = field(default_factory=frozenset)
    any_loopback: bool = False

    def allows_redirect(self, uri: str) -> bool:
        """Whether a code may be sent to this address: an exact match, except for a native client's port and path."""
        if uri in self.redirect_uris:
            return True
        if not self.any_loopback or not uri.isascii() or not uri.isprintable() or " " in uri or "\\" in uri:
            return False
        try:
            parts = urlsplit(uri)
            port = parts.port
        except ValueError:
            return False
        plain = parts.username is None and parts.password is None and "#" not in uri
        return parts.scheme == "http" and parts.hostname in _LOOPBACK and port is not None and plain


class Clients:
    """The registered clients; `identity-clients.json` holds their secrets."""

    def __init__(self, config: Config) -> None:
        ports = (config.port, sam_port())
        self.origins = frozenset(f"http://{host}:{port}" for host in ("127.0.0.1", "localhost") for port in ports)
        self._path = config.state / "identity-clients.json"
        code = ("authorization_code", "refresh_token")
        paths = ("/", "/docs", "/docs/oauth2-redirect")
        console_uris = frozenset(origin + path for origin in self.origins for path in paths)
        homes = frozenset(origin + path for origin in self.origins for path in ("", "/", "/docs"))
        self._clients = {
            client.id: client
            for client in (
                Client("sales-service", "Sales service", False, ("client_credentials",), CUSTOM_SCOPES),
                Client(config.console_client_id, "Sales console", True, code, SCOPES, console_uris, homes),
                Client("sales-cli", "Sales command line", True, (*code, DEVICE_GRANT), SCOPES, any_loopback=True),
            )
        }

    def find(self, client_id: str) -> Client | None:
        """Return the client with this id, or None."""
        return self._clients.get(client_id)

    def allows_sign_out(self, uri: str, client_id: str = "") -> bool:
        """Whether a browser may be sent there after signing out. An unknown client id means any client."""
        candidates = [self._clients[client_id]] if client_id in self._clients else self._clients.values()
        return any(uri in client.sign_out_uris for client in candidates)

    def create_secrets(self) -> None:
        """Create the missing secrets; keep the existing ones."""
        stored = self._secrets()
        missing = [client.id for client in self._clients.values() if not client.public and client.id not in stored]
        if missing:
            stored |= {client_id: secrets.token_urlsafe(48) for client_id in missing}
            write_private(self._path, json.dumps(stored, indent=2).encode() + b"\n")

    def authenticate(self, authorization: str | None, form: Mapping[str, str]) -> Client:
        """Return the client that HTTP Basic or the form names. Raise OAuthError.

        A client uses one of the two, never both (RFC 6749, 2.3.1).
        """
        challenge = ""
        if authorization is not None:
            challenge = 'Basic realm="Sales sign-in"'
            client_id, secret = _basic(authorization)
            if "client_secret" in form or form.get("client_id", client_id) != client_id:
                raise OAuthError("invalid_request", "Cannot supply multiple client credentials.")
        else:
            client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        if not client_id:
            raise OAuthError("invalid_client", "No client credentials found.", 401, challenge)
        client = self._clients.get(client_id)
        if client is None:
            raise OAuthError("invalid_client", "Invalid value for 'client_id' parameter.", 401, challenge)
        if client.public:
            if secret:
                raise OAuthError("invalid_client", "A public client has no client secret.", 401, challenge)
            return client
        expected = self._secrets().get(client_id, "")
        if not expected or not secrets.compare_digest(secret.encode(errors="replace"), expected.encode()):
            description = "The client secret supplied for a confidential client is invalid."
            raise OAuthError("invalid_client", description, 401, challenge)
        return client

    def _secrets(self) -> dict[str, str]:
        try:
            stored = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return {str(name): str(secret) for name, secret in stored.items()} if isinstance(stored, dict) else {}


def _basic(authorization: str) -> tuple[str, str]:
    kind, _, value = authorization.partition(" ")
    try:
        decoded = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        decoded = ""
    client_id, colon, secret = decoded.partition(":")
    if kind.lower() != "basic" or not colon:
        description = "The authorization header is not HTTP Basic."
        raise OAuthError("invalid_client", description, 401, 'Basic realm="Sales sign-in"')
    return unquote_plus(client_id), unquote_plus(secret)


def write_private(path: Path, content: bytes) -> None:
    """Write the file in one step, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)
