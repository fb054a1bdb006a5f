"""Hostile tokens, at the gateway of the running system and at the check that functions make without one."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sales.auth import TokenError, Verifier, caller_of
from sales.errors import Problem
from tests.attacks.conftest import Try
from tests.attacks.hostile import TOKENS, WITHOUT_SCOPE
from tests.attacks.wire import Reply, send
from tests.local.system import BASE, CUSTOMER, System, request
from tests.tokens import AUDIENCE, Issuer, running

pytestmark = pytest.mark.local
GATEWAY, FUNCTIONS = "Forged and stale tokens, at the gateway", "Forged and stale tokens, at the functions' own check"
BODY = json.dumps(CUSTOMER).encode()


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """An issuer for the functions' own check."""
    with running(Issuer()) as found:
        yield found


@pytest.fixture(scope="module")
def insider(target: System) -> Issuer:
    """The running system's own issuer, its signing key in the attacker's hands: only what a token says is wrong."""
    key = serialization.load_pem_private_key((target.state / "identity.pem").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    found = Issuer()
    found.key = key
    discovery = request(
        "GET", f"http://127.0.0.1:{target.port + 1}/oauth2/default/.well-known/openid-configuration"
    ).body
    found.url, found.kid = discovery["issuer"], request("GET", discovery["jwks_uri"]).body["keys"][0]["kid"]
    return found


def post(target: System, *headers: bytes, query: str = "") -> Reply:
    """A customer that would be created, were the caller let in."""
    lines = [
        f"POST {BASE}/customers{query} HTTP/1.1".encode(),
        b"Host: x",
        b"Content-Type: application/json",
        b"Connection: close",
        *headers,
    ]
    lines.append(b"Content-Length: %d" % len(BODY))
    return send(target.port, b"\r\n".join(lines) + b"\r\n\r\n" + BODY)


def test_the_insiders_good_token_is_let_in(target: System, insider: Issuer) -> None:
    assert post(target, b"Authorization: Bearer " + insider.token().encode()).status == 201


@pytest.mark.parametrize("name", TOKENS)
def test_the_gateway_lets_nobody_in_with(name: str, target: System, insider: Issuer, tried: Try) -> None:
    reply = post(target, b"Authorization: Bearer " + TOKENS[name](insider).encode())
    tried(GATEWAY, reply.status < 400)
    # The gateway's own limits come first.
    assert reply.status == {"huge": 431, "line break at the end": 400}.get(name, 401), reply


def test_at_least_forty_tokens_are_tried() -> None:
    assert len(TOKENS) + len(WITHOUT_SCOPE) >= 40


@pytest.mark.parametrize("name", TOKENS)
def test_the_functions_own_check_lets_nobody_in_with(name: str, issuer: Issuer, tried: Try) -> None:
    reason = ""
    try:
        Verifier(issuer.url, AUDIENCE).claims(TOKENS[name](issuer))
    except TokenError as refused:
        reason = refused.reason
    tried(FUNCTIONS, not reason)
    assert reason
    assert "someone@example.com" not in reason


@pytest.mark.parametrize("name", WITHOUT_SCOPE)
def test_without_the_scope_it_is_403_at_both(
    name: str, target: System, insider: Issuer, issuer: Issuer, tried: Try
) -> None:
    scp: Any = WITHOUT_SCOPE[name]
    reply = post(target, b"Authorization: Bearer " + insider.token(scp=scp).encode())
    tried("Scopes that are not the route's", reply.status < 400)
    assert reply.status == 403
    headers = {"authorization": f"Bearer {issuer.token(scp=scp)}"}
    with pytest.raises(Problem) as refused:
        caller_of({"requestContext": {}}, headers, "sales:write", issuer=issuer.url, audience=AUDIENCE, jwks_uri="")
    assert refused.value.status == 403


CARRIED: dict[str, tuple[list[bytes], str]] = {
    "no header": ([], ""),
    "an empty header": ([b"Authorization:"], ""),
    "only the scheme": ([b"Authorization: Bearer"], ""),
    "basic": ([b"Authorization: Basic %s"], ""),
    "scheme twice": ([b"Authorization: Bearer Bearer %s"], ""),
    "a tab after the scheme": ([b"Authorization: Bearer\t%s"], ""),
    "two headers, both good": ([b"Authorization: Bearer %s", b"Authorization: Bearer %s"], ""),
    "two headers, the first bad": ([b"Authorization: Bearer x", b"Authorization: Bearer %s"], ""),
    "two headers, the second bad": ([b"Authorization: Bearer %s", b"Authorization: Bearer x"], ""),
    "two tokens in one header": ([b"Authorization: Bearer %s, Bearer %s"], ""),
    "in the query": ([], "?access_token=%s"),
    "in a cookie": ([b"Cookie: access_token=%s"], ""),
    "in another header": ([b"X-Authorization: Bearer %s"], ""),
    "in X-Forwarded-Authorization": ([b"X-Forwarded-Authorization: Bearer %s"], ""),
    "under Proxy-Authorization": ([b"Proxy-Authorization: Bearer %s"], ""),
    "in quotes": ([b'Authorization: Bearer "%s"'], ""),
    "after a NUL": ([b"Authorization: Bearer \0%s"], ""),
    "claims in a header of the gateway's": ([b"X-Amzn-Request-Context: {}", b"X-Claims: %s"], ""),
}


@pytest.mark.parametrize("name", CARRIED)
def test_a_good_token_carried_wrongly_is_none(name: str, target: System, insider: Issuer, tried: Try) -> None:
    lines, query = CARRIED[name]
    token = insider.token().encode()
    reply = post(target, *(line.replace(b"%s", token) for line in lines), query=query.replace("%s", token.decode()))
    tried("A good token carried wrongly", reply.status < 400)
    assert reply.status in {400, 401}


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER ", b""])
def test_the_scheme_may_be_written_in_any_case_or_be_left_out_as_on_aws(
    scheme: bytes, target: System, insider: Issuer
) -> None:
    assert post(target, b"Authorization: " + scheme + insider.token().encode()).status == 201
