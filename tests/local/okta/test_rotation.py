"""A rotation of the issuer's signing key, as the API meets it."""

import pytest
from jose import jwt

from tests.support.system import System

pytestmark = pytest.mark.local


def test_tokens_of_both_keys_open_the_api_while_the_issuer_publishes_both(system: System) -> None:
    earlier = system.token()
    assert system.call("GET", "orders").status == 200
    key = system.state / "identity.pem"
    key.with_name("identity-next.pem").replace(key)
    # The system remembers a token for each list of scopes.
    later = system.token("sales:manage sales:read sales:write")
    assert jwt.get_unverified_header(later)["kid"] != jwt.get_unverified_header(earlier)["kid"]
    for token in (later, earlier, later):
        assert system.call("GET", "orders", token=token).status == 200
