"""`make token`: an access token for a machine (client credentials), from the issuer of .env or the running system's sign-in."""

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
# The local sign-in's clients (local/okta/clients.py).
_LOCAL_MACHINE, _LOCAL_PEOPLE = "sales-service", "sales-cli"
_SECONDS = 10


class NoTokenError(Exception):
    """There is no token; the text says why and what to do, `code` is OAuth's word where it has one."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


class NotNowError(NoTokenError):
    """The issuer did not answer this time; it may if it is asked again."""


@dataclass(frozen=True)
class Issuer:
    """Where tokens come from, and the client that asks for them. Every method raises NoTokenError."""

    url: str
    client_id: str
    client_secret: str | None = None
    # What to say when it does not answer.
    down: str = "The issuer does not answer. Check OKTA_ISSUER in .env."

    @classmethod
    def for_machines(cls, config: Config) -> "Issuer":
        """As OKTA_ISSUER, OKTA_CLIENT_ID and OKTA_CLIENT_SECRET say; without the first, the local sign-in."""
        given = config.settings
        if url := given.get("OKTA_ISSUER"):
            if not (given.get("OKTA_CLIENT_ID") and given.get("OKTA_CLIENT_SECRET")):
                raise NoTokenError("Set OKTA_CLIENT_ID and OKTA_CLIENT_SECRET to those of an API Services application.")
            return cls(url.rstrip("/"), given["OKTA_CLIENT_ID"], given["OKTA_CLIENT_SECRET"])
        try:
            secret = json.loads((config.state / "identity-clients.json").read_text())[_LOCAL_MACHINE]
        except (OSError, KeyError, ValueError):
            raise NoTokenError(_not_running(config)) from None
        return cls(config.issuer, _LOCAL_MACHINE, secret, _not_running(config))

    @classmethod
    def for_people(cls, config: Config) -> "Issuer":
        """As OKTA_ISSUER and OKTA_LOGIN_CLIENT_ID (a native application with PKCE) say; else the local sign-in."""
        given = config.settings
        if url := given.get("OKTA_ISSUER"):
            if not given.get("OKTA_LOGIN_CLIENT_ID"):
                raise NoTokenError("Set OKTA_LOGIN_CLIENT_ID to the client id of a Native application (docs/okta.md).")
            return cls(url.rstrip("/"), given["OKTA_LOGIN_CLIENT_ID"])
        return cls(config.issuer, _LOCAL_PEOPLE, down=_not_running(config))

    @cached_property
    def _discovered(self) -> dict[str, Any]:
        address = f"{self.url}/.well-known/openid-configuration"
        try:
            answer = requests.get(address, timeout=_SECONDS)
        except requests.RequestException:
            raise NotNowError(self.down) from None
        found = _object(answer) or {}
        if found.get("issuer") != self.url:
            said = found.get("issuer") or found.get("errorSummary") or "nothing of the kind"
            raise NoTokenError(f"{self.url} is no issuer: {address} says {said}. Check OKTA_ISSUER in .env.")
        return found

    def endpoint(self, name: str) -> str:
        """The address that the discovery document has under this name."""
        found = self._discovered.get(name)
        if not isinstance(found, str):
            raise NoTokenError(f"{self.url} has no {name}: this way of signing in is not enabled there.")
        return found

    def post(self, url: str, **form: str) -> dict[str, Any]:
        """What an endpoint answers to this client."""
        credentials = (self.client_id, self.client_secret) if self.client_secret else None
        if not credentials:
            form["client_id"] = self.client_id
        try:
            answer = requests.post(url, data=form, auth=credentials, timeout=_SECONDS)
        except requests.RequestException:
            raise NotNowError(self.down) from None
        found = _object(answer)
        if not answer.ok:
            said = found or {}
            why = said.get("error_description") or said.get("errorSummary") or f"status {answer.status_code}"
            busy = answer.status_code == requests.codes.too_many_requests or answer.status_code >= 500
            kind = NotNowError if busy else NoTokenError
            raise kind(f"The sign-in gives no token: {why}", str(said.get("error", "")))
        if found is None:
            raise NoTokenError(f"The sign-in gives no token: {url} does not answer with a JSON object")
        return found

    def token(self, **form: str) -> str:
        """An access token for this grant."""
        said = self.post(self.endpoint("token_endpoint"), **form)
        if not isinstance(said.get("access_token"), str):
            raise NoTokenError("The sign-in gives no token: its answer has no access_token (RFC 6749, 5.1)")
        return str(said["access_token"])


def _object(answer: requests.Response) -> dict[str, Any] | None:
    """The JSON object that was answered; None for anything else."""
    try:
        found = answer.json()
    except requests.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _not_running(config: Config) -> str:
    where = f" at {config.identity_url}" if config.port != 8000 else ""
    return f"The system does not run{where}. Start it with `make run` in another shell and try again."


def access_token(config: Config, scope: str = SCOPE) -> str:
    """A machine's token with these scopes, separated by spaces. Raises NoTokenError."""
    return Issuer.for_machines(config).token(grant_type="client_credentials", scope=scope)


def main() -> int:
    """Prints a token with the scopes in SCOPE, and nothing else; why there is none goes to standard error."""
    try:
        print(access_token(Config.of_running(), os.environ.get("SCOPE") or SCOPE))
    except (NoTokenError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run(main)
