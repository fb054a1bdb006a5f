"""Verifying access tokens; tests/attacks has the hostile ones."""

from collections.abc import Iterator

import pytest

from sales.api.tokens import Verifier
from tests.support.tokens import AUDIENCE, Issuer, running


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with running(Issuer()) as found:
        yield found


def test_a_good_token_gives_its_claims(issuer: Issuer) -> None:
    assert Verifier(issuer.url, AUDIENCE).claims(issuer.token())["sub"] == "someone@example.com"
