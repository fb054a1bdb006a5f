"""The local issuer's clients, users and scopes."""

import base64
import binascii
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_plus, urlsplit

from local.config import REDIRECT_PORT, Config, redirect_address, redirect_port, sam_port
from local.okta.errors import OAuthError, OktaError
from local.private_files import write_private

__all__ = [
    "CUSTOM_SCOPES",
    "DEVICE_GRANT",
    "SCOPES",
    "USERS",
    "Client",
    "Clients",
    "User",
]

CUSTOM_SCOPES = ("sales:read", "sales:write", "sales:manage")
SCOPES = (*CUSTOM_SCOPES, "openid", "profile", "email", "offline_access")
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
# The groups whose people may use the console and the command line: docs/okta.md, step 3.
_GROUPS = ("Sales readers", "Sales clerks", "Sales managers")
_POSTMAN = "https://oauth.pstmn.io/v1/callback"


@dataclass(frozen=True)
class User:
    """A person who can sign in; `uid` never changes, `login` is their user name; `local.okta.policy` says what a group may do."""

    uid: str
    login: str
    password: str
    name: str
    email: str
    groups: tuple[str, ...]


USERS = {
    user.login: user
    for user in (
        User("00udemo0000000000001", "demo", "demo", "Demo User", "demo@example.com", ("Sales managers",)),
        User("00uclerk000000000001", "clerk", "clerk", "Demo Clerk", "clerk@example.com", ("Sales clerks",)),
        User("00uviewer00000000001", "viewer", "viewer", "Demo Viewer", "viewer@example.com", ("Sales readers",)),
        # A person of the organisation to whom no application is assigned.
        User("00uvisitor0000000001", "visitor", "visitor", "Demo Visitor", "visitor@example.com", ()),
    )
}


@dataclass(frozen=True)
class Client:
    """An application. Public ones have no secret and need PKCE; `groups` are the people to whom it is assigned."""

    id: str
    name: str
    public: bool
    grants: tuple[str, ...]
    scopes: tuple[str, ...] = SCOPES
    redirect_uris: frozenset[str] = field(default_factory=frozenset)
    sign_out_uris: frozenset[str] = field(default_factory=frozenset)
    groups: tuple[str, ...] = ()

    @property
    def origins(self) -> frozenset[str]:
        """The origins whose pages may read this client's tokens."""
        parts = (urlsplit(uri) for uri in self.redirect_uris)
        return frozenset(f"{part.scheme}://{part.netloc}" for part in parts)


class Clients:
    """The registered clients; `identity-clients.json` holds their secrets."""

    def __init__(self, config: Config) -> None:
        self.trusted_origins = _origins(config.port) | _origins(sam_port())
        self._path = config.state / "identity-clients.json"
        code = ("authorization_code", "refresh_token")
        paths = ("/", "/docs", "/docs/oauth2-redirect")
        console = frozenset(origin + path for origin in self.trusted_origins for path in paths)
        homes = frozenset(origin + path for origin in self.trusted_origins for path in ("", "/", "/docs"))
        login = {redirect_address(port) for port in (REDIRECT_PORT, redirect_port())}
        # docs/postman's environment for this machine uses the API's own address.
        people = frozenset(login | {_POSTMAN} | {f"{origin}/callback" for origin in _origins(config.port)})
        device = (*code, DEVICE_GRANT)
        self._clients = {
            client.id: client
            for client in (
                Client("sales-service", "Sales service", False, ("client_credentials",), CUSTOM_SCOPES),
                Client(config.console_client_id, "Sales console", True, code, SCOPES, console, homes, _GROUPS),
                Client("sales-cli", "Sales command line", True, device, SCOPES, people, groups=_GROUPS),
            )
        }

    def find(self, client_id: str) -> Client | None:
        """Return the client with this id, or None."""
        return self._clients.get(client_id)

    def create_secrets(self) -> None:
        """Create the missing secrets; keep the existing ones."""
        stored = self._secrets()
        missing = [client.id for client in self._clients.values() if not client.public and client.id not in stored]
        if missing:
            stored |= {client_id: secrets.token_urlsafe(48) for client_id in missing}
            write_private(self._path, json.dumps(stored, indent=2) + "\n")

    def authenticate(self, authorization: str | None, form: Mapping[str, str]) -> Client:
        """Return the client that HTTP Basic or the form names. Raise OAuthError, or OktaError for an unknown one.

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
            raise OktaError("invalid_client", "Invalid value for 'client_id' parameter.", 401)
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


def _origins(port: int) -> frozenset[str]:
    return frozenset(f"http://{host}:{port}" for host in ("127.0.0.1", "localhost"))


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
