"""An issuer whose keys cannot be had, are no keys, or are another's: at the check of functions and at the local gateway."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sales.api import tokens as auth
from sales.api.jwks import TokenError
from sales.api.tokens import Verifier
from tests.attacks.conftest import Try
from tests.attacks.hostile import attacked
from tests.local.aws.test_api_gateway import ROUTES, Front, front
from tests.support.tokens import AUDIENCE, Issuer, running

pytestmark = pytest.mark.local
# Two documents, each within API Gateway's own limit.
SECONDS = 3.9
KNOWN, UNKNOWN = "Key sets that are no good, with the key known", "Key sets that are no good, with no key known"

type Fault = Callable[[Issuer], Any]


def said(issuer: Issuer, **entry: Any) -> None:
    """The key set has the signing key, but says this of it too."""
    issuer.published = {"keys": [issuer.keys()["keys"][0] | entry]}


def redirected(issuer: Issuer) -> None:
    assert issuer.attacker
    issuer.elsewhere = issuer.attacker.url.removesuffix("/oauth2/default")


def pointed(issuer: Issuer) -> None:
    """The discovery document names keys where there is no issuer."""
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
# The issuer does answer, and says what its keys are now: those it had before end with that.
REPLACED = {name for name in FAULTS if name.startswith(("of ", "without"))}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running(Issuer()) as found, attacked(found):
        yield found
        # What still drips need not come to its end.
        found.drip = 0


class Check:
    """The check of functions, and the gateway that uses it: whether a token is let in, and after how long."""

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
    """Has the next key that is not known be looked for."""
    monkeypatch.setattr(auth, "_REFETCH_SECONDS", 0.0)


@pytest.mark.parametrize("name", FAULTS)
def test_without_a_good_key_set_nobody_is_let_in_and_nobody_waits_for_long(
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
def test_who_is_known_is_let_in_at_once_while_the_key_set_is_no_good_and_who_is_not_is_not(
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


def test_a_key_that_was_exchanged_is_taken_and_the_one_before_it_no_longer(
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


def test_a_gateway_whose_issuer_hangs_goes_on_letting_in_whose_key_is_known(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with front(issuer, ROUTES) as gateway:
        check = Check(issuer, gateway)
        assert check.lets_in(issuer.token())[0]
        issuer.drip = 0.2
        look_again(monkeypatch)
        stranger = issuer.sign({"alg": "RS256", "kid": "unknown"}, issuer.claims())
        waiting = [threading.Thread(target=check.lets_in, args=(stranger,)) for _ in range(3)]
        for each in waiting:
            each.start()
        time.sleep(0.3)
        for number in range(10):
            let_in, seconds = check.lets_in(issuer.token(jti=f"{number}"))
            assert let_in
            assert seconds < 1
        assert any(each.is_alive() for each in waiting)
        for each in waiting:
            each.join()
