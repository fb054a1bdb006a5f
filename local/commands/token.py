"""`make token`: an access token for a machine (client credentials), from .env's issuer or the running system's."""

import json
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import requests

from local.commands.cli import run
from local.commands.refusals import Refusal, json_object
from local.config import Config
from sales.api.issuers import discovery_address

__all__ = ["SCOPE", "Issuer", "NoTokenError", "NotNowError", "access_token", "fewer_scopes", "wanted_scope"]

SCOPE = "sales:read sales:write sales:manage"
# The local issuer's clients (local/okta/clients.py).
_LOCAL_MACHINE, _LOCAL_PEOPLE = "sales-service", "sales-cli"
_SECONDS = 10


class NoTokenError(Exception):
    """We got no token. The message says why and what to do; `refusal` is the issuer's, if it gave any."""

    def __init__(self, text: str, refusal: Refusal | None = None) -> None:
        super().__init__(text)
        self.refusal = refusal or Refusal()

    @property
    def code(self) -> str:
        """OAuth's error code, or Okta's own; empty without one."""
        return self.refusal.code


class NotNowError(NoTokenError):
    """The issuer did not answer; trying again may help."""


@dataclass(frozen=True)
class Issuer:
    """An issuer of tokens, and the client that asks it for them. Every method raises NoTokenError."""

    url: str
    client_id: str
    client_secret: str | None = None
    # The message for when it does not answer.
    down: str = "The issuer does not answer. Check OKTA_ISSUER in .env."

    @classmethod
    def for_machines(cls, config: Config) -> "Issuer":
        """Use OKTA_ISSUER, OKTA_CLIENT_ID and OKTA_CLIENT_SECRET; without the first, the local issuer."""
        settings = config.settings
        if url := settings.get("OKTA_ISSUER"):
            if not (settings.get("OKTA_CLIENT_ID") and settings.get("OKTA_CLIENT_SECRET")):
                raise NoTokenError("Set OKTA_CLIENT_ID and OKTA_CLIENT_SECRET to those of an API Services application.")
            return cls(url, settings["OKTA_CLIENT_ID"], settings["OKTA_CLIENT_SECRET"])
        try:
            secret = json.loads((config.state / "identity-clients.json").read_text())[_LOCAL_MACHINE]
        except (OSError, KeyError, ValueError):
            raise NoTokenError(_not_running(config)) from None
        return cls(config.issuer, _LOCAL_MACHINE, secret, _not_running(config))

    @classmethod
    def for_people(cls, config: Config) -> "Issuer":
        """Use OKTA_ISSUER and OKTA_LOGIN_CLIENT_ID (a native application with PKCE), or else the local issuer."""
        settings = config.settings
        if url := settings.get("OKTA_ISSUER"):
            if not settings.get("OKTA_LOGIN_CLIENT_ID"):
                raise NoTokenError("Set OKTA_LOGIN_CLIENT_ID to the client id of a Native application (docs/okta.md).")
            return cls(url, settings["OKTA_LOGIN_CLIENT_ID"])
        return cls(config.issuer, _LOCAL_PEOPLE, down=_not_running(config))

    @cached_property
    def _discovered(self) -> dict[str, Any]:
        address = discovery_address(self.url)
        try:
            answer = requests.get(address, timeout=_SECONDS)
        except requests.RequestException:
            raise NotNowError(self.down) from None
        document = json_object(answer) or {}
        if document.get("issuer") != self.url:
            reason = document.get("issuer") or Refusal.of(document).description or "no issuer"
            raise NoTokenError(f"{self.url} is not an issuer: {address} names {reason}. Check OKTA_ISSUER in .env.")
        return document

    def endpoint(self, name: str) -> str:
        """Return the address that the discovery document has under this name."""
        address = self._discovered.get(name)
        if not isinstance(address, str):
            raise NoTokenError(f"{self.url} has no {name}: this way of signing in is not enabled there.")
        return address

    def post(self, url: str, **form: str) -> dict[str, Any]:
        """Post a form as this client, and return the JSON object that the endpoint answers."""
        credentials = (self.client_id, self.client_secret) if self.client_secret else None
        if not credentials:
            form["client_id"] = self.client_id
        try:
            answer = requests.post(url, data=form, auth=credentials, timeout=_SECONDS)
        except requests.RequestException:
            raise NotNowError(self.down) from None
        if not answer.ok:
            refusal = Refusal.of_answer(answer)
            busy = answer.status_code == requests.codes.too_many_requests or answer.status_code >= 500
            kind = NotNowError if busy else NoTokenError
            raise kind(f"Could not get a token: {refusal}", refusal)
        document = json_object(answer)
        if document is None:
            raise NoTokenError(f"Could not get a token: {url} does not answer with a JSON object")
        return document

    def token(self, **form: str) -> str:
        """Return an access token for this grant."""
        token = self.post(self.endpoint("token_endpoint"), **form).get("access_token")
        if not isinstance(token, str):
            raise NoTokenError("Could not get a token: the issuer's answer has no access_token (RFC 6749, 5.1)")
        return token


def _not_running(config: Config) -> str:
    where = f" at {config.issuer_url}" if config.port != 8000 else ""
    return f"The system is not running{where}. Start it with `make run` in another terminal, then try again."


def wanted_scope() -> str:
    """Return the scopes to ask for, separated by spaces: those in SCOPE, or else all."""
    return os.environ.get("SCOPE") or SCOPE


def fewer_scopes(code: str, scope: str, command: str) -> str:
    """Return a line about asking for fewer scopes, if the issuer refused several with this error code.

    One rule at Okta must allow every requested scope (docs/okta.md, step 4).
    """
    if code != "access_denied" or len(scope.split()) < 2:
        return ""
    fewer = "sales:read sales:write" if "sales:manage" in scope.split() else "sales:read"
    return f'\nIf not all of this is allowed, ask for less: SCOPE="{fewer}" {command}'


def access_token(config: Config, scope: str = SCOPE) -> str:
    """Return a machine's token with these scopes, separated by spaces. Raise NoTokenError."""
    return Issuer.for_machines(config).token(grant_type="client_credentials", scope=scope)


def main() -> int:
    """Print a token with the scopes in SCOPE and nothing else; errors go to standard error."""
    scope = wanted_scope()
    try:
        print(access_token(Config.of_running(), scope))
    except (NoTokenError, ValueError) as error:
        print(f"{error}{fewer_scopes(getattr(error, 'code', ''), scope, 'make token')}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run(main)
