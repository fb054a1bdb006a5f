"""Addresses and keys of the provider."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.sms.provider import can_be_key, check_endpoint


@pytest.mark.parametrize(
    "endpoint",
    [
        "", "https://example.com", "https://example.com:8443/sms", "http://localhost:8002", "http://127.0.0.1",
        "http://[::1]:8002", "http://host.docker.internal:8002", "HTTPS://EXAMPLE.COM", "http://LOCALHOST",
    ],
)  # fmt: skip
def test_the_key_may_go_to_an_https_endpoint_or_to_this_machine(endpoint: str) -> None:
    check_endpoint(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://example.com", "http://127.0.0.1.example.com", "http://localhost@example.com", "ftp://127.0.0.1",
        "example.com", "localhost:8002", "https://", "https:///x", "//localhost",
    ],
)  # fmt: skip
def test_the_key_may_go_nowhere_else(endpoint: str) -> None:
    with pytest.raises(ValueError, match="must be https, or on this machine"):
        check_endpoint(endpoint)


@given(st.text(max_size=10) | st.text("atsk_~! \x7f\u200bé", max_size=10))
def test_a_key_is_visible_ascii_characters_and_at_least_one(text: str) -> None:
    assert can_be_key(text) == bool(re.fullmatch("[!-~]+", text))
