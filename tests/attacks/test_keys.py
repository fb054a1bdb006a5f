"""Issuers with missing, invalid or foreign keys, in the functions' own check and at the local API gateway."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sales.api import jwks
from sales.api.jwks import TokenError
from sales.api.tokens import Verifier
from tests.attacks.conftest import Try
from tests.attacks.hostile import attacked
from tests.local.aws.test_api_gateway import ROUTES, Front, front
from tests.support.tokens import AUDIENCE, Issuer, running

pytestmark = pytest.mark.local
# Two documents, each within API Gateway's limit.
SECONDS = 3.9
KNOWN, UNKNOWN = "Invalid key sets, with a known key", "Invalid key sets, with no known key"

type Fault = Callable[[Issuer], Any]


def said(issuer: Issuer, **entry: Any) -> None:
    """Publish the signing key with these additional entries."""
    issuer.published = {"keys": [issuer.keys()["keys"][0] | entry]}


def redirected(issuer: Issuer) -> None:
    assert issuer.attacker
    issuer.elsewhere = issuer.attacker.url.removesuffix("/oauth2/default")


def pointed(issuer: Issuer) -> None:
    """Let the discovery document point to an address without an issuer."""
    issuer.discovery = {"jwks_uri": "file:///etc/passwd"}


FAULTS: dict[str, Fault] = {
    "down": lambda i: setattr(i, "down", True),
    "slow": lambda i: setattr(i, "delay", 2.5),
    "huge": lambda i: setattr(i, "padding", b" " * 200_000),
    "dripped": lambda i: setattr(i, "drip", 0.2),
    "dripped, its head too": lambda i: i.__dict__.update(drip=0.2, drip_head=True),
    "redirected": redirected,
    "at an address that is none": pointed,
    "without keys": lambda i: setattr(i, "published", {"keys": []}),
    "no list": lambda i: setattr(i, "published", {"keys": {"0": i.keys()["keys"][0]}}),
    "nested deep": lambda i: setattr(i, "padding", b"[" * 100_000),
    "of encryption": lambda i: said(i, use="enc"),
    "of another algorithm": lambda i: said(i, alg="RS512"),
    "of a symmetric key": lambda i: said(i, kty="oct", k="AAAA"),
    "of a key whose id is a list": lambda i: said(i, kid=[i.kid]),
    "of the attacker's key": lambda i: setattr(i, "published", Issuer(i.kid).keys()),
}
# In these cases the issuer publishes other keys, so its old ones end.
REPLACED = {name for name in FAULTS if name.startswith(("of ", "without"))}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running(Issuer()) as found, attacked(found):
        yield found
        # Stop documents that still drip.
        found.drip = 0


class Check:
    """The functions' own check, or the API gateway that uses it: whether it accepts a token, and how fast."""

    def __init__(self, issuer: Issuer, gateway: Front | None) -> None:
        self._verifier = Verifier(issuer.url, AUDIENCE)
        self._gateway = gateway

    def lets_in(self, token: str) -> tuple[bool, float]:
        began = time.perf_counter()
        if self._gateway:
            status, _, _ = self._gateway.ask("GET", "/whoami", f"Authorization: Bearer {token}")
            assert status in {200, 401}
            let_in = status == 200
        else:
            try:
                let_in = bool(self._verifier.claims(token))
            except TokenError:
                let_in = False
        return let_in, time.perf_counter() - began


@pytest.fixture(params=["functions", "gateway"])
def check(request: pytest.FixtureRequest, issuer: Issuer) -> Iterator[Check]:
    if request.param == "functions":
        yield Check(issuer, None)
    else:
        with front(issuer, ROUTES) as gateway:
            yield Check(issuer, gateway)


def look_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the next unknown key cause a fetch."""
    monkeypatch.setattr(jwks, "_REFETCH_SECONDS", 0.0)


@pytest.mark.parametrize("name", FAULTS)
def test_without_a_valid_key_set_every_token_is_refused_quickly(
    name: str, check: Check, issuer: Issuer, tried: Try
) -> None:
    FAULTS[name](issuer)
    let_in, seconds = check.lets_in(issuer.token())
    tried(UNKNOWN, let_in or seconds > SECONDS)
    assert not let_in
    assert seconds < SECONDS
    assert issuer.attacker
    assert issuer.attacker.fetches == 0


@pytest.mark.parametrize("name", sorted(FAULTS.keys() - REPLACED))
def test_a_bad_key_set_stops_only_tokens_of_unknown_keys(
    name: str, check: Check, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, tried: Try
) -> None:
    assert check.lets_in(issuer.token())[0]
    FAULTS[name](issuer)
    look_again(monkeypatch)
    stranger = issuer.sign({"alg": "RS256", "kid": "unknown"}, issuer.claims())
    let_in, seconds = check.lets_in(stranger)
    tried(KNOWN, let_in or seconds > SECONDS)
    assert not let_in
    assert seconds < SECONDS
    assert check.lets_in(issuer.token(jti="another"))[0]


def test_a_replaced_key_is_accepted_and_the_old_one_refused(
    check: Check, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, tried: Try
) -> None:
    before = issuer.token()
    assert check.lets_in(before)[0]
    withdrawn = issuer.token(jti="signed before")
    issuer.rotate("key-2")
    look_again(monkeypatch)
    assert check.lets_in(issuer.token())[0]
    let_in, _ = check.lets_in(withdrawn)
    tried(KNOWN, let_in)
    assert not let_in


def test_an_api_gateway_with_a_hanging_issuer_still_accepts_known_keys(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with front(issuer, ROUTES) as gateway:
        check = Check(issuer, gateway)
        assert check.lets_in(issuer.token())[0]
        issuer.drip = 0.2
        look_again(monkeypatch)
        stranger = issuer.sign({"alg": "RS256", "kid": "unknown"}, issuer.claims())
        waiting = [threading.Thread(target=check.lets_in, args=(stranger,)) for _ in range(3)]
        for thread in waiting:
            thread.start()
        time.sleep(0.3)
        for number in range(10):
            let_in, seconds = check.lets_in(issuer.token(jti=f"{number}"))
            assert let_in
            assert seconds < 1
        assert any(thread.is_alive() for thread in waiting)
        for thread in waiting:
            thread.join()
