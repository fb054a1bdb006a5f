"""The API that a command calls: the running system's, or with URL and TOKEN in the environment any other."""

import os
import sys
import time
from dataclasses import dataclass, field
from urllib.parse import urljoin

import requests

from local.commands.refusals import json_object
from local.commands.token import access_token
from local.config import Config

__all__ = ["BASE", "Api", "ApiError"]

BASE = "/api/v1/sales"
_SECONDS = 40
# How long to wait before each further try, for a system that is busy or does not answer.
_WAITS = (1, 2, 4, 8, 16, 30)
_BUSY = frozenset({429, 500, 502, 503, 504})


class ApiError(Exception):
    """The API could not be used; the message says why and what to do."""


@dataclass
class Api:
    """An API, and a token for it with this scope."""

    url: str
    token: str
    scope: str = ""
    # Of the system on this machine, which gives a new token when the last one has expired.
    config: Config | None = None
    waits: tuple[int, ...] = _WAITS
    _session: requests.Session = field(default_factory=requests.Session)

    @classmethod
    def of_environment(cls, scope: str) -> "Api":
        """Return the API at URL with TOKEN, or else the running system. Raise ApiError or NoTokenError."""
        url, token = os.environ.get("URL", "").rstrip("/"), os.environ.get("TOKEN", "").strip()
        if url and not token:
            raise ApiError("Set TOKEN too, to an access token for that system: `make login` prints one.")
        if url:
            return cls(url, token, scope)
        return cls.of_running(Config.of_running(), scope)

    @classmethod
    def of_running(cls, config: Config, scope: str) -> "Api":
        """Return the API of the system on this machine. Raise NoTokenError."""
        return cls(config.api_url, access_token(config, scope), scope, config)

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> requests.Response:
        """Return the answer; a system that is busy or does not answer is asked again.

        Ask only for what may happen twice. Raise ApiError if the system refuses, or is still busy or silent.
        """
        renewed = False
        for wait in (*self.waits, None):
            sent = headers | {"Authorization": f"Bearer {self.token}"}
            try:
                answer = self._session.request(
                    method, urljoin(self.url, path), headers=sent, data=body, timeout=_SECONDS, allow_redirects=False
                )
            except requests.RequestException as error:
                said = f"{self.url} does not answer ({type(error).__name__})."
            else:
                if answer.status_code == requests.codes.unauthorized and self.config and not renewed:
                    self.token, renewed = access_token(self.config, self.scope), True
                    continue
                if answer.ok and not answer.is_redirect:
                    return answer
                said = _refusal(answer)
                if answer.status_code not in _BUSY:
                    break
            if wait is not None:
                print(f"{said} Trying again in {wait} s.", file=sys.stderr)
                time.sleep(wait)
        raise ApiError(said)


def _refusal(answer: requests.Response) -> str:
    """Return the words of an answer that refuses: its detail, its status, and a line for each error."""
    problem = json_object(answer) or {}
    errors = "".join(f"\n  {each['pointer'].lstrip('?/')}: {each['detail']}" for each in problem.get("errors", ()))
    detail = problem.get("detail") or problem.get("message") or answer.reason
    return f"{detail} ({answer.status_code}).{errors}"
