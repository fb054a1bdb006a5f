"""The issuer's endpoints, as pages get them."""

from collections.abc import Iterator
from typing import Any

import pytest

from sales.api import issuers
from sales.api.issuers import endpoints
from tests.support.tokens import FORMS, Issuer, running


@pytest.fixture(params=FORMS)
def issuer(request: pytest.FixtureRequest) -> Iterator[Issuer]:
    with running(Issuer(form=request.param)) as found:
        yield found


def test_an_issuers_endpoints_are_those_that_it_publishes(issuer: Issuer) -> None:
    base = issuer.url.removesuffix("/")
    known = endpoints(issuer.url)
    assert known == (f"{base}/v1/authorize", f"{base}/v1/token", "")
    assert known.token_origin == base.removesuffix(FORMS[issuer.form].removesuffix("/"))
    issuer.discovery = {"end_session_endpoint": f"{base}/v1/logout"}
    fetches = issuer.fetches
    # They are kept.
    assert endpoints(issuer.url) == known
    assert issuer.fetches == fetches


def test_the_token_endpoint_may_be_at_another_origin(issuer: Issuer) -> None:
    issuer.discovery = {
        "token_endpoint": "https://tokens.example:8443/token",
        "end_session_endpoint": "https://a.example/out",
    }
    known = endpoints(issuer.url)
    assert known
    assert (known.token_origin, known.end_session) == ("https://tokens.example:8443", "https://a.example/out")


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": None},
        {"token_endpoint": ["https://a.example"]},
        {"token_endpoint": "https://a.example; script-src *"},
        {"token_endpoint": "https://a.example;script-src/*"},
        {"token_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://a.example/\nx"},
        {"authorization_endpoint": ""},
    ],
)
def test_a_document_that_pages_cannot_use_gives_none(changes: dict[str, Any], issuer: Issuer) -> None:
    issuer.discovery = changes
    assert endpoints(issuer.url) is None


def test_the_slash_belongs_to_the_issuer(issuer: Issuer) -> None:
    assert endpoints(issuer.url.removesuffix("/") if issuer.url.endswith("/") else f"{issuer.url}/") is None


def test_a_plain_address_is_only_for_a_plain_issuer() -> None:
    with running(Issuer()) as issuer:
        issuer.discovery = {"issuer": "https://shop.example"}
        assert endpoints("https://shop.example", f"{issuer.url}/.well-known/openid-configuration") is None


def test_an_issuer_that_was_down_is_asked_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(issuers.time, "monotonic", lambda: now)
    with running(Issuer()) as issuer:
        issuer.down = True
        assert endpoints(issuer.url) is None
        issuer.down = False
        assert endpoints(issuer.url) is None
        now += 5
        known = endpoints(issuer.url)
        assert known
        # Down an hour later, it keeps what it said.
        issuer.down = True
        now += 3601
        assert endpoints(issuer.url) == known
