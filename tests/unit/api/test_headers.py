"""Headers that come twice: API Gateway joins several lines with commas, so only a list may have them (RFC 9110, 5.3)."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from deployment import ROOT
from sales.api.endpoint import Request, Response, endpoint
from tests.support.events import Context, http_event
from tests.support.tokens import AUDIENCE, Issuer, running

# Each header that the code reads: one line of it, and the status that two lines get.
TWICE = {
    # One value: two lines are refused, even equal ones, or count as none.
    "idempotency-key": ("k", 400),
    "content-type": ("application/json; charset=utf-8", 415),
    "authorization": ("Bearer {token}", 401),
    "x-request-id": ("r", 200),
    # Lists by their grammar (RFC 9110, 13.1 and 12.5.3): two lines are one list.
    "if-match": ('"1"', 200),
    "if-none-match": ('"1"', 304),
    "accept": ("text/csv", 200),
    "accept-encoding": ("gzip", 200),
}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with running(Issuer()) as found:
        yield found


@pytest.fixture
def token(issuer: Issuer, environment: pytest.MonkeyPatch) -> str:
    environment.setenv("OKTA_ISSUER", issuer.url)
    environment.setenv("OKTA_AUDIENCE", AUDIENCE)
    return issuer.token(scp=["sales:read"])


def ask(method: str, headers: dict[str, str]) -> dict[str, Any]:
    @endpoint(scope="sales:read")
    def read(request: Request) -> Response:
        request.check_version(1)
        return Response(200, {"key": request.idempotency_key, **request.json()}, version=1)

    return read(http_event(method, "/x", {}, headers=headers, authorized=False), Context())


@pytest.mark.parametrize("name", TWICE)
@pytest.mark.parametrize("second", ["the same", '"2"'])
def test_a_header_that_is_no_list_is_never_read_from_two_lines(name: str, second: str, token: str) -> None:
    value, status = TWICE[name]
    value = value.format(token=token)
    method = "GET" if name == "if-none-match" else "POST"
    good = {"authorization": f"Bearer {token}"}
    once = ask(method, good | {name: value})
    twice = ask(method, good | {name: f"{value},{value if second == 'the same' else second}"})
    assert once["statusCode"] == (304 if name == "if-none-match" else 200)
    assert twice["statusCode"] == status
    if name == "x-request-id":
        assert once["headers"]["x-request-id"] == value != twice["headers"]["x-request-id"]


def test_every_header_that_is_read_is_in_the_table() -> None:
    code = "".join(path.read_text() for path in (ROOT / "shared" / "sales").rglob("*.py"))
    read = set(re.findall(r'headers\.get\(\s*"([a-z-]+)"', code))
    assert read == TWICE.keys()
