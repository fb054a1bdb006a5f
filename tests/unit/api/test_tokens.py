"""Who is let in, where no gateway has verified the token."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from sales.api import tokens as auth
from sales.api.jwks import KeySet, TokenError
from sales.api.tokens import Verifier, caller_of
from sales.domain.problems import Problem
from tests.support.tokens import AUDIENCE, Issuer, running

UNKNOWN = {"alg": "RS256", "kid": "nobody's"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with running(Issuer()) as found:
        yield found


@pytest.fixture
def verifier(issuer: Issuer) -> Verifier:
    return Verifier(issuer.url, AUDIENCE)


def test_a_good_token_gives_its_claims(issuer: Issuer, verifier: Verifier) -> None:
    assert verifier.claims(issuer.token())["sub"] == "someone@example.com"


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

    @pytest.mark.parametrize("head", [True, False])
    def test_keys_that_come_drop_by_drop_are_given_up_in_time(self, own: Issuer, *, head: bool) -> None:
        own.drip, own.drip_head = 0.2, head
        began = time.monotonic()
        assert KeySet._get(f"{own.url}/v1/keys") is None
        assert 1 < time.monotonic() - began < 2.5
        own.drip = 0

    def test_what_is_whole_before_it_has_ended_is_no_answer(self, own: Issuer) -> None:
        # JSON may end in white space, so what was cut off in it would be read as all there is.
        own.drip, own.published, own.padding = 0.02, {}, b" " * 1000
        assert KeySet._get(f"{own.url}/v1/keys") is None
        own.drip = 0

    @pytest.mark.parametrize(
        "address", ["", "file:///etc/passwd", "http://[x/", "http://127.0.0.1:1/", "ftp://x/y", "x"]
    )
    def test_an_address_that_leads_to_no_keys_is_no_answer(self, address: str) -> None:
        assert KeySet._get(address) is None

    def test_a_known_key_is_had_at_once_while_newer_ones_are_on_their_way(
        self, own: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        verifier = Verifier(own.url, AUDIENCE)
        verifier.claims(own.token())
        own.drip = 0.2
        moment = time.monotonic() + 60
        monkeypatch.setattr(auth.time, "monotonic", lambda: moment)
        waiting = own.sign(UNKNOWN, own.claims())

        def wait() -> None:
            with pytest.raises(TokenError):
                verifier.claims(waiting)

        unknown = threading.Thread(target=wait)
        unknown.start()
        time.sleep(0.2)
        began = time.perf_counter()
        for _ in range(20):
            verifier.claims(own.token())
        assert time.perf_counter() - began < 0.5
        unknown.join(5)
        assert not unknown.is_alive()
        own.drip = 0
