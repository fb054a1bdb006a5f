"""Hostile tokens, at the API gateway of a running system and in the functions' own check."""

import json
from collections.abc import Callable, Iterator

import pytest
from moto import mock_aws

from deployment.template import load
from functions.create_customer.app import handler as create_customer
from sales.api.callers import caller_of, require_scope
from sales.api.jwks import TokenError
from sales.api.tokens import Verifier
from sales.domain.problems import Problem
from sales.runtime.aws import aws_client
from tests.attacks import hostile
from tests.attacks.conftest import Try
from tests.attacks.hostile import CARRIED, TOKENS, WITHOUT_SCOPE, attacked, without_scope
from tests.attacks.wire import HOST, Reply, send
from tests.conftest import ENVIRONMENT, forget_process_state
from tests.support.events import Context, http_event
from tests.support.system import BASE, CUSTOMER, ROOT, System
from tests.support.tokens import AUDIENCE, FORMS, Issuer, running

pytestmark = pytest.mark.local
GATEWAY, CHECK = "Forged and stale tokens, at the API gateway", "Forged and stale tokens, in the functions' own check"
FUNCTION = "Forged, stale and misplaced tokens, at a function without an authorizer"
BODY = json.dumps(CUSTOMER).encode()


@pytest.fixture(scope="module", params=FORMS)
def issuer(request: pytest.FixtureRequest) -> Iterator[Issuer]:
    """An issuer of each form, for the functions' own check."""
    with running(Issuer(form=request.param)) as found, attacked(found):
        yield found


@pytest.fixture(scope="module")
def insider(target: System) -> Iterator[Issuer]:
    """The issuer of the running system, whose signing key the attacker has."""
    with hostile.insider(target.state, target.port + 1) as found:
        yield found


def fetched(issuer: Issuer) -> int:
    """Return how often the attacker's keys were fetched."""
    assert issuer.attacker
    return issuer.attacker.fetches


def post(target: System, *headers: bytes, query: str = "") -> Reply:
    """Try to create a customer."""
    lines = [
        f"POST {BASE}/customers{query} HTTP/1.1".encode(),
        b"Host: " + HOST,
        b"Content-Type: application/json",
        b"Connection: close",
        *headers,
    ]
    lines.append(b"Content-Length: %d" % len(BODY))
    return send(target.port, b"\r\n".join(lines) + b"\r\n\r\n" + BODY)


def test_the_insiders_good_token_is_accepted(target: System, insider: Issuer) -> None:
    assert post(target, b"Authorization: Bearer " + insider.token().encode()).status == 201


@pytest.mark.parametrize("name", TOKENS)
def test_the_api_gateway_refuses(name: str, target: System, insider: Issuer, tried: Try) -> None:
    reply = post(target, b"Authorization: Bearer " + TOKENS[name](insider).encode())
    tried(GATEWAY, reply.status < 400 or fetched(insider) > 0)
    assert fetched(insider) == 0
    # The API gateway's limits come first.
    assert reply.status == {"huge": 431, "line break at the end": 400}.get(name, 401), reply


def test_at_least_forty_tokens_are_tried() -> None:
    assert len(TOKENS) + len(WITHOUT_SCOPE) >= 40


@pytest.mark.parametrize("name", TOKENS)
def test_the_functions_own_check_refuses(name: str, issuer: Issuer, tried: Try) -> None:
    reason = ""
    try:
        Verifier(issuer.url, AUDIENCE).claims(TOKENS[name](issuer))
    except TokenError as refused:
        reason = refused.reason
    tried(CHECK, not reason or fetched(issuer) > 0)
    assert reason
    assert fetched(issuer) == 0
    assert "someone@example.com" not in reason


