"""A text handed to the provider's client: what leaves, and what is refused before."""

import pytest

from sales.africastalking.answers import Kind, Outcome
from sales.africastalking.client import Provider
from tests.support.provider import KEY, NUMBER, SENT, answer, serving


@pytest.mark.parametrize(
    "number", ["0704590344", "+254704590344\n", "+٢٥٤٧٠٤٥٩٠٣٤٤", "", "+0704590344", "+2547045903440000"]
)
def test_a_text_to_a_number_that_is_not_e164_never_leaves(number: str) -> None:
    with serving(lambda connection, _: connection.sendall(answer(SENT))) as (address, got):
        assert Provider("sandbox", KEY, endpoint=address).send(number, "x") == Outcome(Kind.refused, "invalid_number")
    assert got == []


@pytest.mark.parametrize("key", ["se\ncret", "secret\u200b", "“secret”", "sécret", "se cret", " "], ids=ascii)
def test_a_key_that_cannot_be_a_header_is_a_wrong_configuration_and_not_shown(key: str) -> None:
    with serving(lambda connection, _: connection.sendall(answer(SENT))) as (address, got):
        outcome = Provider("sandbox", key, endpoint=address).send(NUMBER, "x")
    assert outcome == Outcome(Kind.misconfigured, "bad_key")
    assert got == []


def test_half_a_surrogate_pair_is_refused_and_a_line_break_is_sent() -> None:
    with serving(lambda connection, _: connection.sendall(answer(SENT))) as (address, got):
        provider = Provider("sandbox", KEY, endpoint=address)
        assert provider.send(NUMBER, "a\ud800") == Outcome(Kind.refused, "invalid_text")
        assert provider.send(NUMBER, "a\nb").kind is Kind.accepted
    assert len(got) == 1


@pytest.mark.parametrize("endpoint", ["http://example.com", "http://127.0.0.1.example.com"])
def test_the_key_goes_out_over_https_or_stays_on_this_machine(endpoint: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Provider("sandbox", KEY, endpoint=endpoint)


def test_without_an_endpoint_texts_go_to_africas_talking_or_its_sandbox() -> None:
    assert Provider("sandbox", KEY)._transport._service._baseUrl == "https://api.sandbox.africastalking.com/version1"
    assert Provider("shop", KEY)._transport._service._baseUrl == "https://api.africastalking.com/version1"
