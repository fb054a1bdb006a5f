"""`make token`: an access token for a machine (client credentials), from .env's issuer or the running system's."""

import json
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import requests

from local.commands.cli import run
from local.config import Config

__all__ = ["SCOPE", "Issuer", "NoTokenError", "NotNowError", "access_token"]

SCOPE = "sales:read sales:write"
# The local issuer's clients (local/okta/clients.py).
_LOCAL_MACHINE, _LOCAL_PEOPLE = "sales-service", "sales-cli"
_SECONDS = 10


class NoTokenError(Exception):
    """We got no token. The message says why and what to do; `code` is OAuth's error code, if any."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


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
            return cls(url.rstrip("/"), settings["OKTA_CLIENT_ID"], settings["OKTA_CLIENT_SECRET"])
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
            return cls(url.rstrip("/"), settings["OKTA_LOGIN_CLIENT_ID"])
        return cls(config.issuer, _LOCAL_PEOPLE, down=_not_running(config))

    @cached_property
    def _discovered(self) -> dict[str, Any]:
        address = f"{self.url}/.well-known/openid-configuration"
        try:
            answer = requests.get(address, timeout=_SECONDS)
        except requests.RequestException:
            raise NotNowError(self.down) from None
        document = _object(answer) or {}
        if document.get("issuer") != self.url:
            reason = document.get("issuer") or document.get("errorSummary") or "no issuer"
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
        document = _object(answer)
        if not answer.ok:
            error = document or {}
            reason = error.get("error_description") or error.get("errorSummary") or f"status {answer.status_code}"
            busy = answer.status_code == requests.codes.too_many_requests or answer.status_code >= 500
            kind = NotNowError if busy else NoTokenError
            raise kind(f"Could not get a token: {reason}", str(error.get("error", "")))
        if document is None:
            raise NoTokenError(f"Could not get a token: {url} does not answer with a JSON object")
        return document

    def token(self, **form: str) -> str:
        """Return an access token for this grant."""
        token = self.post(self.endpoint("token_endpoint"), **form).get("access_token")
        if not isinstance(token, str):
            raise NoTokenError("Could not get a token: the issuer's answer has no access_token (RFC 6749, 5.1)")
        return token


def _object(answer: requests.Response) -> dict[str, Any] | None:
    """Return the answer's JSON object, or None for anything else."""
    try:
        document = answer.json()
    except requests.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def _not_running(config: Config) -> str:
    where = f" at {config.issuer_url}" if config.port != 8000 else ""
    return f"The system is not running{where}. Start it with `make run` in another terminal, then try again."


def access_token(config: Config, scope: str = SCOPE) -> str:
    """Return a machine's token with these scopes, separated by spaces. Raise NoTokenError."""
    return Issuer.for_machines(config).token(grant_type="client_credentials", scope=scope)


def main() -> int:
    """Print a token with the scopes in SCOPE and nothing else; errors go to standard error."""
    try:
        print(access_token(Config.of_running(), os.environ.get("SCOPE") or SCOPE))
    except (NoTokenError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run(main)
