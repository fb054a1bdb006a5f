"""Verifying access tokens; tests/attacks has the hostile ones."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jose import jws

from sales.api.jwks import KeySet, TokenError
from sales.api.tokens import Verifier, token_scopes
from tests.support.tokens import AUDIENCE, Issuer, b64, running


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with running(Issuer()) as found:
        yield found


def test_a_good_token_gives_its_claims(issuer: Issuer) -> None:
    assert Verifier(issuer.url, AUDIENCE).claims(issuer.token())["sub"] == "someone@example.com"


@pytest.mark.parametrize("form", [PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1])
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "hs256", "RS256 "])
def test_a_token_signed_with_the_public_key_as_a_secret_is_refused_before_a_key_is_looked_up(
    issuer: Issuer, form: PublicFormat, algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    der = issuer.key.public_key().public_bytes(Encoding.DER, form)
    head, payload, _ = issuer.token().split(".")
    head = b64(json.dumps({"alg": algorithm, "kid": issuer.kid}).encode())
    signature = hmac.new(der, f"{head}.{payload}".encode(), hashlib.sha256).digest()
    asked: list[str] = []
    monkeypatch.setattr(KeySet, "key", lambda _, kid: asked.append(kid))
    with pytest.raises(TokenError, match="is not RS256"):
        Verifier(issuer.url, AUDIENCE).claims(f"{head}.{payload}.{b64(signature)}")
    assert asked == []


def test_python_jose_may_only_verify_rs256_with_a_key_that_is_not_bytes(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[tuple[type, list[str]]] = []
    monkeypatch.setattr(jws, "verify", lambda _, key, algorithms: passed.append((type(key), algorithms)))
    Verifier(issuer.url, AUDIENCE).claims(issuer.token())
    assert passed == [(dict, ["RS256"])]


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({}, []),
        ({"scp": ["sales:read", "sales:write"]}, ["sales:read", "sales:write"]),
        ({"scope": ["sales:read"]}, ["sales:read"]),
        ({"scope": "openid sales:read sales:write"}, ["openid", "sales:read", "sales:write"]),
        ({"scp": "sales:read"}, ["sales:read"]),
        # Of two claims, neither adds to the other.
        ({"scp": ["sales:read", "sales:write"], "scope": "sales:write sales:manage"}, ["sales:write"]),
        ({"scp": ["sales:read"], "scope": ""}, []),
        ({"scp": ["sales:read"], "scope": None}, []),
        ({"scp": {}, "scope": "sales:read"}, []),
        # API Gateway's own spelling of a list, and white space that separates nothing.
        ({"scope": "[sales:read]"}, []),
        ({"scope": "[sales:read sales:write sales:manage]"}, []),
        ({"scope": "sales:read\tsales:write"}, ["sales:read\tsales:write"]),
        ({"scope": "sales:read\nsales:write"}, ["sales:read\nsales:write"]),
        ({"scope": "sales:read\u00a0sales:write"}, ["sales:read\u00a0sales:write"]),
        ({"scp": ["sales:read sales:write"]}, ["sales:read sales:write"]),
        ({"scp": ["sales:read", 1]}, []),
        ({"scp": 7}, []),
    ],
)
def test_scopes_are_a_list_or_words_and_both_claims_must_grant_one(claims: dict[str, Any], scopes: list[str]) -> None:
    assert token_scopes(claims) == scopes


_WORDS = st.lists(st.sampled_from(["sales:read", " ", "x", "[", "\t", "\u00a0", ","]), max_size=5)


@given(_WORDS.map("".join) | st.text())
def test_a_word_is_a_scope_only_whole_and_between_spaces(text: str) -> None:
    granted = "sales:read" in token_scopes({"scope": text})
    assert granted is (f" {text} ".count(" sales:read ") > 0 and not text.startswith("["))


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["https://shop.example/userinfo", AUDIENCE]])
def test_the_audience_is_ours_or_a_list_with_ours(audience: Any, issuer: Issuer) -> None:
    assert Verifier(issuer.url, AUDIENCE).claims(issuer.token(aud=audience))["aud"] == audience


@pytest.mark.parametrize(
    "audience", [[], ["another"], [[AUDIENCE]], [AUDIENCE, 1], [AUDIENCE, None], f"{AUDIENCE} another", f"[{AUDIENCE}]"]
)
def test_any_other_audience_is_refused(audience: Any, issuer: Issuer) -> None:
    with pytest.raises(TokenError, match="audience"):
        Verifier(issuer.url, AUDIENCE).claims(issuer.token(aud=audience))


@pytest.mark.parametrize("ends", ["", "/"])
def test_the_issuer_is_compared_with_its_slash_and_discovered_without_it(ends: str, issuer: Issuer) -> None:
    verifier = Verifier(issuer.url + ends, AUDIENCE)
    assert verifier.claims(issuer.token(iss=issuer.url + ends))
    with pytest.raises(TokenError, match="issuer"):
        verifier.claims(issuer.token(iss=issuer.url if ends else f"{issuer.url}/"))
