"""Erasure and retention miss nothing, and no write at the same time brings personal data back."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from functions.send_sms.app import handler as send_sms
from functions.sweep_sms.app import handler as sweep_sms
from sales.africastalking.answers import Outcome, classify
from sales.domain import clock
from sales.domain.orders import Order
from sales.runtime.settings import settings
from sales.services.sms import send as sending
from sales.store import Page, store
from sales.store.orders import Orders
from scripts.operate import restore
from tests.integration.api import Answer, call, create_customer, create_order, get, order_for
from tests.support.events import Context, form_event, http_event, stream_event
from tests.support.fakes import FakeProvider, accepted

pytestmark = pytest.mark.usefixtures("tables")
type Rows = Callable[[str], list[dict[str, Any]]]
NUMBER = "+254704590344"
PERSONAL = ("john doe", NUMBER[1:], "example@gmail.com", "successfully", "her phone was stolen")
DAY = 86_400


class Shop:
    """The functions, with a clock and a provider that the test controls."""

    def __init__(self, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)
        self.provider = FakeProvider()
        self._rows = rows
        monkeypatch.setattr(clock, "now", lambda: self.now)
        monkeypatch.setattr(sending, "Provider", lambda *_, **__: self.provider)
        self.customer = create_customer(headers={"Idempotency-Key": "customer"}).body

    def order(self) -> dict[str, Any]:
        body: dict[str, Any] = create_order(order_for(self.customer), headers={"Idempotency-Key": "order"}).body
        return body

    def stream(self, order: dict[str, Any]) -> None:
        send_sms(stream_event(*(row for row in self._rows("orders") if row["id"]["S"] == order["id"])), Context())

    def sweep(self, after: float = 0) -> dict[str, int]:
        self.now += timedelta(seconds=after)
        counts: dict[str, int] = sweep_sms({}, Context())
        # How many days it counted is test_days.py's subject.
        counts.pop("days", None)
        return counts

    def ask_again(self, order: dict[str, Any], key: str = "again", reason: str = "her phone was stolen") -> Answer:
        headers = {"Idempotency-Key": key}
        event = http_event("POST", "/x", {"reason": reason}, headers=headers, parameters={"order": order["id"]})
        return call("resend_sms", event)

    def erase(self) -> None:
        event = http_event("POST", "/x", parameters={"customer": self.customer["id"]})
        assert call("erase_customer", event).status == 200

    def report(self, message_id: str, status: str = "Success") -> None:
        fields = {"id": message_id, "status": status, "phoneNumber": NUMBER}
        event = form_event("/webhooks/x", fields, {"secret": "webhook-secret"})
        assert call("record_delivery_report", event).status == 200

    def kept(self) -> list[str]:
        """Return the customer's data that the tables still hold."""
        everything = str(self._rows("customers") + self._rows("orders"))
        return [words for words in PERSONAL if words in everything]


