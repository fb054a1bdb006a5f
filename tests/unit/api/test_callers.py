"""The caller of a request, with an authorizer and without one."""

from collections.abc import Iterator
from typing import Any

import pytest

from sales.api.callers import caller_of
from sales.domain.caller import Caller
from sales.domain.problems import Problem
from tests.support.tokens import AUDIENCE, Issuer, running


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with running(Issuer()) as found:
        yield found


def ask(issuer: Issuer, authorization: str | None, scope: str = "sales:write") -> Caller:
    headers = {} if authorization is None else {"authorization": authorization}
    return caller_of({"requestContext": {}}, headers, scope, issuer=issuer.url, audience=AUDIENCE, jwks_uri="")


def test_without_an_authorizer_the_bearer_token_names_the_caller(issuer: Issuer) -> None:
    caller = ask(issuer, f"bearer {issuer.token()}")
    assert (caller.subject, caller.client) == ("someone@example.com", "client")


@pytest.mark.parametrize(
    "scp", [None, [], "sales:write", ["sales:writes"], ["sales"], ["sales:read"], [["sales:write"]], {}]
)
def test_a_token_without_the_scope_is_403(scp: Any, issuer: Issuer) -> None:
    with pytest.raises(Problem) as refused:
        ask(issuer, f"Bearer {issuer.token(scp=scp)}")
    assert refused.value.status == 403
    assert refused.value.headers["WWW-Authenticate"].startswith('Bearer error="insufficient_scope"')


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "bare", "Token x"])
def test_anything_but_a_bearer_token_is_401_with_a_challenge(header: str | None, issuer: Issuer) -> None:
    with pytest.raises(Problem) as refused:
        ask(issuer, header)
    assert refused.value.status == 401
    assert refused.value.headers["WWW-Authenticate"].startswith("Bearer")


def test_two_authorization_headers_are_401(issuer: Issuer) -> None:
    token = issuer.token()
    with pytest.raises(Problem) as refused:
        ask(issuer, f"Bearer {token},Bearer {token}")
    assert refused.value.status == 401


@pytest.mark.parametrize(
    "authorizer", [{}, {"jwt": {}}, {"jwt": {"claims": {}}}, {"jwt": None}, {"lambda": {"sub": "x"}}]
)
def test_an_authorizer_that_names_no_caller_is_401(authorizer: Any, issuer: Issuer) -> None:
    event = {"requestContext": {"authorizer": authorizer}}
    headers = {"authorization": f"Bearer {issuer.token()}"}
    with pytest.raises(Problem) as refused:
        caller_of(event, headers, "sales:read", issuer=issuer.url, audience=AUDIENCE, jwks_uri="")
    assert refused.value.status == 401
