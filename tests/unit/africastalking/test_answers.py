"""The meaning of an answer of Africa's Talking."""

import json
from decimal import Decimal
from typing import Any

import pytest
from apprise.plugins.africas_talking import AFRICAS_TALKING_HTTP_ERROR_MAP, AFRICAS_TALKING_RECIPIENT_OK

from sales.africastalking.answers import _RECIPIENT, Balance, Kind, classify, read_balance
from tests.support.provider import NUMBER, SENT


def body(**recipient: Any) -> bytes:
    complete = {"cost": "0", "messageId": "None", "number": NUMBER, "status": "x", **recipient}
    return json.dumps({"SMSMessageData": {"Message": "m", "Recipients": [complete]}}).encode()


def test_codes_and_their_names_are_the_providers() -> None:
    published = {code: name.replace(" ", "").lower() for code, name in AFRICAS_TALKING_HTTP_ERROR_MAP.items()}
    assert {code: reason.lower() for code, (_, reason) in _RECIPIENT.items()} == published
    accepted = {code for code, (kind, _) in _RECIPIENT.items() if kind is Kind.accepted}
    assert accepted == set(AFRICAS_TALKING_RECIPIENT_OK)


@pytest.mark.parametrize("code", [100, 101, 102])
def test_an_accepted_text_has_its_id_and_cost(code: int) -> None:
    outcome = classify(201, body(statusCode=code, messageId="ATXid_1", cost="KES 0.8000"))
    assert (outcome.kind, outcome.message_id, outcome.cost) == (Kind.accepted, "ATXid_1", "KES 0.8000")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (401, Kind.refused),
        (402, Kind.misconfigured),
        (403, Kind.refused),
        (404, Kind.refused),
        (405, Kind.deferred),
        (406, Kind.refused),
        (407, Kind.refused),
        (409, Kind.deferred),
        (500, Kind.deferred),
        (501, Kind.deferred),
        (502, Kind.refused),
        (408, Kind.unknown),
        (999, Kind.unknown),
    ],
)
def test_a_recipients_code_decides(code: int, kind: Kind) -> None:
    outcome = classify(201, body(statusCode=code))
    assert outcome.kind is kind
    assert outcome.message_id is None
    assert outcome.blocked is (code == 406)


@pytest.mark.parametrize("code", [500, 501, 405, None, 999])
def test_a_real_id_means_that_the_provider_has_the_text_despite_its_code(code: int | None) -> None:
    outcome = classify(201, body(statusCode=code, messageId="ATXid_9"))
    assert (outcome.kind, outcome.message_id) == (Kind.accepted, "ATXid_9")


@pytest.mark.parametrize("code", [401, 403, 406, 502])
def test_a_permanent_refusal_stays_one_even_with_a_real_id(code: int) -> None:
    outcome = classify(201, body(statusCode=code, messageId="ATXid_9"))
    assert (outcome.kind, outcome.blocked) == (Kind.refused, code == 406)
    # A delivery report that follows must find the text.
    assert outcome.message_id == "ATXid_9"


