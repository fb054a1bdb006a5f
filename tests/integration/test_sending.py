"""Claim, send, settle and sweep texts; the store is moto, and a fake provider counts."""

import json
import threading
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from time import sleep
from typing import Any

import pytest

from functions.send_sms.app import handler as send_sms
from sales.africastalking.answers import Kind, Outcome
from sales.domain import clock
from sales.domain.caller import Caller
from sales.domain.clock import format_time
from sales.domain.ids import code_of, order_id
from sales.domain.orders import Order
from sales.domain.problems import Problem
from sales.domain.sms.states import LONGEST_WAIT_SECONDS, Cause, Status
from sales.runtime.aws import aws_client
from sales.runtime.log import InvocationError
from sales.runtime.settings import settings
from sales.services.sms import send as sending
from sales.services.sms import sweep as sweeping
from sales.store import store
from sales.store.customers import Customers
from sales.store.due import Due, DueEntry
from sales.store.items import due_shard
from sales.store.orders import Orders, order_from_item, order_to_item
from sales.store.provider_messages import ProviderMessages
from tests.conftest import forget_process_state
from tests.integration.api import call, create_customer, create_order, get, list_orders, order_for
from tests.integration.sending import Rows, Time, again, cancel, image, opt_out, report, state, stream, sweep
from tests.support.events import Context, form_event, http_event, stream_event
from tests.support.fakes import FakeProvider, accepted, refused

pytestmark = pytest.mark.usefixtures("tables")


def unavailable(*_: Any, **__: Any) -> Any:
    raise Problem("unavailable")


def test_a_new_orders_text_is_sent_once_and_the_order_shows_it(
    order: dict[str, Any], provider: FakeProvider, rows: Rows
) -> None:
    assert stream(order, rows=rows) == {"batchItemFailures": []}
    assert provider.sent == [("+254704590344", order["sms"]["text"])]
    sms = state(order)
    assert (sms["status"], sms["attempts"], sms["cost"]) == ("sent", 1, "KES 0.8000")
    assert sms["message_id"].startswith("ATXid_")
    assert [entry["status"] for entry in sms["history"]] == ["queued", "sending", "sent"]


def test_all_texts_of_a_first_batch_share_one_client(
    order: dict[str, Any], provider: FakeProvider, monkeypatch: pytest.MonkeyPatch, rows: Rows
) -> None:
    made: list[str] = []

    def slowly(_: str, key: str, **__: Any) -> FakeProvider:
        made.append(key)
        sleep(0.2)  # about as long as loading the CA bundle
        return provider

    monkeypatch.setattr(sending, "Provider", slowly)
    others = [create_order(order_for({"id": order["customer"]})).body for _ in range(9)]
    stream(order, *others, rows=rows)
    assert len(provider) == 10
    assert len(made) == 1


def test_no_report_brings_back_an_erased_customers_number(
    order: dict[str, Any], provider: FakeProvider, rows: Rows
) -> None:
    stream(order, rows=rows)
    message = state(order)["message_id"]
    for known_or_not in (message, "ATXid_stranger"):
        assert report(known_or_not, "Submitted").status == 200
    assert str(rows("orders")).count("+254704590344") > 1
    erase = http_event("POST", "/x", parameters={"customer": order["customer"]})
    assert call("erase_customer", erase).status == 200
    assert "254704590344" not in str(rows("orders") + rows("customers"))
    assert report(message, "Success").status == 200
    assert "254704590344" not in str(rows("orders") + rows("customers"))
    assert call("erase_customer", erase).status == 200


def test_a_record_delivered_twice_sends_one_text(order: dict[str, Any], provider: FakeProvider, rows: Rows) -> None:
    first = image(order, rows)
    for _ in range(3):
        send_sms(stream_event(first, first), Context())
    sweep()
    assert len(provider) == 1


def test_the_sweep_sends_an_order_that_the_stream_lost(order: dict[str, Any], provider: FakeProvider) -> None:
    assert sweep() == {"sent": 1}
    assert sweep() == {}
    assert len(provider) == 1


def test_the_parts_of_the_sweep_share_all_orders_without_overlap(time: Time, provider: FakeProvider) -> None:
    customer = create_customer().body
    placed = [create_order(order_for(customer)) for _ in range(20)]
    sent = [sum(sweep(part=part, parts=3).values()) for part in range(3)]
    assert sum(sent) == len(provider) == len(placed)
    assert all(sent)
    assert sweep() == {}


def test_an_old_record_does_not_send_a_cancelled_orders_text(
    order: dict[str, Any], provider: FakeProvider, rows: Rows
) -> None:
    old = image(order, rows)
    cancel(order)
    send_sms(stream_event(old), Context())
    assert len(provider) == 0
    assert state(order)["status"] == "suppressed"


@pytest.mark.parametrize("opted_out", [False, True])
def test_an_order_that_the_table_lost_keeps_no_other_from_its_text(
    order: dict[str, Any], provider: FakeProvider, rows: Rows, *, opted_out: bool
) -> None:
    lost = image(order, rows)
    body = {"name": "jane doe", "phone_number": "+254700000009", "email": "jane@example.com"}
    other = create_order(order_for(create_customer(body).body)).body
    if opted_out:
        opt_out("+254704590344")
    aws_client("dynamodb", "").delete_item(TableName="orders", Key={"id": lost["id"]})
    assert send_sms(stream_event(lost, image(other, rows)), Context()) == {"batchItemFailures": []}
    assert [number for number, _ in provider.sent] == ["+254700000009"]


