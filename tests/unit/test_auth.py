"""Who is let in, where no gateway has verified the token."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from sales import auth
from sales.auth import TokenError, Verifier, caller_of
from sales.errors import Problem
from tests.tokens import AUDIENCE, Issuer, b64, running


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with running(Issuer()) as found:
        yield found


@pytest.fixture
def verifier(issuer: Issuer) -> Verifier:
    return Verifier(issuer.url, AUDIENCE)


def test_a_good_token_gives_its_claims(issuer: Issuer, verifier: Verifier) -> None:
    assert verifier.claims(issuer.token())["sub"] == "someone@example.com"


def header(issuer: Issuer, **changes: Any) -> dict[str, Any]:
    return {"alg": "RS256", "kid": issuer.kid} | changes


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}.{b64(signature)}"


def hs256_with_the_public_key(issuer: Issuer) -> str:
    head = unsigned(header(issuer, alg="HS256"), issuer.claims()).rstrip(".")
    return f"{head}.{b64(hmac.new(issuer.public_pem, head.encode(), hashlib.sha256).digest())}"


def rs512(issuer: Issuer) -> str:
    head = unsigned(header(issuer, alg="RS512"), issuer.claims()).rstrip(".")
    return f"{head}.{b64(issuer.key.sign(head.encode(), padding.PKCS1v15(), hashes.SHA512()))}"


def ps256(issuer: Issuer) -> str:
    head = unsigned(header(issuer, alg="PS256"), issuer.claims()).rstrip(".")
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    return f"{head}.{b64(issuer.key.sign(head.encode(), pss, hashes.SHA256()))}"


def es256(issuer: Issuer) -> str:
    head = unsigned(header(issuer, alg="ES256"), issuer.claims()).rstrip(".")
    key = ec.generate_private_key(ec.SECP256R1())
    return f"{head}.{b64(key.sign(head.encode(), ec.ECDSA(hashes.SHA256())))}"


def another_issuers_key(issuer: Issuer) -> str:
    stranger = Issuer(issuer.kid)
    stranger.url = issuer.url
    return stranger.token()


def embedded_key(issuer: Issuer) -> str:
    stranger = Issuer("mine")
    stranger.url = issuer.url
    return stranger.sign({"alg": "RS256", "kid": "mine", "jwk": stranger.keys()["keys"][0]}, stranger.claims())


def pointed_key(name: str) -> Callable[[Issuer], str]:
    def make(issuer: Issuer) -> str:
        stranger = Issuer("mine")
        stranger.url = issuer.url
        return stranger.sign({"alg": "RS256", "kid": "mine", name: "https://example.com/keys"}, stranger.claims())

    return make


def changed_payload(issuer: Issuer) -> str:
    head, _, signature = issuer.token().split(".")
    return f"{head}.{b64(json.dumps(issuer.claims(sub='admin')).encode())}.{signature}"


NOW = time.time
BAD: dict[str, Callable[[Issuer], str]] = {
    "alg none": lambda i: unsigned(header(i, alg="none"), i.claims()),
    "alg none with a signature": lambda i: unsigned(header(i, alg="none"), i.claims(), b"x"),
    "alg None": lambda i: unsigned(header(i, alg="None"), i.claims(), b"x"),
    "alg missing": lambda i: i.sign({"kid": i.kid}, i.claims()),
    "alg a list": lambda i: i.sign(header(i, alg=["RS256"]), i.claims()),
    "alg in lower case": lambda i: i.sign(header(i, alg="rs256"), i.claims()),
    "HS256 signed with the public key": hs256_with_the_public_key,
    "RS512": rs512,
    "PS256": ps256,
    "ES256": es256,
    "another key under the same kid": another_issuers_key,
    "embedded jwk": embedded_key,
    "jku": pointed_key("jku"),
    "x5u": pointed_key("x5u"),
    "x5c": pointed_key("x5c"),
    "kid unknown": lambda i: i.sign(header(i, kid="other"), i.claims()),
    "kid of path traversal": lambda i: i.sign(header(i, kid="../../../dev/null"), i.claims()),
    "kid empty": lambda i: i.sign(header(i, kid=""), i.claims()),
    "kid missing": lambda i: i.sign({"alg": "RS256"}, i.claims()),
    "kid a number": lambda i: i.sign(header(i, kid=1), i.claims()),
    "critical extension": lambda i: i.sign(header(i, crit=["exp"]), i.claims()),
    "wrong issuer": lambda i: i.token(iss="https://example.com/oauth2/default"),
    "issuer with a slash": lambda i: i.token(iss=i.url + "/"),
    "issuer as prefix": lambda i: i.token(iss=i.url[:-1]),
    "issuer as list": lambda i: i.token(iss=[i.url]),
    "issuer missing": lambda i: i.token(iss=None),
    "wrong audience": lambda i: i.token(aud="api://other"),
    "audience as list": lambda i: i.token(aud=["api://other"]),
    "audience as prefix": lambda i: i.token(aud="api://defaul"),
    "audience with a slash": lambda i: i.token(aud="api://default/"),
    "audience missing": lambda i: i.token(aud=None),
    "audience missing, client_id instead": lambda i: i.token(aud=None, client_id=AUDIENCE),
    "ID token": lambda i: i.token(aud="client", cid=None, scp=None, nonce="n", email="someone@example.com"),
    "no exp": lambda i: i.token(exp=None),
    "exp past": lambda i: i.token(exp=int(NOW()) - 1),
    "exp zero": lambda i: i.token(exp=0),
    "exp as string": lambda i: i.token(exp=str(int(NOW()) + 600)),
    "exp true": lambda i: i.token(exp=True),
    "exp huge": lambda i: i.token(exp=10**400),
    "exp Infinity": lambda i: i.token(exp=float("inf")),
    "exp NaN": lambda i: i.token(exp=float("nan")),
    "nbf future": lambda i: i.token(nbf=int(NOW()) + 600),
    "iat future": lambda i: i.token(iat=int(NOW()) + 600),
    "nbf as string": lambda i: i.token(nbf="soon"),
    "sub missing": lambda i: i.token(sub=None),
    "sub a number": lambda i: i.token(sub=7),
    "cid a list": lambda i: i.token(cid=["client"]),
    "duplicate claims": lambda i: i.sign(header(i), json.dumps(i.claims())[:-1] + ', "sub": "admin"}'),
    "duplicate header": lambda i: i.sign('{"alg": "none", "alg": "RS256", "kid": "' + i.kid + '"}', i.claims()),
    "claims a list": lambda i: i.sign(header(i), "[]"),
    "claims no JSON": lambda i: i.sign(header(i), "{"),
    "claims nested deep": lambda i: i.sign(header(i), '{"a":' * 1000 + "1" + "}" * 1000),
    "payload exchanged": changed_payload,
    "signature stripped": lambda i: i.token().rpartition(".")[0] + ".",
    "signature missing": lambda i: i.token().rpartition(".")[0],
    "signature truncated": lambda i: i.token()[:-10],
    "signature of zeros": lambda i: i.token().rpartition(".")[0] + "." + b64(b"\0" * 256),
    "truncated": lambda i: i.token()[: len(i.token()) // 2],
    "nested JWE": lambda i: ".".join(["e30"] * 5),
    "huge": lambda i: i.token(filler="x" * 20_000),
    "whitespace before": lambda i: " " + i.token(),
    "whitespace inside": lambda i: i.token().replace(".", " .", 1),
    "line break at the end": lambda i: i.token() + "\n",
    "empty": lambda i: "",
    "dots": lambda i: "..",
    "no ASCII": lambda i: "é.é.é",
    "standard base64": lambda i: i.token().replace(".", "+.", 1),
}


@pytest.mark.parametrize("name", BAD)
def test_a_token_is_refused_for(name: str, issuer: Issuer, verifier: Verifier) -> None:
    with pytest.raises(TokenError) as refused:
        verifier.claims(BAD[name](issuer))
    assert "someone@example.com" not in refused.value.reason


def event() -> dict[str, Any]:
    return {"requestContext": {}}


def ask(issuer: Issuer, authorization: str | None, scope: str = "sales:write") -> auth.Caller:
    headers = {} if authorization is None else {"authorization": authorization}
    return caller_of(event(), headers, scope, issuer=issuer.url, audience=AUDIENCE, jwks_uri="")


def test_without_the_gateway_the_bearer_token_itself_says_who_calls(issuer: Issuer) -> None:
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


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer ", "Basic abc", "bare", "Token x"])
def test_what_is_no_bearer_token_is_401_with_a_challenge(given: str | None, issuer: Issuer) -> None:
    with pytest.raises(Problem) as refused:
        ask(issuer, given)
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
def test_an_authorizer_that_names_nobody_lets_nobody_in(authorizer: Any, issuer: Issuer) -> None:
    given = {"requestContext": {"authorizer": authorizer}}
    headers = {"authorization": f"Bearer {issuer.token()}"}
    with pytest.raises(Problem) as refused:
        caller_of(given, headers, "sales:read", issuer=issuer.url, audience=AUDIENCE, jwks_uri="")
    assert refused.value.status == 401


class TestKeys:
    @pytest.fixture
    def own(self) -> Iterator[Issuer]:
        with running(Issuer()) as found:
            yield found

    def test_keys_are_fetched_once_for_many_tokens(self, own: Issuer) -> None:
        verifier = Verifier(own.url, AUDIENCE)
        for _ in range(5):
            verifier.claims(own.token())
        assert own.fetches == 2  # discovery and keys

    def test_a_rotated_key_is_fetched_and_guesses_are_not(self, own: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
        verifier = Verifier(own.url, AUDIENCE)
        verifier.claims(own.token())
        moment = time.monotonic() + 60
        monkeypatch.setattr(auth.time, "monotonic", lambda: moment)
        own.rotate("key-2")
        verifier.claims(own.token())
        fetches = own.fetches
        for number in range(20):
            with pytest.raises(TokenError):
                verifier.claims(own.sign({"alg": "RS256", "kid": f"guess-{number}"}, own.claims()))
        assert own.fetches == fetches

    def test_keys_outlast_an_outage_for_two_hours_and_no_longer(
        self, own: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        verifier = Verifier(own.url, AUDIENCE)
        verifier.claims(own.token())
        own.down = True
        start = time.monotonic()
        monkeypatch.setattr(auth.time, "monotonic", lambda: start + 7000)
        verifier.claims(own.token())
        monkeypatch.setattr(auth.time, "monotonic", lambda: start + 7300)
        with pytest.raises(TokenError):
            verifier.claims(own.token())

    def test_keys_that_come_too_slowly_or_too_large_are_no_keys(self, own: Issuer) -> None:
        own.padding = b" " * 200_000
        with pytest.raises(TokenError):
            Verifier(own.url, AUDIENCE).claims(own.token())
        own.padding, own.delay = b"", 2
        began = time.monotonic()
        with pytest.raises(TokenError):
            Verifier(own.url, AUDIENCE).claims(own.token())
        assert time.monotonic() - began < 4