@pytest.mark.parametrize("given", ["9", "ATX", {}, 7])
def test_an_id_of_another_shape_leaves_a_text_unknown_that_would_be_sent_again(given: Any) -> None:
    assert [classify(201, body(statusCode=code, messageId=given)).kind for code in (101, 405, 402, 403)] == [
        Kind.unknown, Kind.unknown, Kind.unknown, Kind.refused,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        ("UserInBlackList", Kind.refused, "UserInBlacklist"),
        ("invalidphonenumber", Kind.refused, "InvalidPhoneNumber"),
        ("InvalidSenderId", Kind.misconfigured, "InvalidSenderId"),
        ("InsufficientBalance", Kind.deferred, "InsufficientBalance"),
        ("Could Not Send", Kind.deferred, "Could Not Send"),
        ("Success", Kind.unknown, "unnamed"),
        ("Sent", Kind.unknown, "no_message_id"),
        ("SomethingNew", Kind.unknown, "unnamed"),
    ],
)
@pytest.mark.parametrize("given", [None, "None"])
def test_without_a_code_the_name_decides(status: str, kind: Kind, reason: str, given: str | None) -> None:
    outcome = classify(201, body(status=status, messageId=given))
    assert (outcome.kind, outcome.reason) == (kind, reason)
    assert outcome.blocked is (reason == "UserInBlacklist")


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (201, b'{"SMSMessageData":{"Message":"InvalidSenderId","Recipients":[]}}', Kind.misconfigured),
        (409, body(statusCode=409), Kind.deferred),
        (201, body(statusCode=101), Kind.unknown),
        (201, body(statusCode="405"), Kind.unknown),
        (201, json.dumps({"SMSMessageData": {"Recipients": [{"statusCode": 403}] * 2}}).encode(), Kind.unknown),
        (500, body(statusCode=405), Kind.deferred),
        (503, SENT.encode(), Kind.accepted),
        (201, b"", Kind.unknown),
        (201, b"<html>", Kind.unknown),
        (201, SENT.encode()[:40], Kind.unknown),
        (201, b'{"SMSMessageData": []}', Kind.unknown),
        (201, b'{"SMSMessageData": {"Message": "x", "Recipients": []}}', Kind.unknown),
        (201, b"[]", Kind.unknown),
        (201, b'{"a":' * 100_000, Kind.unknown),
        (301, b"", Kind.misconfigured),
        (307, b"", Kind.misconfigured),
        (400, b"Request is missing required form field 'to'", Kind.refused),
        (401, b"The supplied authentication is invalid", Kind.misconfigured),
        (403, b"The supplied authentication is not authorized", Kind.misconfigured),
        (404, b"The requested resource could not be outcome.", Kind.refused),
        (405, b"", Kind.refused),
        (406, b"Resource representation is only available with these types:", Kind.refused),
        (413, b"", Kind.refused),
        (415, b"", Kind.refused),
        (418, b"", Kind.refused),
        (429, b"", Kind.deferred),
        (500, b"There was an internal server error.", Kind.unknown),
        (502, b"<html>", Kind.unknown),
        (503, b"The server was not able to produce a timely response", Kind.unknown),
        (504, b"", Kind.unknown),
    ],
)
def test_an_answer_without_a_recipient_is_read_by_its_status(status: int, answer: bytes, kind: Kind) -> None:
    assert classify(status, answer).kind is kind


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (199, Kind.unknown, "http_199"),
        (200, Kind.unknown, "unreadable_answer"),
        (299, Kind.unknown, "unreadable_answer"),
        (300, Kind.misconfigured, "http_300"),
        (399, Kind.misconfigured, "http_399"),
        (400, Kind.refused, "http_400"),
        (401, Kind.misconfigured, "bad_key"),
        (403, Kind.misconfigured, "http_403"),
        (429, Kind.deferred, "http_429"),
        (499, Kind.refused, "http_499"),
        (500, Kind.unknown, "http_500"),
    ],
)
def test_the_first_and_last_status_of_each_class_are_read_like_the_class(status: int, kind: Kind, reason: str) -> None:
    outcome = classify(status, b"")
    assert (outcome.kind, outcome.reason) == (kind, reason)


@pytest.mark.parametrize(
    ("code", "reason"),
    [(0, "code_0"), (999, "code_999"), (1000, "unnamed"), (-1, "unnamed"), (True, "unnamed"), ("x", "unnamed")],
)
def test_an_undocumented_code_is_a_reason_only_if_it_looks_like_a_code(code: Any, reason: str) -> None:
    assert classify(201, body(statusCode=code)).reason == reason


def test_a_cost_that_is_not_text_is_left_out() -> None:
    outcome = classify(201, body(statusCode=101, messageId="ATXid_1", cost=0.8))
    assert (outcome.kind, outcome.cost) == (Kind.accepted, None)


def account(balance: Any) -> bytes:
    return json.dumps({"UserData": {"balance": balance}}).encode()


@pytest.mark.parametrize(
    ("stated", "amount", "currency"),
    [
        ("KES 1234.50", "1234.50", "KES"),
        ("USD 0.0079", "0.0079", "USD"),
        ("UGX 0", "0", "UGX"),
        ("KES -3.20", "-3.20", "KES"),
        (" KES 7.00\n", "7.00", "KES"),
        (f"KES {'9' * 15}.{'9' * 8}", f"{'9' * 15}.{'9' * 8}", "KES"),
    ],
)
def test_a_balance_is_read_as_the_provider_writes_it(stated: str, amount: str, currency: str) -> None:
    balance = read_balance(account(stated))
    assert balance == Balance(Decimal(amount), currency)
    assert str(balance.amount) == amount


@pytest.mark.parametrize(
    "stated",
    [
        *(None, 5, 5.0, True, [], {}, "", "KES", "5.00", "KES5.00", "KES  5.00", "kes 5.00", "KESH 5.00", "KE 5.00"),
        *("KES 1,000.00", "KES 5.", "KES .5", "KES +5", "KES 1e3", "KES NaN", "KES Infinity", "KES 5.00 KES 6.00"),
        *("KES \u0665.00", "KES 5\u066b00", "\u039aES 5.00", f"KES {'9' * 16}", f"KES 1.{'1' * 9}", "5.00 KES"),
    ],
    ids=ascii,
)
def test_what_is_not_plainly_a_balance_is_none(stated: Any) -> None:
    assert read_balance(account(stated)) is None


@pytest.mark.parametrize(
    "answer",
    [
        *(b"", b"KES 5.00", b"[]", b"null", b"{}", b'{"UserData": null}', b'{"UserData": {}}', b"\xff", SENT.encode()),
        *(
            b'{"UserData": "KES 5.00"}',
            b'{"balance": "KES 5.00"}',
            b'{"UserData": {"balance": "KES 5.00"',
            b"[" * 100_000,
        ),
    ],
)
def test_an_answer_without_a_balance_is_none(answer: bytes) -> None:
    assert read_balance(answer) is None
