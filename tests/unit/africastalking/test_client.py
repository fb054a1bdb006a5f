"""A text handed to the provider's client: what leaves, and what is refused before. The account's balance."""

import time
from decimal import Decimal

import pytest

from sales.africastalking.answers import Balance, Kind, Outcome
from sales.africastalking.client import Provider
from sales.runtime import log
from tests.support.provider import KEY, NUMBER, PATIENCE, SENT, Talk, answer, serving


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


ACCOUNT = '{"UserData":{"balance":"KES 1234.50"}}'


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return the warnings that follow, each with its reason."""
    lines: list[tuple[str, str]] = []
    monkeypatch.setattr(log, "warning", lambda event, *, reason: lines.append((event, reason)))
    return lines


@pytest.mark.parametrize("status", ["200 OK", "201 Created"])
def test_the_balance_is_asked_for_with_one_request(status: str, logged: list[tuple[str, str]]) -> None:
    with serving(lambda connection, _: connection.sendall(answer(ACCOUNT, status=status))) as (address, got):
        balance = Provider("shop & co", KEY + "\n", endpoint=address, sender="SHOP").balance()
    assert balance == Balance(Decimal("1234.50"), "KES")
    [request] = got
    head, _, form = request.partition(b"\r\n\r\n")
    assert head.startswith(b"GET /version1/user?username=shop+%26+co HTTP/1.1")
    assert b"apiKey: atsk_secret" in head.split(b"\r\n")
    assert b"Accept: application/json" in head.split(b"\r\n")
    assert form == b""
    assert logged == []


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (lambda connection, _: connection.sendall(answer(ACCOUNT, status="401 x")), "http_401"),
        (lambda connection, _: connection.sendall(answer(ACCOUNT, status="500 x")), "http_500"),
        (lambda connection, _: connection.sendall(answer("", status="302 x", extra="Location: /x\r\n")), "http_302"),
        (lambda connection, _: connection.sendall(answer("{}", status="200 OK")), "unreadable_answer"),
        (lambda connection, _: connection.close(), "connection_lost"),
        (lambda connection, _: connection.settimeout(PATIENCE) or connection.recv(1), "timeout"),
    ],
    ids=["key", "fault", "redirect", "unreadable", "lost", "hanging"],
)
def test_a_balance_that_cannot_be_read_is_none_within_the_deadline(
    talk: Talk, reason: str, logged: list[tuple[str, str]]
) -> None:
    with serving(talk) as (address, got):
        began = time.monotonic()
        assert Provider("sandbox", KEY, endpoint=address, deadline_seconds=2).balance() is None
        assert time.monotonic() - began < PATIENCE / 4
    assert len(got) == 1
    assert logged == [("balance not read", reason)]


def test_a_balance_is_not_asked_for_with_a_key_that_cannot_be_sent(logged: list[tuple[str, str]]) -> None:
    with serving(lambda connection, _: connection.sendall(answer(ACCOUNT))) as (address, got):
        assert Provider("sandbox", "se\ncret", endpoint=address).balance() is None
    assert got == []
    assert logged == [("balance not read", "bad_key")]


def test_a_balance_without_a_connection_is_none(logged: list[tuple[str, str]]) -> None:
    assert Provider("sandbox", KEY, endpoint="http://127.0.0.1:1").balance() is None
    assert logged == [("balance not read", "connect_failed")]