@pytest.mark.parametrize(
    ("kind", "reason", "status"),
    [
        (Kind.refused, "InvalidPhoneNumber", "failed"),
        (Kind.unknown, "timeout", "unknown"),
        (Kind.deferred, "InsufficientBalance", "queued"),
        (Kind.not_sent, "connect_failed", "queued"),
        (Kind.misconfigured, "bad_key", "queued"),
    ],
)
def test_the_answer_decides_the_state_and_its_reason_is_kept(
    kind: Kind, reason: str, status: str, order: dict[str, Any], provider: FakeProvider, rows: Rows
) -> None:
    provider.answers = [refused(kind, reason)]
    assert stream(order, rows=rows) == {"batchItemFailures": []}
    sms = state(order)
    assert (sms["status"], sms["reason"]) == (status, reason)


def test_an_unsent_text_is_retried_with_growing_waits(
    order: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows
) -> None:
    provider.answers = [refused(Kind.not_sent, "connect_failed")] * 3
    stream(order, rows=rows)
    asked = []
    for second in range(1200):
        time.pass_(1)
        before = provider.asked
        if second % 5 == 0:
            sweep()
        if provider.asked > before:
            asked.append(second)
    assert len(provider) == 1
    assert provider.asked == 4
    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert waits == sorted(waits)
    assert state(order)["status"] == "sent"


def test_a_text_fails_after_the_last_attempt_and_says_why(
    order: dict[str, Any], provider: FakeProvider, time: Time, environment: pytest.MonkeyPatch
) -> None:
    provider.answers = [refused(Kind.deferred, "InsufficientBalance")] * 100
    for _ in range(60):
        sweep()
        time.pass_(LONGEST_WAIT_SECONDS)
    sms = state(order)
    assert (sms["status"], sms["reason"]) == ("failed", "InsufficientBalance")
    assert provider.asked == settings().sms_max_attempts
    assert len(sms["history"]) <= 50


def test_a_day_without_the_provider_loses_nothing(order: dict[str, Any], provider: FakeProvider, time: Time) -> None:
    end = time.now + timedelta(days=1)
    while time.now < end:
        provider.answers = [refused(Kind.not_sent, "connect_failed")]
        sweep()
        time.pass_(300)
    provider.answers = []
    time.pass_(LONGEST_WAIT_SECONDS)
    sweep()
    assert state(order)["status"] == "sent"
    assert len(provider) == 1


def test_texts_go_out_as_soon_as_the_provider_is_back(provider: FakeProvider, time: Time) -> None:
    customer = create_customer().body
    early = [create_order(order_for(customer)).body for _ in range(5)]
    for _ in range(6):
        provider.answers = [refused(Kind.not_sent, "connect_failed")] * 5
        sweep()
        time.pass_(1200)
    late = create_order(order_for(customer)).body
    provider.answers = [refused(Kind.not_sent, "connect_failed")] * 6
    sweep()
    time.pass_(40)
    provider.answers = []
    # Only the newest one is due; its success shows that all can go out.
    assert sweep() == {"sent": 6}
    assert {state(order)["status"] for order in (*early, late)} == {"sent"}
    assert len(provider) == 6


def test_a_text_refused_for_its_own_reason_still_waits(provider: FakeProvider, time: Time) -> None:
    customer = create_customer().body
    refusal = refused(Kind.deferred, "InsufficientBalance")
    provider.answers = [refusal, refusal]
    waits = create_order(order_for(customer)).body
    sweep()
    time.pass_(40)
    sweep()
    create_order(order_for(customer))
    provider.answers = [refused(Kind.not_sent, "connect_failed")]
    sweep()
    time.pass_(40)
    assert sweep() == {"sent": 1}
    assert state(waits)["status"] == "queued"


def test_no_text_is_attempted_early_while_the_provider_is_down(provider: FakeProvider, time: Time) -> None:
    customer = create_customer().body
    for _ in range(3):
        create_order(order_for(customer))
        provider.answers = [refused(Kind.not_sent, "connect_failed")] * 9
        sweep()
        time.pass_(13)
    asked = provider.asked
    sweep()
    assert provider.asked == asked + 1