@pytest.fixture(scope="module")
def function(issuer: Issuer) -> Iterator[Callable[[dict[str, str], str], int]]:
    """create_customer as sam local invokes it, without an authorizer: returns its status for these headers and query."""
    definition = load(
        ROOT / "template.yaml", {"OktaIssuer": issuer.url, "ConsoleClientId": "console", "Architecture": "x86_64"}
    ).tables
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, value in (ENVIRONMENT | {"OKTA_ISSUER": issuer.url}).items():
            patch.setenv(name, value)
        forget_process_state()
        client = aws_client("dynamodb", "")
        client.create_table(**definition["CustomersTable"] | {"TableName": "customers"})

        def ask(headers: dict[str, str], query: str) -> int:
            event = http_event("POST", f"{BASE}/customers", CUSTOMER, headers=headers, authorized=False)
            status: int = create_customer(event | {"rawQueryString": query.removeprefix("?")}, Context())["statusCode"]
            stored = client.scan(TableName="customers")["Count"]
            assert bool(stored) is (status < 400)
            return status

        yield ask
    forget_process_state()


@pytest.mark.parametrize("name", TOKENS)
def test_a_function_without_an_authorizer_refuses(
    name: str, function: Callable[[dict[str, str], str], int], issuer: Issuer, tried: Try
) -> None:
    status = function({"Authorization": f"Bearer {TOKENS[name](issuer)}"}, "")
    tried(FUNCTION, status < 400 or fetched(issuer) > 0)
    assert status == 401
    assert fetched(issuer) == 0


@pytest.mark.parametrize("name", CARRIED)
def test_a_function_without_an_authorizer_refuses_a_misplaced_token(
    name: str, function: Callable[[dict[str, str], str], int], issuer: Issuer, tried: Try
) -> None:
    lines, query = CARRIED[name]
    headers: dict[str, str] = {}
    for line in lines:
        key, _, value = line.decode().replace("%s", issuer.token()).partition(":")
        # Events join a repeated header with a comma.
        headers[key] = f"{headers[key]},{value.strip()}" if key in headers else value.strip()
    status = function(headers, query.replace("%s", issuer.token()))
    tried(FUNCTION, status < 400)
    assert status == 401


def test_a_function_without_an_authorizer_accepts_a_good_token(
    function: Callable[[dict[str, str], str], int], issuer: Issuer
) -> None:
    # The last of these tests, because it stores a customer.
    assert function({"Authorization": f"Bearer {issuer.token()}"}, "") == 201


@pytest.mark.parametrize("name", WITHOUT_SCOPE)
def test_the_api_gateway_answers_403_without_the_scope(name: str, target: System, insider: Issuer, tried: Try) -> None:
    reply = post(target, b"Authorization: Bearer " + without_scope(insider, name).encode())
    tried("Scopes that are not the route's, at the API gateway", reply.status < 400)
    assert reply.status == 403


@pytest.mark.parametrize("name", WITHOUT_SCOPE)
def test_the_functions_own_check_finds_no_scope(name: str, issuer: Issuer, tried: Try) -> None:
    headers = {"authorization": f"Bearer {without_scope(issuer, name)}"}
    caller = caller_of({"requestContext": {}}, headers, issuer=issuer.url, audience=AUDIENCE, jwks_uri="")
    tried("Scopes that are not the route's, in the functions' own check", "sales:write" in caller.scopes)
    with pytest.raises(Problem) as refused:
        require_scope(caller, "sales:write")
    assert refused.value.status == 403


@pytest.mark.parametrize("name", CARRIED)
def test_a_misplaced_token_is_refused(name: str, target: System, insider: Issuer, tried: Try) -> None:
    lines, query = CARRIED[name]
    token = insider.token().encode()
    reply = post(target, *(line.replace(b"%s", token) for line in lines), query=query.replace("%s", token.decode()))
    tried("A good token carried wrongly", reply.status < 400)
    assert reply.status in {400, 401}


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER ", b""])
def test_the_scheme_may_have_any_case_or_be_missing_as_on_aws(scheme: bytes, target: System, insider: Issuer) -> None:
    assert post(target, b"Authorization: " + scheme + insider.token().encode()).status == 201
