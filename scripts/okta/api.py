"""Okta's management API: lists, creates and changes objects, and explains refusals in sentences."""

import time
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from local.commands.refusals import Refusal

__all__ = ["LICENCE", "Api", "Document", "OktaError"]

type Document = dict[str, Any]

LICENCE = "API Access Management, an add-on that a paid organisation buys; the free Integrator plan has it"
_SECONDS = 30
# Okta counts requests a minute, so the next minute is open again.
_LONGEST_WAIT, _TRIES = 90, 4


class OktaError(Exception):
    """Okta refused or did not answer. The message says why and what to do."""


class Api:
    """One organisation's API. Every method raises `OktaError`. The token is sent to this organisation and nowhere else."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.headers.update({"Authorization": f"SSWS {token}", "Accept": "application/json"})

    def read(self, path: str, role: str, **query: str) -> list[Document]:
        """Return every object of a list, page by page (Link header, RFC 8288)."""
        documents: list[Document] = []
        address: str | None = f"{self.url}/api/v1/{path}"
        parameters: dict[str, str] | None = query
        seen: set[str] = set()
        while address and address not in seen:
            seen.add(address)
            answer = self._send("GET", address, role, params=parameters)
            page = _json(answer)
            if not isinstance(page, list):
                raise OktaError(f"{self.url} does not answer as Okta does: /api/v1/{path} is no list.")
            documents += page
            address = answer.links.get("next", {}).get("url")
            # The address of the next page has the query already.
            parameters = None
            if address and urlsplit(address)[:2] != urlsplit(self.url)[:2]:
                raise OktaError(f"{self.url} continues its list at another address ({urlsplit(address).netloc}).")
        return documents

    def create(self, path: str, body: Document, role: str) -> Document:
        """Create an object and return it."""
        return self._object("POST", path, role, body)

    def replace(self, path: str, body: Document, role: str) -> Document:
        """Replace an object and return it."""
        return self._object("PUT", path, role, body)

    def act(self, path: str, role: str) -> None:
        """Run an operation of an object, such as `lifecycle/activate`."""
        self._send("POST", f"{self.url}/api/v1/{path}", role)

    def _object(self, method: str, path: str, role: str, body: Document) -> Document:
        document = _json(self._send(method, f"{self.url}/api/v1/{path}", role, json=body))
        if not isinstance(document, dict):
            raise OktaError(f"{self.url} does not answer as Okta does: {method} /api/v1/{path} returned no object.")
        return document

    def _send(self, method: str, address: str, role: str, **options: Any) -> requests.Response:
        for remaining in reversed(range(_TRIES)):
            try:
                # A redirect would take the token to another address.
                answer = self._session.request(method, address, timeout=_SECONDS, allow_redirects=False, **options)
            except requests.RequestException as error:
                raise OktaError(
                    f"{self.url} does not answer ({type(error).__name__}). Check the domain and this network."
                ) from None
            if answer.status_code != requests.codes.too_many_requests or not remaining:
                break
            seconds = _until_reset(answer)
            print(f"Okta asks to wait: its limit of requests is used up for {seconds:.0f} seconds.", flush=True)
            time.sleep(seconds)
        if 200 <= answer.status_code < 300:
            return answer
        raise OktaError(_explained(answer, self.url, role))


def _explained(answer: requests.Response, url: str, role: str) -> str:
    """Return a refusal as a sentence. The code counts, not the status: Okta sends E0000015 with 401."""
    refusal = Refusal.of_answer(answer)
    if refusal.code == "E0000015":
        return f"This organisation lacks the feature: it needs {LICENCE}. (E0000015: {refusal})"
    if refusal.code == "E0000006":
        return f"The API token's owner has too weak a role: this needs {role}, or Super Administrator. (E0000006: {refusal})"
    if answer.status_code == requests.codes.unauthorized:
        return (
            "Okta does not accept the API token. Create one in this organisation under Security > API > Tokens; "
            f"one that was not used for 30 days has expired. ({refusal.code or answer.status_code}: {refusal})"
        )
    if not refusal.code:
        return f"{url} does not answer as Okta does ({refusal}). Is that the organisation's domain?"
    if answer.status_code == requests.codes.too_many_requests:
        return f"Okta's limit of requests is still used up. Try again in a few minutes. ({refusal.code}: {refusal})"
    if answer.status_code == requests.codes.locked or answer.status_code >= 500:
        return f"Okta cannot do this now. Try again in a few minutes. ({refusal.code}: {refusal})"
    return f"Okta refused {answer.request.method} {urlsplit(answer.url).path}: {refusal.code}: {refusal}"


def _until_reset(answer: requests.Response) -> float:
    """Return the seconds until the limit is lifted, by Okta's own clock."""
    try:
        reset = int(answer.headers["X-Rate-Limit-Reset"])
        now = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (KeyError, ValueError):
        return _LONGEST_WAIT
    return min(max(reset - now, 0) + 1, _LONGEST_WAIT)


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except requests.JSONDecodeError:
        return None