def test_an_early_attempt_that_sends_nothing_is_not_counted(
    provider: FakeProvider, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = store().orders.get(create_order(order_for(create_customer().body)).body["id"])
    assert base
    waiting = base.sms._replace(status=Status.queued, reason="http_429", attempts=8, retries=8)
    names = (order_id(Caller("tester", "tester", frozenset()), str(number)) for number in range(10_000))
    ids = [name for name in names if due_shard(name) == due_shard(base.id)][:120]
    for number, name in enumerate(ids):
        # Eight are due; the next attempt for the rest is within the hour.
        due_at = format_time(clock.plus(time.now, 0 if number < 8 else 60 + number))
        store().orders.add(base._replace(id=name, due_at=due_at, sms=waiting))
    before = {name: stored for name in ids if (stored := store().orders.get(name))}
    asked: list[int] = []

    def throttled(number: str, text: str) -> Outcome:
        # One in five is accepted.
        asked.append(1)
        return refused(Kind.deferred, "http_429") if len(asked) % 5 else accepted(f"ATXid_{len(asked):032x}")

    monkeypatch.setattr(provider, "send", throttled)
    ended = sweep()
    after = {name: stored for name in ids if (stored := store().orders.get(name))}
    # Nine are due; of the others the sweep attempts at most one look's worth, since most of those fail.
    assert 9 + 20 < len(asked) <= 9 + 25
    assert ended["sent"] == len(asked) // 5
    assert max(stored.sms.attempts for stored in after.values()) == 9
    early = [
        stored
        for stored in map(after.__getitem__, ids[8:])
        if stored.sms.attempts == 9 and stored.sms.message_id is None
    ]
    assert len(early) > 15
    assert {(stored.sms.retries, stored.due_at == before[stored.id].due_at) for stored in early} == {(8, True)}


def test_an_ambiguous_text_is_never_sent_again(
    order: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows
) -> None:
    provider.answers = [refused(Kind.unknown, "timeout")]
    stream(order, rows=rows)
    for _ in range(20):
        time.pass_(600)
        sweep()
        stream(order, rows=rows)
    assert len(provider) == 1
    assert state(order)["status"] == "unknown"
    assert [row["id"] for row in list_orders(sms_status="unknown").body["data"]] == [order["id"]]


def test_a_lost_senders_text_is_unknown_when_its_lease_ends(
    order: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows
) -> None:
    class Killed(BaseException):
        pass

    def die() -> Any:
        raise Killed

    provider.answers = [die]
    with pytest.raises(Killed):
        stream(order, rows=rows)
    assert state(order)["status"] == "sending"
    sweep()
    assert state(order)["status"] == "sending"
    time.pass_(settings().sms_lease_seconds + 1)
    sweep()
    assert (state(order)["status"], state(order)["reason"]) == ("unknown", "lease_expired")
    assert len(provider) == 0


def test_a_wrong_key_pauses_sending_until_it_is_corrected(
    order: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows
) -> None:
    others = [create_order(order_for({"id": order["customer"]})).body for _ in range(12)]
    provider.answers = [refused(Kind.misconfigured, "bad_key")] * 1000
    stream(order, rows=rows)
    asked = provider.asked
    stream(*others, rows=rows)
    sweep()
    assert provider.asked == asked
    for _ in range(8):
        time.pass_(settings().sms_pause_seconds + 1)
        sweep()
    assert state(order)["attempts"] == 0
    provider.answers = []
    time.pass_(settings().sms_pause_seconds + 1)
    sweep()
    assert len(provider) == 13
    assert {state(sent)["status"] for sent in (order, *others)} == {"sent"}


def test_a_customer_who_opts_out_gets_no_waiting_text(
    order: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows
) -> None:
    provider.answers = [refused(Kind.not_sent, "connect_failed")]
    stream(order, rows=rows)
    assert opt_out("+254704590344").status == 200
    time.pass_(LONGEST_WAIT_SECONDS)
    sweep()
    assert len(provider) == 0
    assert (state(order)["status"], state(order)["reason"]) == ("suppressed", "opted_out")
    assert get("get_customer", "customer", order["customer"]).body["sms_opted_out"] is True


def test_a_batch_returns_to_the_stream_when_the_store_fails(
    order: dict[str, Any], provider: FakeProvider, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Orders, "replace", unavailable)
        assert stream(order, rows=rows) == {"batchItemFailures": [{"itemIdentifier": f"{1:021d}"}]}
    assert len(provider) == 0
    stream(order, rows=rows)
    assert len(provider) == 1


def test_no_text_is_claimed_with_too_little_time_left(
    order: dict[str, Any], provider: FakeProvider, rows: Rows
) -> None:
    send_sms(stream_event(image(order, rows)), Context(seconds=5))
    assert state(order)["status"] == "queued"
    assert len(provider) == 0


def test_the_texts_of_a_batch_go_out_in_parallel(
    order: dict[str, Any], provider: FakeProvider, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [create_order(order_for({"id": order["customer"]})).body for _ in range(9)]
    # No request is answered before all ten have arrived.
    all_there = threading.Barrier(10)
    numbered = iter(range(10))

    def send(number: str, text: str) -> Outcome:
        all_there.wait(30)
        return accepted(f"ATXid_{next(numbered):032x}")

    monkeypatch.setattr(provider, "send", send)
    stream(order, *others, rows=rows)
    assert {state(sent)["status"] for sent in (order, *others)} == {"sent"}


class TestCancelledUnderWay:
    """The order is cancelled during the call to the provider."""

    @pytest.mark.parametrize(
        ("answer", "ends", "reason"),
        [
            (refused(Kind.deferred, "http_429"), "suppressed", "order_cancelled"),
            (refused(Kind.not_sent, "connect_failed"), "suppressed", "order_cancelled"),
            (refused(Kind.misconfigured, "bad_key"), "suppressed", "order_cancelled"),
            (refused(Kind.unknown, "timeout"), "unknown", "timeout"),
            (accepted("ATXid_taken"), "sent", None),
        ],
    )
    def test_its_text_is_not_sent_later(
        self, answer: Outcome, ends: str, reason: str | None, order: dict[str, Any], provider: FakeProvider, time: Time,
        rows: Rows,
    ) -> None:  # fmt: skip
        def cancelled() -> Outcome:
            assert cancel(order).status == 200
            return answer

        provider.answers = [cancelled]
        stream(order, rows=rows)
        before = len(provider)
        for _ in range(3):
            time.pass_(LONGEST_WAIT_SECONDS)
            sweep()
        assert (state(order)["status"], state(order)["reason"], len(provider)) == (ends, reason, before)

    def test_the_sweep_suppresses_a_text_that_was_left_queued(
        self, order: dict[str, Any], provider: FakeProvider
    ) -> None:
        stored = store().orders.get(order["id"])
        assert stored
        store().orders.replace(stored._replace(status="cancelled", version=stored.version + 1))
        sweep()
        assert (state(order)["status"], state(order)["reason"]) == ("suppressed", "order_cancelled")
        assert len(provider) == 0


class TestTheStoreFailsAfterTheOrderIsWritten:
    """The store refuses a write about other items; the order's own state is still written."""

    def test_a_text_stays_queued_if_the_pause_is_not_stored(
        self, order: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        provider.answers = [refused(Kind.misconfigured, "bad_key")]
        with monkeypatch.context() as patch:
            patch.setattr(Due, "pause_sending", unavailable)
            assert stream(order, rows=rows)["batchItemFailures"]
        waiting = state(order)
        assert (waiting["status"], waiting["reason"], waiting["attempts"]) == ("queued", "bad_key", 0)
        assert waiting["due_at"] > waiting["updated_at"]
        time.pass_(settings().sms_pause_seconds + 1)
        sweep()
        sent = state(order)
        assert (sent["status"], sent["due_at"], len(provider)) == ("sent", None, 1)

    def test_a_text_fails_even_if_the_block_is_not_stored(
        self, order: dict[str, Any], provider: FakeProvider, rows: Rows, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        provider.answers = [refused(Kind.refused, "UserInBlacklist", blocked=True)]
        with monkeypatch.context() as patch:
            patch.setattr(Customers, "change_all", unavailable)
            assert stream(order, rows=rows)["batchItemFailures"]
        assert (state(order)["status"], state(order)["reason"]) == ("failed", "UserInBlacklist")

    def test_a_failed_match_of_a_report_delays_no_other_text(
        self, order: dict[str, Any], provider: FakeProvider, time: Time, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        report("ATXid_stranger", "Success")
        time.pass_(10)
        with monkeypatch.context() as patch:
            patch.setattr(ProviderMessages, "open_for", unavailable)
            with pytest.raises(InvocationError, match="Problem"):
                sweep()
        assert state(order)["status"] == "sent"
        assert sweep() == {"reports": 1}


class TestOptOutsByNumber:
    """An opt-out is stored by phone number; each customer with that number shows it."""

    @pytest.mark.parametrize("written", ["+254704590344", " 254704590344", "254704590344"])
    def test_a_later_customer_gets_no_text_and_shows_why(
        self, written: str, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        assert opt_out(written).status == 200
        customer = create_customer().body
        order = create_order(order_for(customer)).body
        stream(order, rows=rows)
        assert (state(order)["status"], state(order)["reason"], len(provider)) == ("suppressed", "opted_out", 0)
        assert get("get_customer", "customer", customer["id"]).body["sms_opted_out"] is True

    def test_texts_go_out_again_once_the_customer_agrees(self, time: Time, provider: FakeProvider, rows: Rows) -> None:
        opt_out("+254704590344")
        customer = create_customer().body
        sweep()
        event = http_event("PATCH", "/x", {"sms_opted_out": False}, parameters={"customer": customer["id"]})
        assert call("update_customer", event).body["sms_opted_out"] is False
        order = create_order(order_for(customer)).body
        stream(order, rows=rows)
        assert (state(order)["status"], len(provider)) == ("sent", 1)

    def test_an_opt_out_survives_erasure_without_the_number(
        self, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        customer = create_customer().body
        opt_out("+254704590344")
        call("erase_customer", http_event("POST", "/x", parameters={"customer": customer["id"]}))
        assert "254704590344" not in str(rows("customers"))
        order = create_order(order_for(create_customer().body)).body
        stream(order, rows=rows)
        assert (state(order)["status"], len(provider)) == ("suppressed", 0)

    def test_agreeing_without_an_opt_out_stores_nothing(self, time: Time, rows: Rows) -> None:
        customer = create_customer().body
        event = http_event("PATCH", "/x", {"sms_opted_out": False}, parameters={"customer": customer["id"]})
        assert call("update_customer", event).status == 200
        assert [row["code"]["S"] for row in rows("customers")] == [code_of(customer["id"])]

    def test_an_invalid_number_opts_no_customer_out(self, time: Time, rows: Rows) -> None:
        assert opt_out("somebody").status == 400
        assert rows("customers") == []


class TestDeliveryReports:
    @pytest.fixture
    def sent(self, order: dict[str, Any], provider: FakeProvider, rows: Rows) -> dict[str, Any]:
        stream(order, rows=rows)
        return order | {"message_id": state(order)["message_id"]}

    @pytest.mark.parametrize(
        ("statuses", "ends"),
        [
            (["Success"], "delivered"),
            (["Sent", "Submitted", "Success"], "delivered"),
            (["Success", "Submitted", "Sent"], "delivered"),
            (["Success", "Success"], "delivered"),
            (["Failed"], "undelivered"),
            (["AbsentSubscriber", "Success"], "delivered"),
            (["Success", "AbsentSubscriber"], "delivered"),
            (["Buffered"], "sent"),
            (["Whatever"], "sent"),
        ],
    )
    def test_reports_in_any_order_only_move_a_text_forward(
        self, statuses: list[str], ends: str, sent: dict[str, Any], provider: FakeProvider
    ) -> None:
        for status in statuses:
            assert report(sent["message_id"], status).status == 200
        assert state(sent)["status"] == ends
        assert len(provider) == 1

    def test_a_report_for_another_number_changes_nothing(self, sent: dict[str, Any]) -> None:
        for status in ("Success", "Failed"):
            assert report(sent["message_id"], status, number="+254700000001").status == 200
        assert state(sent)["status"] == "sent"
        report(sent["message_id"], "Submitted")
        assert state(sent)["status"] == "sent"
        report(sent["message_id"], "Success", number=" 254704590344")
        assert state(sent)["status"] == "delivered"

    def test_a_text_released_after_review_is_delivered(
        self, order: dict[str, Any], provider: FakeProvider, rows: Rows
    ) -> None:
        provider.answers = [Outcome(Kind.refused, "RiskHold", "ATXid_held")]
        stream(order, rows=rows)
        assert (state(order)["status"], state(order)["message_id"]) == ("failed", "ATXid_held")
        report("ATXid_held", "Success")
        assert (state(order)["status"], state(order)["reason"]) == ("delivered", None)

    def test_a_failure_report_that_overtakes_the_state_keeps_its_reason(
        self, order: dict[str, Any], provider: FakeProvider, rows: Rows, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        link = ProviderMessages.link

        def linked(self: ProviderMessages, message_id: str, order: Order, now: datetime) -> Any:
            message = link(self, message_id, order, now)
            report(message_id, "Failed", failureReason="UserInBlackList")
            return message

        monkeypatch.setattr(ProviderMessages, "link", linked)
        # One report overtakes the answer, so message and state are written separately; another overtakes the state.
        provider.answers = [accepted("ATXid_fast")]
        report("ATXid_fast", "Submitted")
        stream(order, rows=rows)
        sms = state(order)
        assert (sms["status"], sms["reason"], sms["cost"]) == ("undelivered", "UserInBlackList", "KES 0.8000")

    def test_a_report_with_a_wrong_secret_is_404_and_changes_nothing(self, sent: dict[str, Any]) -> None:
        answer = report(sent["message_id"], "Success", secret="guess")
        assert (answer.status, answer.body["code"]) == (404, "not_found")
        assert state(sent)["status"] == "sent"

    def test_current_and_previous_secret_are_accepted(self, sent: dict[str, Any]) -> None:
        from sales.runtime import secrets
        from sales.runtime.aws import aws_client

        aws_client("secretsmanager", "").put_secret_value(SecretId="sales/webhook-secret", SecretString="new\n")
        secrets._kept.clear()
        assert report("ATXid_other", "Success", secret="webhook-secret").status == 200
        assert report("ATXid_other", "Success", secret="new").status == 200
        assert report("ATXid_other", "Success", secret="").status == 404

    def test_a_failure_keeps_its_reason_and_a_blacklist_opts_out(self, sent: dict[str, Any]) -> None:
        report(sent["message_id"], "Failed", failureReason="UserInBlackList")
        assert (state(sent)["status"], state(sent)["reason"]) == ("undelivered", "UserInBlackList")
        assert get("get_customer", "customer", sent["customer"]).body["sms_opted_out"] is True

    @pytest.mark.parametrize(
        "fields", [{}, {"id": "x"}, {"id": "", "status": "Success", "phoneNumber": "+254704590344"}]
    )
    def test_a_form_without_its_fields_is_400(self, fields: dict[str, str], sent: dict[str, Any]) -> None:
        answer = call("record_delivery_report", form_event("/webhooks/x", fields, {"secret": "webhook-secret"}))
        assert (answer.status, answer.body["code"]) == (400, "invalid_form")

    def test_a_form_of_10_kb_is_413_and_json_is_415(self, sent: dict[str, Any]) -> None:
        assert report("x" * 10_000, "Success").status == 413
        event = http_event("POST", "/webhooks/x", {}, parameters={"secret": "webhook-secret"}, authorized=False)
        assert call("record_delivery_report", event).status == 415

    def test_a_report_that_overtakes_the_answer_is_not_lost(
        self, order: dict[str, Any], provider: FakeProvider, rows: Rows
    ) -> None:
        def overtaken() -> Any:
            report("ATXid_fast", "Success")
            return accepted("ATXid_fast")

        provider.answers = [overtaken]
        stream(order, rows=rows)
        sms = state(order)
        assert (sms["status"], sms["message_id"], sms["cost"]) == ("delivered", "ATXid_fast", "KES 0.8000")

    def test_a_report_settles_the_one_unknown_text_it_can_belong_to(
        self, order: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows
    ) -> None:
        provider.answers = [refused(Kind.unknown, "timeout")]
        stream(order, rows=rows)
        report("ATXid_lost", "Success")
        time.pass_(10)
        sweep()
        sms = state(order)
        assert (sms["status"], sms["message_id"]) == ("delivered", "ATXid_lost")
        report("ATXid_lost", "Failed")
        assert state(order)["status"] == "delivered"

    @pytest.mark.parametrize("writes", [0, 1])
    def test_the_next_sweep_finishes_an_interrupted_match(
        self, writes: int, order: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        provider.answers = [refused(Kind.unknown, "timeout")]
        stream(order, rows=rows)
        for status in ("Submitted", "Success"):
            report("ATXid_lost", status)
        time.pass_(10)
        replace_order, done = Orders.replace, iter([True] * writes)
        with monkeypatch.context() as patch:
            patch.setattr(
                Orders, "replace", lambda *a, **k: replace_order(*a, **k) if next(done, False) else unavailable()
            )
            with pytest.raises(InvocationError, match="Problem"):
                sweep()
        assert state(order)["status"] == ("sent" if writes else "unknown")
        sweep()
        assert state(order)["status"] == "delivered"

    @pytest.mark.parametrize("writes", [1, 2])
    def test_an_early_report_is_not_lost_with_its_sender(
        self, writes: int, order: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        def overtaken() -> Outcome:
            report("ATXid_fast", "Success")
            return accepted("ATXid_fast")

        provider.answers = [overtaken]
        replace_order, done = Orders.replace, iter([True] * writes)
        with monkeypatch.context() as patch:
            patch.setattr(
                Orders, "replace", lambda *a, **k: replace_order(*a, **k) if next(done, False) else unavailable()
            )
            stream(order, rows=rows)
        assert state(order)["status"] == ("sending" if writes == 1 else "sent")
        time.pass_(10)
        sweep()
        assert state(order)["status"] == "delivered"

    def test_a_report_with_two_candidates_is_not_matched(
        self, order: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows
    ) -> None:
        other = create_order(order_for({"id": order["customer"]})).body
        provider.answers = [refused(Kind.unknown, "timeout")] * 2
        stream(order, other, rows=rows)
        report("ATXid_lost", "Success")
        for _ in range(12):
            time.pass_(600)
            sweep()
        assert {state(sent)["status"] for sent in (order, other)} == {"unknown"}

    def test_a_report_is_not_matched_to_a_later_text(
        self, order: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows
    ) -> None:
        report("ATXid_old", "Success")
        for _ in range(5):
            time.pass_(120)
            sweep(part=1, parts=2)
        other = create_order(order_for({"id": order["customer"]})).body
        provider.answers = [refused(Kind.unknown, "connection_lost")]
        stream(other, rows=rows)
        for _ in range(15):
            time.pass_(300)
            sweep()
        assert state(other)["status"] == "unknown"

    def test_waiting_does_not_choose_between_two_candidates(
        self, order: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows
    ) -> None:
        provider.answers = [refused(Kind.unknown, "timeout")] * 2
        stream(order, rows=rows)
        time.pass_(3000)
        other = create_order(order_for({"id": order["customer"]})).body
        stream(other, rows=rows)
        report("ATXid_first", "Success")
        for _ in range(15):
            time.pass_(300)
            sweep()
        assert {state(sent)["status"] for sent in (order, other)} == {"unknown"}

    def test_waiting_does_not_choose_between_two_messages(
        self, order: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows
    ) -> None:
        provider.answers = [refused(Kind.unknown, "timeout")]
        stream(order, rows=rows)
        report("ATXid_first", "Success")
        time.pass_(3000)
        report("ATXid_second", "Success")
        # Until the search for both has ended.
        for _ in range(18):
            time.pass_(900)
            sweep()
        assert state(order)["status"] == "unknown"
        kept = [row for row in rows("orders") if row["id"]["S"].startswith("message#")]
        assert len(kept) == 2
        assert "+254704590344" not in str(kept)

    def test_an_attempt_before_a_resend_is_still_a_candidate(
        self, order: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows
    ) -> None:
        provider.answers = [refused(Kind.unknown, "timeout")]
        stream(order, rows=rows)
        time.pass_(61)
        assert again(order).status == 202
        time.pass_(1)
        sweep()
        other = create_order(order_for({"id": order["customer"]})).body
        provider.answers = [refused(Kind.unknown, "connection_lost")]
        stream(other, rows=rows)
        report("ATXid_of_the_first_attempt", "Success")
        for _ in range(15):
            time.pass_(300)
            sweep()
        assert (state(order)["status"], state(other)["status"]) == ("sent", "unknown")

    def test_a_report_waits_for_a_text_in_progress(
        self, order: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows
    ) -> None:
        class Killed(BaseException):
            pass

        def die() -> Any:
            report("ATXid_lost", "Success")
            raise Killed

        provider.answers = [die]
        with pytest.raises(Killed):
            stream(order, rows=rows)
        for _ in range(40):
            time.pass_(5)
            sweep()
        assert (state(order)["status"], len(provider)) == ("delivered", 0)

    def test_reports_in_any_number_and_order_send_nothing(
        self, sent: dict[str, Any], provider: FakeProvider, time: Time
    ) -> None:
        for number in range(60):
            report(sent["message_id"] if number % 2 else f"ATXid_{number}", ["Success", "Failed", "Sent"][number % 3])
        time.pass_(100)
        sweep()
        assert len(provider) == 1


class TestAskingAgain:
    @pytest.fixture
    def failed(self, order: dict[str, Any], provider: FakeProvider, rows: Rows) -> dict[str, Any]:
        provider.answers = [refused(Kind.refused, "InvalidPhoneNumber")]
        stream(order, rows=rows)
        return order

    def test_one_new_attempt_goes_out_with_the_next_sweep(
        self, failed: dict[str, Any], provider: FakeProvider, time: Time
    ) -> None:
        answer = again(failed)
        assert (answer.status, answer.body["sms"]["status"]) == (202, "queued")
        time.pass_(1)
        sweep()
        sms = state(failed)
        assert (sms["status"], sms["attempts"], len(provider)) == ("sent", 2, 1)
        assert [entry.get("reason") for entry in sms["history"] if entry.get("cause") == "requested"] == ["lost phone"]

    def test_the_same_key_again_is_the_same_attempt(
        self, failed: dict[str, Any], provider: FakeProvider, time: Time
    ) -> None:
        again(failed)
        time.pass_(1)
        sweep()
        answer = again(failed)
        assert (answer.status, answer.headers["idempotency-replayed"]) == (202, "true")
        time.pass_(100)
        sweep()
        assert len(provider) == 1
        assert again(failed, reason="other").body["code"] == "idempotency_key_reused"

    def test_a_resend_checks_if_match_and_a_replay_ignores_it(
        self, failed: dict[str, Any], provider: FakeProvider, time: Time
    ) -> None:
        stale = again(failed, **{"If-Match": '"1"'})
        assert (stale.status, stale.body["code"]) == (412, "version_mismatch")
        current = stale.headers["etag"]
        first = again(failed, **{"If-Match": f'"1", {current}'})
        assert (first.status, first.headers["etag"] != current) == (202, True)
        time.pass_(1)
        sweep()
        replay = again(failed, **{"If-Match": current})
        assert (replay.status, replay.headers["idempotency-replayed"]) == (202, "true")
        assert again(failed, key="two", **{"If-Match": current}).status == 412
        assert len(provider) == 1

    def test_a_key_is_required(self, failed: dict[str, Any]) -> None:
        answer = again(failed, key=None)
        assert (answer.status, answer.body["code"]) == (400, "idempotency_key_required")

    def test_a_key_that_came_twice_sends_nothing(
        self, failed: dict[str, Any], provider: FakeProvider, time: Time
    ) -> None:
        answer = again(failed, key="one,one")
        assert (answer.status, answer.body["code"]) == (400, "invalid_header")
        time.pass_(1)
        sweep()
        assert len(provider) == 0

    def test_one_resend_a_minute_is_allowed_and_a_refusal_keeps_the_key_usable(
        self, failed: dict[str, Any], provider: FakeProvider, time: Time
    ) -> None:
        again(failed)
        time.pass_(10)
        sweep()
        answer = again(failed, key="two")
        assert (answer.status, answer.body["code"], answer.headers["retry-after"]) == (409, "sms_too_soon", "51")
        time.pass_(51)
        assert again(failed, key="two").status == 202

    def test_a_resend_in_progress_suppressed_or_cancelled_is_refused(
        self, failed: dict[str, Any], order: dict[str, Any], time: Time
    ) -> None:
        other = create_order(order_for({"id": order["customer"]})).body
        assert again(other).body["code"] == "sms_in_progress"
        call(
            "update_customer",
            http_event("PATCH", "/x", {"sms_opted_out": True}, parameters={"customer": order["customer"]}),
        )
        assert again(failed).body["code"] == "sms_suppressed"
        cancel(failed)
        assert again(failed).body["code"] == "order_cancelled"

    @pytest.mark.parametrize("status", Status)
    def test_each_state_says_whether_a_text_may_be_asked_for_again(
        self, status: Status, order: dict[str, Any], provider: FakeProvider, time: Time
    ) -> None:
        causes = {
            Status.queued: (),
            Status.sending: (Cause.claimed,),
            Status.sent: (Cause.claimed, Cause.accepted),
            Status.delivered: (Cause.claimed, Cause.report_success),
            Status.undelivered: (Cause.claimed, Cause.report_failure),
            Status.failed: (Cause.claimed, Cause.refused),
            Status.unknown: (Cause.claimed, Cause.ambiguous),
            Status.suppressed: (Cause.opted_out,),
        }
        stored = store().orders.get(order["id"])
        for cause in causes[status]:
            assert stored
            stored = stored.on(cause, time.now)
            assert stored
            store().orders.replace(stored)
        assert state(order)["status"] == status
        refusals = {Status.queued: "sms_in_progress", Status.sending: "sms_in_progress"}
        answer = again(order)
        if status in refusals:
            assert (answer.status, answer.body["code"]) == (409, refusals[status])
        else:
            assert (answer.status, answer.body["sms"]["status"]) == (202, "queued")

    def test_a_replay_never_sends_even_after_fifty_resends(
        self, order: dict[str, Any], provider: FakeProvider, time: Time
    ) -> None:
        for number in range(50):
            sweep()
            time.pass_(61)
            assert again(order, key=f"key-{number}").status == 202
        sweep()
        time.pass_(61)
        answer = again(order, key="one-more")
        assert (answer.status, answer.body["code"]) == (409, "sms_too_often")
        before = len(provider)
        replay = again(order, key="key-0")
        assert (replay.status, replay.headers["idempotency-replayed"]) == (202, "true")
        sweep()
        assert len(provider) == before == 51
        causes = Counter(entry.get("cause") for entry in state(order)["history"])
        assert (causes["requested"], causes["accepted"]) == (50, 51)

    def test_a_late_report_does_not_change_a_newer_attempt(
        self, order: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows
    ) -> None:
        stream(order, rows=rows)
        old = state(order)["message_id"]
        again(order)
        report(old, "Failed")
        assert state(order)["status"] == "queued"
        time.pass_(1)
        sweep()
        report(old, "Failed")
        assert state(order)["status"] == "sent"
        assert len(provider) == 2


def test_a_stored_order_reads_back_unchanged(order: dict[str, Any], provider: FakeProvider, rows: Rows) -> None:
    stream(order, rows=rows)
    stored = store().orders.get(order["id"])
    assert stored is not None
    assert order_from_item(order_to_item(stored)) == stored


def test_a_misconfiguration_is_counted_by_reason_and_state(
    order: dict[str, Any], provider: FakeProvider, rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.answers = [refused(Kind.misconfigured, "bad_key")]
    stream(order, rows=rows)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [line["SmsMisconfigured"] for line in lines if "SmsMisconfigured" in line] == [[1]]
    assert [line["reason"] for line in lines if "reason" in line] == ["bad_key"]
    assert [(line["state"], line["SmsState"]) for line in lines if "SmsState" in line] == [("queued", [1])]


class TestRetention:
    """The sweep removes texts after SMS_TEXT_DAYS."""

    @pytest.fixture(autouse=True)
    def _ten_days(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SMS_TEXT_DAYS", "10")
        settings.cache_clear()

    def test_an_old_order_loses_text_and_number_and_a_new_one_keeps_both(
        self, order: dict[str, Any], provider: FakeProvider, rows: Rows, time: Time
    ) -> None:
        stream(order, rows=rows)
        report(state(order)["message_id"], "Success")
        time.pass_(5 * 86_400)
        young = create_order({"customer": order["customer"], "item": "desk", "amount": "5"}).body
        assert sweep() == {"sent": 1}
        time.pass_(5 * 86_400 + 1)
        assert sweep()["forgotten"] == 1
        sms = state(order)
        assert (sms["status"], sms["text"], sms["to"], sms["segments"]) == ("delivered", None, None, 1)
        assert state(young)["text"] == young["sms"]["text"]
        assert "254704590344" not in str([row for row in rows("orders") if row["id"]["S"] == order["id"]])
        assert "254704590344" not in str(
            [row for row in rows("orders") if row["id"]["S"] == f"message#{sms['message_id']}"]
        )
        assert sweep() == {}
        # A late report changes nothing.
        assert report(sms["message_id"], "Failed").status == 200
        assert state(order)["status"] == "delivered"

    def test_retention_waits_for_a_text_in_progress_and_misses_none(
        self, order: dict[str, Any], provider: FakeProvider, time: Time
    ) -> None:
        others = [create_order({"customer": order["customer"], "item": "desk", "amount": "5"}).body for _ in range(3)]
        time.pass_(11 * 86_400)
        assert sweep(part=1, parts=2).get("forgotten") is None
        provider.answers = [refused(Kind.deferred, "InsufficientBalance")]
        sweep()
        time.pass_(7200)
        sweep()
        time.pass_(60)
        sweep()
        assert {state(old)["text"] for old in [order, *others]} == {None}

    def test_a_resend_of_a_removed_text_composes_it_again(
        self, order: dict[str, Any], provider: FakeProvider, time: Time
    ) -> None:
        sweep()
        time.pass_(11 * 86_400)
        assert sweep() == {"forgotten": 1}
        again = http_event(
            "POST", "/x", {"reason": "lost phone"}, parameters={"order": order["id"]}, headers={"idempotency-key": "k"}
        )
        answer = call("resend_sms", again)
        assert answer.status == 202
        assert "idempotency-replayed" not in answer.headers
        sweep()
        assert provider.sent == [("+254704590344", order["sms"]["text"])] * 2

    def test_a_resent_text_is_kept_once_retention_is_switched_off(
        self, order: dict[str, Any], provider: FakeProvider, time: Time, environment: pytest.MonkeyPatch
    ) -> None:
        sweep()
        time.pass_(11 * 86_400)
        assert sweep() == {"forgotten": 1}
        environment.setenv("SMS_TEXT_DAYS", "0")
        forget_process_state()
        assert again(order).status == 202
        sweep()
        time.pass_(400 * 86_400)
        sweep()
        assert state(order)["text"]


@pytest.mark.parametrize(("short", "sent"), [(0.0, 1), (0.001, 0)])
def test_a_text_is_claimed_with_just_enough_time_left(
    short: float, sent: int, order: dict[str, Any], provider: FakeProvider
) -> None:
    stored = store().orders.get(order["id"])
    assert stored
    sending.sender().send([stored], seconds_left=lambda: sending.NEEDED_SECONDS - short)
    assert len(provider) == sent


def test_a_lease_that_was_renewed_since_the_look_does_not_expire(order: dict[str, Any], time: Time) -> None:
    stored = store().orders.get(order["id"])
    claimed = stored and stored.on(Cause.claimed, time.now, due_at=time.now + timedelta(seconds=30))
    assert claimed
    store().orders.replace(claimed)
    assert sweeping._expire_lease(claimed).sms.status is Status.sending
    time.pass_(31)
    assert sweeping._expire_lease(claimed).sms.status is Status.unknown


def waiting_in_one_shard(time: Time) -> list[Order]:
    """Return texts of one partition that wait for the provider, from a minute on one a second, the next one first."""
    customer = create_customer().body
    orders = [create_order(order_for(customer)).body for _ in range(160)]
    shard = due_shard(orders[0]["id"])
    waiting: list[Order] = []
    for each in orders:
        if due_shard(each["id"]) != shard:
            continue
        stored = store().orders.get(each["id"])
        assert stored
        claimed = stored.on(Cause.claimed, time.now)
        assert claimed
        due_at = time.now + timedelta(seconds=60 + len(waiting))
        waits = store().orders.replace(claimed).on(Cause.deferred, time.now, reason="http_429", due_at=due_at, counts=1)
        assert waits
        waiting.append(store().orders.replace(waits))
    return waiting


@pytest.mark.parametrize(("first", "failures", "stops"), [(3, 2, True), (3, 1, False), (2, 1, False)])
def test_ahead_of_schedule_a_sweep_stops_once_most_texts_fail(
    first: int, failures: int, stops: bool, provider: FakeProvider, time: Time, environment: pytest.MonkeyPatch
) -> None:
    waiting = waiting_in_one_shard(time)
    assert len(waiting) > 3
    environment.setattr(sweeping, "_FIRST_AHEAD", first)
    provider.answers = [refused(Kind.not_sent, "connect_failed")] * failures
    sweeping._ahead(int(due_shard(waiting[0].id)), seconds_left=lambda: 60, tried=set())
    assert (provider.asked == first) is stops


def test_ahead_of_schedule_each_look_begins_where_the_last_one_ended(
    provider: FakeProvider, time: Time, environment: pytest.MonkeyPatch
) -> None:
    waiting = waiting_in_one_shard(time)
    assert len(waiting) > 6
    environment.setattr(sweeping, "_FIRST_AHEAD", 2)
    look, began = store().due.entries, []

    def entries(shard: int, *, since: str = "", **others: Any) -> list[DueEntry]:
        began.append(since)
        return look(shard, since=since, **others)

    environment.setattr(store().due, "entries", entries)
    sweeping._ahead(int(due_shard(waiting[0].id)), seconds_left=lambda: 60, tried=set())
    assert provider.asked == len(waiting)
    # The first look finds two texts, the second the next four.
    assert began[1:3] == [waiting[1].due_at, waiting[5].due_at]
