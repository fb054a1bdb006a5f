"""The caller of a request, with an authorizer and without one."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.aws.payload import rendered
from sales.api.callers import caller_of, require_scope
from sales.domain.caller import Caller
from sales.domain.problems import Problem
from tests.support.tokens import AUDIENCE, Issuer, running


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with running(Issuer()) as found:
        yield found


def ask(issuer: Issuer, authorization: str | None, scope: str = "sales:write") -> Caller:
    headers = {} if authorization is None else {"authorization": authorization}
    caller = caller_of({"requestContext": {}}, headers, issuer=issuer.url, audience=AUDIENCE, jwks_uri="")
    require_scope(caller, scope)
    return caller


def test_without_an_authorizer_the_bearer_token_names_the_caller(issuer: Issuer) -> None:
    caller = ask(issuer, f"bearer {issuer.token(uid='00u1')}")
    assert (caller.actor, caller.client) == ("00u1", "client")


def test_both_doors_name_the_same_caller(issuer: Issuer) -> None:
    for claims in ({"uid": "00u1"}, {"uid": 7}, {"uid": None}, {"uid": "", "cid": None}, {"sub": "machine"},
                   {"cid": None, "azp": "a"}, {"cid": None, "client_id": "b"}, {"azp": "a", "client_id": "b"}):  # fmt: skip
        of_token = ask(issuer, f"Bearer {issuer.token(**claims)}")
        event = {
            "requestContext": {
                "authorizer": {
                    "jwt": {
                        "claims": rendered(issuer.claims(**claims)),
                        "scopes": ["sales:read", "sales:write", "sales:manage"],
                    }
                }
            }
        }
        assert caller_of(event, {}, issuer=issuer.url, audience=AUDIENCE, jwks_uri="") == of_token


@pytest.mark.parametrize(
    ("claims", "client"),
    [
        ({}, "client"),
        ({"azp": "a", "client_id": "b"}, "client"),
        ({"cid": None, "azp": "a", "client_id": "b"}, "a"),
        ({"cid": None, "client_id": "b"}, "b"),
        ({"cid": "", "azp": "", "client_id": "b"}, "b"),
        ({"cid": None, "uid": "00u1"}, "00u1"),
    ],
)
def test_the_client_has_the_first_name_that_the_token_gives_it(
    claims: dict[str, Any], client: str, issuer: Issuer
) -> None:
    assert ask(issuer, f"Bearer {issuer.token(**claims)}").client == client


@pytest.mark.parametrize("name", ["cid", "azp", "client_id"])
@pytest.mark.parametrize("client", [["a"], 7, {"a": 1}, True])
def test_a_client_that_is_no_text_is_401(name: str, client: Any, issuer: Issuer) -> None:
    with pytest.raises(Problem) as refused:
        ask(issuer, f"Bearer {issuer.token(**{name: client})}")
    assert refused.value.status == 401


@pytest.mark.parametrize(
    "scp",
    [None, [], "sales:writes", "[sales:write]", ["sales:writes"], ["sales"], ["sales:read"], [["sales:write"]], {}],
)
def test_a_token_without_the_scope_is_403(scp: Any, issuer: Issuer) -> None:
    with pytest.raises(Problem) as refused:
        ask(issuer, f"Bearer {issuer.token(scp=scp)}")
    assert refused.value.status == 403
    assert refused.value.headers["WWW-Authenticate"].startswith('Bearer error="insufficient_scope"')


@pytest.mark.parametrize(
    "scopes",
    [
        "sales:read",
        "xsales:readx",
        ["sales:readx"],
        ["sales:read", 1],
        [["sales:read"]],
        {"sales:read": 1},
        5,
        [],
        None,
    ],
)
def test_an_authorizer_that_grants_no_list_of_scopes_grants_none(scopes: Any) -> None:
    event = {"requestContext": {"authorizer": {"jwt": {"claims": {"sub": "one"}, "scopes": scopes}}}}
    with pytest.raises(Problem) as refused:
        require_scope(caller_of(event, {}, issuer="", audience="", jwks_uri=""), "sales:read")
    assert refused.value.code == "insufficient_scope"


@pytest.mark.parametrize("scope", ["sales:read", "sales:write", "sales:manage"])
def test_no_scope_contains_another(scope: str) -> None:
    others = frozenset({"sales:read", "sales:write", "sales:manage"} - {scope})
    with pytest.raises(Problem) as refused:
        require_scope(Caller(actor="one", client="two", scopes=others), scope)
    assert scope in refused.value.headers["WWW-Authenticate"]
    require_scope(Caller(actor="one", client="two", scopes=frozenset({scope})), scope)


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
        caller_of(event, headers, issuer=issuer.url, audience=AUDIENCE, jwks_uri="")
    assert refused.value.status == 401
