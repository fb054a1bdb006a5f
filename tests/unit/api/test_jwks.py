"""The issuer's signing keys: fetched, kept, rotated, unavailable."""

import threading
import time
from collections.abc import Iterator

import pytest

from sales.api import jwks
from sales.api.jwks import TokenError, fetch_json
from sales.api.tokens import Verifier
from tests.support.tokens import AUDIENCE, Issuer, running

UNKNOWN = {"alg": "RS256", "kid": "nobody's"}


@pytest.fixture
def own() -> Iterator[Issuer]:
    with running(Issuer()) as found:
        yield found


def test_keys_are_fetched_once_for_many_tokens(own: Issuer) -> None:
    verifier = Verifier(own.url, AUDIENCE)
    for _ in range(5):
        verifier.claims(own.token())
    assert own.fetches == 2  # discovery and keys


def test_a_rotated_key_is_fetched_and_guessed_ones_are_not(own: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = Verifier(own.url, AUDIENCE)
    verifier.claims(own.token())
    moment = time.monotonic() + 60
    monkeypatch.setattr(jwks.time, "monotonic", lambda: moment)
    own.rotate("key-2")
    verifier.claims(own.token())
    fetches = own.fetches
    for number in range(20):
        with pytest.raises(TokenError):
            verifier.claims(own.sign({"alg": "RS256", "kid": f"guess-{number}"}, own.claims()))
    assert own.fetches == fetches


def test_keys_outlast_an_outage_for_two_hours_and_no_longer(own: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = Verifier(own.url, AUDIENCE)
    verifier.claims(own.token())
    own.down = True
    start = time.monotonic()
    monkeypatch.setattr(jwks.time, "monotonic", lambda: start + 7000)
    verifier.claims(own.token())
    monkeypatch.setattr(jwks.time, "monotonic", lambda: start + 7300)
    with pytest.raises(TokenError):
        verifier.claims(own.token())


def test_keys_that_are_too_slow_or_too_large_are_refused(own: Issuer) -> None:
    own.padding = b" " * 200_000
    with pytest.raises(TokenError):
        Verifier(own.url, AUDIENCE).claims(own.token())
    own.padding, own.delay = b"", 2
    began = time.monotonic()
    with pytest.raises(TokenError):
        Verifier(own.url, AUDIENCE).claims(own.token())
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("head", [True, False])
def test_keys_that_drip_in_are_given_up_in_time(own: Issuer, *, head: bool) -> None:
    own.drip, own.drip_head = 0.2, head
    began = time.monotonic()
    assert fetch_json(f"{own.url}/v1/keys") is None
    assert 1 < time.monotonic() - began < 2.5
    own.drip = 0


def test_a_document_that_is_cut_off_is_refused(own: Issuer) -> None:
    # JSON may end in white space, so a document cut off there would still parse.
    own.drip, own.published, own.padding = 0.02, {}, b" " * 1000
    assert fetch_json(f"{own.url}/v1/keys") is None
    own.drip = 0


@pytest.mark.parametrize("address", ["", "file:///etc/passwd", "http://[x/", "http://127.0.0.1:1/", "ftp://x/y", "x"])
def test_an_address_without_keys_gives_none(address: str) -> None:
    assert fetch_json(address) is None


def test_a_known_key_does_not_wait_for_a_fetch(own: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = Verifier(own.url, AUDIENCE)
    verifier.claims(own.token())
    own.drip = 0.2
    moment = time.monotonic() + 60
    monkeypatch.setattr(jwks.time, "monotonic", lambda: moment)
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