@pytest.fixture
def shop(tables: None, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop(rows, monkeypatch)


# Erasure


def test_an_erasure_removes_the_reason_of_a_resend(shop: Shop) -> None:
    order = shop.order()
    shop.stream(order)
    assert shop.ask_again(order).status == 202
    shop.sweep()
    shop.erase()
    assert shop.kept() == []
    history = get("get_order", "order", order["id"]).body["sms"]["history"]
    assert [entry.get("cause") for entry in history][-3:] == ["requested", "claimed", "accepted"]


def test_an_erasure_removes_digests_and_replays_need_only_their_key(shop: Shop, rows: Rows) -> None:
    order = shop.order()
    shop.stream(order)
    shop.ask_again(order)
    shop.sweep()
    shop.erase()
    for row in [row for row in rows("customers") if "version" in row] + [row for row in rows("orders") if "sms" in row]:
        assert row["fingerprint"] == {"S": ""}
        requests = row.get("sms", {"M": {"requests": {"L": []}}})["M"]["requests"]["L"]
        assert [each["M"]["fingerprint"] for each in requests] == [{"S": ""}] * len(requests)
    other = create_customer(
        {"name": "x", "phone_number": "+254700000001", "email": "x@example.com"},
        headers={"Idempotency-Key": "customer"},
    )
    assert (other.status, other.body["id"], other.body["name"]) == (201, shop.customer["id"], None)
    assert (again := shop.ask_again(order, reason="other words")).status == 202
    assert again.headers["idempotency-replayed"] == "true"


def test_an_order_created_during_an_erasure_is_erased_later(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    add = Orders.add

    def erase_first(self: Orders, order: Order) -> Order:
        monkeypatch.setattr(Orders, "add", add)
        shop.erase()
        return add(self, order)

    monkeypatch.setattr(Orders, "add", erase_first)
    order = shop.order()
    assert shop.kept() == ["john doe", NUMBER[1:], "successfully"]
    shop.stream(order)
    assert shop.provider.sent == []
    assert shop.sweep(after=59) == {}
    assert shop.sweep(after=2) == {"erasures": 1}
    assert shop.kept() == []
    assert shop.sweep(after=DAY) == {}
    assert get("get_order", "order", order["id"]).body["sms"]["status"] == "suppressed"


def test_an_order_missing_from_the_index_is_erased_later(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.stream(shop.order())
    with monkeypatch.context() as behind:
        behind.setattr(Orders, "page", lambda *_, **__: Page([], None))
        shop.erase()
    assert shop.kept()
    shop.sweep(after=61)
    assert shop.kept() == []


def test_a_resend_during_an_erasure_is_erased_later(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    order = shop.order()
    shop.stream(order)
    change = Orders.change

    def erase_first(self: Orders, *arguments: Any) -> Order:
        monkeypatch.setattr(Orders, "change", change)
        shop.erase()
        return change(self, *arguments)

    monkeypatch.setattr(Orders, "change", erase_first)
    shop.ask_again(order)
    shop.sweep(after=61)
    assert shop.kept() == []
    assert len(shop.provider.sent) == 1


def test_a_report_that_overtakes_an_erasure_leaves_no_number(shop: Shop) -> None:
    def erase_and_report() -> Outcome:
        shop.erase()
        shop.report("ATXid_fast")
        return accepted("ATXid_fast")

    order = shop.order()
    shop.provider.answers = [erase_and_report]
    shop.stream(order)
    assert shop.kept() == []


def test_an_orphaned_report_keeps_its_number_for_four_hours(shop: Shop) -> None:
    shop.erase()
    shop.report("ATXid_stranger")
    for _ in range(7):
        shop.sweep(after=1801)
        assert shop.kept() == [NUMBER[1:]]
    shop.sweep(after=1801)
    assert shop.kept() == []


# Other people's words


def test_the_words_of_a_report_are_neither_stored_nor_logged(
    shop: Shop, rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = {"id": "ATXid_x", "status": "sent to john doe", "phoneNumber": "+254700000009"}
    secret = {"secret": "webhook-secret"}
    form = form_event("/webhooks/x", fields | {"failureReason": "no example@gmail.com"}, secret)
    assert call("record_delivery_report", form).status == 200
    (message,) = (row for row in rows("orders") if row["id"]["S"] == "message#ATXid_x")
    assert message["reports"] == {"SS": ['["+254700000009", "unnamed", "unnamed"]']}
    for changes in (
        {"id": "john doe"},
        {"id": NUMBER},
        {"id": "ATXid_x example@gmail.com"},
        {"id": "ATXid_" + "x" * 65},
        {"phoneNumber": "john doe"},
        {"phoneNumber": "٢٥٤٧٠٤"},
    ):
        form = form_event("/webhooks/x", fields | changes, secret)
        assert call("record_delivery_report", form).status == 400, changes
    form = form_event("/webhooks/x", {"phoneNumber": "john doe"}, secret)
    assert call("record_opt_out", form).status == 400
    output = capsys.readouterr()
    assert not [words for words in PERSONAL if words in output.out + output.err]


def test_the_providers_words_never_become_a_reason() -> None:
    recipient = {"number": NUMBER, "status": f"{NUMBER} of john doe is not known", "messageId": "None"}
    for code, reason in ((999, "code_999"), (None, "unnamed"), ("405", "unnamed"), (254704590344, "unnamed")):
        answer = {"SMSMessageData": {"Recipients": [recipient | {"statusCode": code}]}}
        assert classify(201, json.dumps(answer).encode()).reason == reason


# Age


@pytest.fixture
def ten_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMS_TEXT_DAYS", "10")
    settings.cache_clear()


@pytest.mark.usefixtures("ten_days")
def test_retention_removes_a_resent_text_again(shop: Shop) -> None:
    order = shop.order()
    shop.stream(order)
    assert shop.sweep(after=11 * DAY) == {"forgotten": 1}
    assert shop.ask_again(order).status == 202
    assert shop.sweep() == {"sent": 1}
    message_id = get("get_order", "order", order["id"]).body["sms"]["message_id"]
    shop.report(message_id)
    assert get("get_order", "order", order["id"]).body["sms"]["status"] == "delivered"
    assert shop.sweep(after=9 * DAY) == {}
    assert shop.ask_again(order, "once-more").status == 202
    assert shop.sweep() == {"sent": 1}
    # The age counts from the last resend.
    assert shop.sweep(after=9 * DAY) == {}
    assert get("get_order", "order", order["id"]).body["sms"]["text"] == order["sms"]["text"]
    assert shop.sweep(after=2 * DAY) == {"forgotten": 1}
    sms = get("get_order", "order", order["id"]).body["sms"]
    assert (sms["text"], sms["to"], sms["status"]) == (None, None, "sent")
    assert shop.sweep(after=DAY) == {}


@pytest.mark.usefixtures("ten_days")
def test_an_expired_order_is_restored_without_its_text(shop: Shop, rows: Rows) -> None:
    dynamodb = boto3.client("dynamodb", region_name="eu-west-1")
    order = shop.order()
    shop.stream(order)
    (before,) = (row for row in rows("orders") if row["id"]["S"] == order["id"])
    shop.sweep(after=11 * DAY)
    reached = restore.forgotten(dynamodb, restore.Table(settings().orders_table, "id"))
    assert reached == {"0": f"{order['order_date']}#{order['id']}"}
    restored = str(restore.as_it_may_come_back(before, reached))
    assert NUMBER not in restored
    assert "successfully" not in restored
    assert restore.as_it_may_come_back(before, {}) == before
    assert store().due.retention_position() == reached
