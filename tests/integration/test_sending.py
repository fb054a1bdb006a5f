"""Texts on their way: claimed, sent, settled, swept; the store in moto, the gateway a fake that counts."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from functions.send_sms.app import handler as send_sms
from functions.sweep_sms.app import handler as sweep_sms
from sales import clock, sending
from sales.gateway import Kind
from sales.orders import Order
from sales.settings import settings
from sales.store import Store, store
from tests.events import Context, form_event, http_event, stream_event
from tests.fakes import FakeGateway, accepted, refused
from tests.integration.api import Answer, call, create_customer, create_order, get, list_orders, order_for

pytestmark = pytest.mark.usefixtures("tables")
type Rows = Callable[[str], list[dict[str, Any]]]


class Time:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    found = Time()
    monkeypatch.setattr(clock, "now", lambda: found.now)
    return found


@pytest.fixture
def gateway(tables: None, monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    fake = FakeGateway()
    monkeypatch.setattr(sending, "Gateway", lambda *_, **__: fake)
    return fake


@pytest.fixture
def order(tables: None, time: Time) -> dict[str, Any]:
    body: dict[str, Any] = create_order(order_for(create_customer().body)).body
    return body


def image(order: dict[str, Any], rows: Rows) -> dict[str, Any]:
    return next(row for row in rows("orders") if row["id"]["S"] == order["id"])


def stream(*orders: dict[str, Any], rows: Rows) -> dict[str, Any]:
    return send_sms(stream_event(*(image(order, rows) for order in orders)), Context())


def sweep(seconds: float = 60, **event: int) -> dict[str, int]:
    return sweep_sms(event, Context(seconds))


def state(order: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = get("get_order", "order", order["id"]).body["sms"]
    return found


def report(
    message_id: str, status: str, number: str = "+254704590344", secret: str = "webhook-secret", **more: str
) -> Answer:
    fields = {"id": message_id, "status": status, "phoneNumber": number, "networkCode": "99999", **more}
    return call("record_delivery_report", form_event("/webhooks/x", fields, {"secret": secret}))


def test_a_new_orders_text_is_sent_once_and_the_order_shows_it(
    order: dict[str, Any], gateway: FakeGateway, rows: Rows
) -> None:
    assert stream(order, rows=rows) == {"batchItemFailures": []}
    assert gateway.sent == [("+254704590344", order["sms"]["text"])]
    sms = state(order)
    assert (sms["status"], sms["attempts"], sms["cost"]) == ("sent", 1, "KES 0.8000")
    assert sms["message_id"].startswith("ATXid_")
    assert [entry["status"] for entry in sms["history"]] == ["queued", "sending", "sent"]


def test_an_erased_customers_number_is_in_no_message_and_no_later_report_brings_it_back(
    order: dict[str, Any], gateway: FakeGateway, rows: Rows
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


def test_a_record_delivered_twice_sends_one_text(order: dict[str, Any], gateway: FakeGateway, rows: Rows) -> None:
    first = image(order, rows)
    for _ in range(3):
        send_sms(stream_event(first, first), Context())
    sweep()
    assert len(gateway) == 1


def test_an_order_the_stream_never_delivered_is_sent_by_the_sweep(order: dict[str, Any], gateway: FakeGateway) -> None:
    assert sweep() == {"sent": 1}
    assert sweep() == {}
    assert len(gateway) == 1


def test_a_part_of_the_sweep_leaves_the_others_orders_and_all_parts_leave_none(
    time: Time, gateway: FakeGateway
) -> None:
    customer = create_customer().body
    placed = [create_order(order_for(customer)) for _ in range(20)]
    sent = [sum(sweep(part=part, parts=3).values()) for part in range(3)]
    assert sum(sent) == len(gateway) == len(placed)
    assert all(sent)
    assert sweep() == {}


def test_a_cancelled_orders_text_is_not_sent_from_an_old_record(
    order: dict[str, Any], gateway: FakeGateway, rows: Rows
) -> None:
    old = image(order, rows)
    call("cancel_order", http_event("POST", "/x", parameters={"order": order["id"]}))
    send_sms(stream_event(old), Context())
    assert len(gateway) == 0
    assert state(order)["status"] == "suppressed"


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
    kind: Kind, reason: str, status: str, order: dict[str, Any], gateway: FakeGateway, rows: Rows
) -> None:
    gateway.answers = [refused(kind, reason)]
    assert stream(order, rows=rows) == {"batchItemFailures": []}
    sms = state(order)
    assert (sms["status"], sms["reason"]) == (status, reason)


def test_what_was_certainly_not_sent_is_tried_again_later_and_later(
    order: dict[str, Any], gateway: FakeGateway, time: Time, rows: Rows
) -> None:
    gateway.answers = [refused(Kind.not_sent, "connect_failed")] * 3
    stream(order, rows=rows)
    asked = []
    for second in range(1200):
        time.pass_(1)
        before = gateway.asked
        if second % 5 == 0:
            sweep()
        if gateway.asked > before:
            asked.append(second)
    assert len(gateway) == 1
    assert gateway.asked == 4
    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert waits == sorted(waits)
    assert state(order)["status"] == "sent"


def test_after_the_last_try_the_text_has_failed_and_says_why(
    order: dict[str, Any], gateway: FakeGateway, time: Time, environment: pytest.MonkeyPatch
) -> None:
    gateway.answers = [refused(Kind.deferred, "InsufficientBalance")] * 100
    for _ in range(60):
        sweep()
        time.pass_(4000)
    sms = state(order)
    assert (sms["status"], sms["reason"]) == ("failed", "InsufficientBalance")
    assert gateway.asked == settings().sms_max_attempts
    assert len(sms["history"]) <= 50


def test_a_day_without_the_gateway_loses_nothing(order: dict[str, Any], gateway: FakeGateway, time: Time) -> None:
    end = time.now + timedelta(days=1)
    while time.now < end:
        gateway.answers = [refused(Kind.not_sent, "connect_failed")]
        sweep()
        time.pass_(300)
    gateway.answers = []
    time.pass_(3600)
    sweep()
    assert state(order)["status"] == "sent"
    assert len(gateway) == 1


def test_once_the_gateway_is_back_texts_do_not_wait_for_their_next_try(gateway: FakeGateway, time: Time) -> None:
    customer = create_customer().body
    early = [create_order(order_for(customer)).body for _ in range(5)]
    for _ in range(6):
        gateway.answers = [refused(Kind.not_sent, "connect_failed")] * 5
        sweep()
        time.pass_(1200)
    late = create_order(order_for(customer)).body
    gateway.answers = [refused(Kind.not_sent, "connect_failed")] * 6
    sweep()
    time.pass_(40)
    gateway.answers = []
    # Only the newest one is due; that it goes out shows that all can.
    assert sweep() == {"sent": 6}
    assert {state(order)["status"] for order in (*early, late)} == {"sent"}
    assert len(gateway) == 6


def test_a_text_that_was_refused_by_itself_waits_though_the_gateway_is_back(gateway: FakeGateway, time: Time) -> None:
    customer = create_customer().body
    refusal = refused(Kind.deferred, "InsufficientBalance")
    gateway.answers = [refusal, refusal]
    waits = create_order(order_for(customer)).body
    sweep()
    time.pass_(40)
    sweep()
    create_order(order_for(customer))
    gateway.answers = [refused(Kind.not_sent, "connect_failed")]
    sweep()
    time.pass_(40)
    assert sweep() == {"sent": 1}
    assert state(waits)["status"] == "queued"


def test_while_the_gateway_is_down_no_text_is_tried_before_its_time(gateway: FakeGateway, time: Time) -> None:
    customer = create_customer().body
    for _ in range(3):
        create_order(order_for(customer))
        gateway.answers = [refused(Kind.not_sent, "connect_failed")] * 9
        sweep()
        time.pass_(13)
    asked = gateway.asked
    sweep()
    assert gateway.asked == asked + 1


def test_an_ambiguous_text_is_never_sent_again_by_itself(
    order: dict[str, Any], gateway: FakeGateway, time: Time, rows: Rows
) -> None:
    gateway.answers = [refused(Kind.unknown, "timeout")]
    stream(order, rows=rows)
    for _ in range(20):
        time.pass_(600)
        sweep()
        stream(order, rows=rows)
    assert len(gateway) == 1
    assert state(order)["status"] == "unknown"
    assert [row["id"] for row in list_orders(sms_status="unknown").body["data"]] == [order["id"]]


def test_a_sender_that_never_came_back_leaves_unknown_when_its_lease_ends(
    order: dict[str, Any], gateway: FakeGateway, time: Time, rows: Rows
) -> None:
    class Killed(BaseException):
        pass

    def die() -> Any:
        raise Killed

    gateway.answers = [die]
    with pytest.raises(Killed):
        stream(order, rows=rows)
    assert state(order)["status"] == "sending"
    sweep()
    assert state(order)["status"] == "sending"
    time.pass_(settings().sms_lease_seconds + 1)
    sweep()
    assert (state(order)["status"], state(order)["reason"]) == ("unknown", "lease_expired")
    assert len(gateway) == 0


def test_a_wrong_key_pauses_sending_burns_nothing_and_all_goes_out_after_the_fix(
    order: dict[str, Any], gateway: FakeGateway, time: Time, rows: Rows
) -> None:
    others = [create_order(order_for({"id": order["customer"]})).body for _ in range(12)]
    gateway.answers = [refused(Kind.misconfigured, "bad_key")] * 1000
    stream(order, rows=rows)
    asked = gateway.asked
    stream(*others, rows=rows)
    sweep()
    assert gateway.asked == asked
    for _ in range(8):
        time.pass_(settings().sms_pause_seconds + 1)
        sweep()
    assert state(order)["attempts"] == 0
    gateway.answers = []
    time.pass_(settings().sms_pause_seconds + 1)
    sweep()
    assert len(gateway) == 13
    assert {state(each)["status"] for each in (order, *others)} == {"sent"}


def test_who_opted_out_while_the_text_waited_gets_none(
    order: dict[str, Any], gateway: FakeGateway, time: Time, rows: Rows
) -> None:
    gateway.answers = [refused(Kind.not_sent, "connect_failed")]
    stream(order, rows=rows)
    fields = {"senderId": "SHOP", "phoneNumber": "+254704590344"}
    assert call("record_opt_out", form_event("/webhooks/x", fields, {"secret": "webhook-secret"})).status == 200
    time.pass_(3600)
    sweep()
    assert len(gateway) == 0
    assert (state(order)["status"], state(order)["reason"]) == ("suppressed", "opted_out")
    assert get("get_customer", "customer", order["customer"]).body["sms_opted_out"] is True


def test_a_number_on_the_gateways_blacklist_opts_its_customers_out(
    order: dict[str, Any], gateway: FakeGateway, rows: Rows
) -> None:
    gateway.answers = [refused(Kind.refused, "UserInBlacklist", opted_out=True)]
    stream(order, rows=rows)
    assert state(order)["status"] == "failed"
    assert get("get_customer", "customer", order["customer"]).body["sms_opted_out"] is True


def test_a_batch_is_handed_back_when_the_store_fails_and_sends_nothing_twice(
    order: dict[str, Any], gateway: FakeGateway, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sales.errors import Problem

    def broken(*_: Any) -> Any:
        raise Problem("unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "replace_order", broken)
        assert stream(order, rows=rows) == {"batchItemFailures": [{"itemIdentifier": f"{1:021d}"}]}
    assert len(gateway) == 0
    stream(order, rows=rows)
    assert len(gateway) == 1


def test_no_text_is_claimed_with_too_little_time_left(order: dict[str, Any], gateway: FakeGateway, rows: Rows) -> None:
    send_sms(stream_event(image(order, rows)), Context(seconds=5))
    assert state(order)["status"] == "queued"
    assert len(gateway) == 0


class TestDeliveryReports:
    @pytest.fixture
    def sent(self, order: dict[str, Any], gateway: FakeGateway, rows: Rows) -> dict[str, Any]:
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
    def test_reports_move_the_order_forward_whatever_their_order(
        self, statuses: list[str], ends: str, sent: dict[str, Any], gateway: FakeGateway
    ) -> None:
        for status in statuses:
            assert report(sent["message_id"], status).status == 200
        assert state(sent)["status"] == ends
        assert len(gateway) == 1

    def test_a_report_with_a_wrong_number_changes_nothing(self, sent: dict[str, Any]) -> None:
        assert report(sent["message_id"], "Success", number="+254700000001").status == 200
        assert state(sent)["status"] == "sent"

    def test_a_report_with_a_wrong_secret_is_404_and_changes_nothing(self, sent: dict[str, Any]) -> None:
        answer = report(sent["message_id"], "Success", secret="guess")
        assert (answer.status, answer.body["code"]) == (404, "not_found")
        assert state(sent)["status"] == "sent"

    def test_both_the_current_and_the_previous_secret_are_taken(self, sent: dict[str, Any]) -> None:
        from sales import secrets
        from sales.store import aws_client

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
        self, order: dict[str, Any], gateway: FakeGateway, rows: Rows
    ) -> None:
        def overtaken() -> Any:
            report("ATXid_fast", "Success")
            return accepted("ATXid_fast")

        gateway.answers = [overtaken]
        stream(order, rows=rows)
        sms = state(order)
        assert (sms["status"], sms["message_id"], sms["cost"]) == ("delivered", "ATXid_fast", "KES 0.8000")

    def test_a_report_settles_the_one_unknown_text_it_can_belong_to(
        self, order: dict[str, Any], gateway: FakeGateway, time: Time, rows: Rows
    ) -> None:
        gateway.answers = [refused(Kind.unknown, "timeout")]
        stream(order, rows=rows)
        report("ATXid_lost", "Success")
        time.pass_(10)
        sweep()
        sms = state(order)
        assert (sms["status"], sms["message_id"]) == ("delivered", "ATXid_lost")
        report("ATXid_lost", "Failed")
        assert state(order)["status"] == "delivered"

    def test_with_two_candidates_nothing_is_guessed(
        self, order: dict[str, Any], gateway: FakeGateway, time: Time, rows: Rows
    ) -> None:
        other = create_order(order_for({"id": order["customer"]})).body
        gateway.answers = [refused(Kind.unknown, "timeout")] * 2
        stream(order, other, rows=rows)
        report("ATXid_lost", "Success")
        for _ in range(12):
            time.pass_(600)
            sweep()
        assert {state(each)["status"] for each in (order, other)} == {"unknown"}

    def test_a_report_waits_for_a_text_that_is_still_under_way(
        self, order: dict[str, Any], gateway: FakeGateway, time: Time, rows: Rows
    ) -> None:
        class Killed(BaseException):
            pass

        def die() -> Any:
            report("ATXid_lost", "Success")
            raise Killed

        gateway.answers = [die]
        with pytest.raises(Killed):
            stream(order, rows=rows)
        for _ in range(40):
            time.pass_(5)
            sweep()
        assert (state(order)["status"], len(gateway)) == ("delivered", 0)

    def test_reports_in_any_number_and_order_send_nothing(
        self, sent: dict[str, Any], gateway: FakeGateway, time: Time
    ) -> None:
        for number in range(60):
            report(sent["message_id"] if number % 2 else f"ATXid_{number}", ["Success", "Failed", "Sent"][number % 3])
        time.pass_(100)
        sweep()
        assert len(gateway) == 1


class TestAskingAgain:
    @pytest.fixture
    def failed(self, order: dict[str, Any], gateway: FakeGateway, rows: Rows) -> dict[str, Any]:
        gateway.answers = [refused(Kind.refused, "InvalidPhoneNumber")]
        stream(order, rows=rows)
        return order

    def again(
        self, order: dict[str, Any], key: str | None = "one", reason: str = "lost phone", **headers: str
    ) -> Answer:
        headers |= {"Idempotency-Key": key} if key else {}
        event = http_event("POST", "/x", {"reason": reason}, headers=headers, parameters={"order": order["id"]})
        return call("resend_sms", event)

    def test_one_new_attempt_goes_out_with_the_next_sweep(
        self, failed: dict[str, Any], gateway: FakeGateway, time: Time
    ) -> None:
        answer = self.again(failed)
        assert (answer.status, answer.body["sms"]["status"]) == (202, "queued")
        time.pass_(1)
        sweep()
        sms = state(failed)
        assert (sms["status"], sms["attempts"], len(gateway)) == ("sent", 2, 1)
        assert [entry.get("reason") for entry in sms["history"] if entry.get("cause") == "requested"] == ["lost phone"]

    def test_the_same_key_again_is_the_same_attempt(
        self, failed: dict[str, Any], gateway: FakeGateway, time: Time
    ) -> None:
        self.again(failed)
        time.pass_(1)
        sweep()
        answer = self.again(failed)
        assert (answer.status, answer.headers["idempotency-replayed"]) == (202, "true")
        time.pass_(100)
        sweep()
        assert len(gateway) == 1
        assert self.again(failed, reason="other").body["code"] == "idempotency_key_reused"

    def test_it_minds_the_version_and_a_replay_is_answered_whatever_that_is_by_then(
        self, failed: dict[str, Any], gateway: FakeGateway, time: Time
    ) -> None:
        stale = self.again(failed, **{"If-Match": '"1"'})
        assert (stale.status, stale.body["code"]) == (412, "version_mismatch")
        current = stale.headers["etag"]
        first = self.again(failed, **{"If-Match": f'"1", {current}'})
        assert (first.status, first.headers["etag"] != current) == (202, True)
        time.pass_(1)
        sweep()
        replay = self.again(failed, **{"If-Match": current})
        assert (replay.status, replay.headers["idempotency-replayed"]) == (202, "true")
        assert self.again(failed, key="two", **{"If-Match": current}).status == 412
        assert len(gateway) == 1

    def test_a_key_is_required(self, failed: dict[str, Any]) -> None:
        answer = self.again(failed, key=None)
        assert (answer.status, answer.body["code"]) == (400, "idempotency_key_required")

    def test_only_one_a_minute_and_the_refusal_does_not_use_the_key_up(
        self, failed: dict[str, Any], gateway: FakeGateway, time: Time
    ) -> None:
        self.again(failed)
        time.pass_(10)
        sweep()
        answer = self.again(failed, key="two")
        assert (answer.status, answer.body["code"], answer.headers["retry-after"]) == (409, "sms_too_soon", "51")
        time.pass_(51)
        assert self.again(failed, key="two").status == 202

    def test_a_text_on_its_way_a_suppressed_one_and_a_cancelled_order_are_refused(
        self, failed: dict[str, Any], order: dict[str, Any], time: Time
    ) -> None:
        other = create_order(order_for({"id": order["customer"]})).body
        assert self.again(other).body["code"] == "sms_in_progress"
        call(
            "update_customer",
            http_event("PATCH", "/x", {"sms_opted_out": True}, parameters={"customer": order["customer"]}),
        )
        assert self.again(failed).body["code"] == "sms_suppressed"
        call("cancel_order", http_event("POST", "/x", parameters={"order": failed["id"]}))
        assert self.again(failed).body["code"] == "order_cancelled"

    def test_a_late_report_of_the_attempt_before_does_not_touch_the_new_one(
        self, order: dict[str, Any], gateway: FakeGateway, time: Time, rows: Rows
    ) -> None:
        stream(order, rows=rows)
        old = state(order)["message_id"]
        self.again(order)
        report(old, "Failed")
        assert state(order)["status"] == "queued"
        time.pass_(1)
        sweep()
        report(old, "Failed")
        assert state(order)["status"] == "sent"
        assert len(gateway) == 2


def test_what_is_stored_reads_back_the_same(order: dict[str, Any], gateway: FakeGateway, rows: Rows) -> None:
    stream(order, rows=rows)
    there = store().order(order["id"])
    assert there is not None
    assert Order.from_item(there.to_item()) == there


def test_a_fault_in_the_configuration_is_counted_with_its_reason_and_so_is_every_state(
    order: dict[str, Any], gateway: FakeGateway, rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.answers = [refused(Kind.misconfigured, "bad_key")]
    stream(order, rows=rows)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [line["SmsMisconfigured"] for line in lines if "SmsMisconfigured" in line] == [[1]]
    assert [line["reason"] for line in lines if "reason" in line] == ["bad_key"]
    assert [(line["state"], line["SmsState"]) for line in lines if "SmsState" in line] == [("queued", [1])]


class TestRetention:
    """Texts are forgotten after SMS_TEXT_DAYS."""

    @pytest.fixture(autouse=True)
    def _ten_days(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SMS_TEXT_DAYS", "10")
        settings.cache_clear()

    def test_an_old_order_has_neither_text_nor_number_and_a_young_one_both(
        self, order: dict[str, Any], gateway: FakeGateway, rows: Rows, time: Time
    ) -> None:
        stream(order, rows=rows)
        report(state(order)["message_id"], "Success")
        time.pass_(5 * 86_400)
        young = create_order({"customer": order["customer"], "item": "desk", "amount": "5"}).body
        assert sweep() == {"sent": 1}
        time.pass_(5 * 86_400 + 1)
        assert sweep() == {"forgotten": 1}
        sms = state(order)
        assert (sms["status"], sms["text"], sms["to"], sms["segments"]) == ("delivered", None, None, 1)
        assert state(young)["text"] == young["sms"]["text"]
        assert "254704590344" not in str([row for row in rows("orders") if row["id"]["S"] == order["id"]])
        assert "254704590344" not in str(
            [row for row in rows("orders") if row["id"]["S"] == f"message#{sms['message_id']}"]
        )
        assert sweep() == {}
        # Late, and it changes nothing.
        assert report(sms["message_id"], "Failed").status == 200
        assert state(order)["status"] == "delivered"

    def test_a_text_on_its_way_is_waited_for_and_none_is_passed_over(
        self, order: dict[str, Any], gateway: FakeGateway, time: Time
    ) -> None:
        others = [create_order({"customer": order["customer"], "item": "desk", "amount": "5"}).body for _ in range(3)]
        time.pass_(11 * 86_400)
        assert sweep(part=1, parts=2).get("forgotten") is None
        gateway.answers = [refused(Kind.deferred, "InsufficientBalance")]
        sweep()
        time.pass_(7200)
        sweep()
        time.pass_(60)
        sweep()
        assert {state(each)["text"] for each in [order, *others]} == {None}

    def test_a_forgotten_text_that_is_asked_for_again_is_written_anew(
        self, order: dict[str, Any], gateway: FakeGateway, time: Time
    ) -> None:
        sweep()
        time.pass_(11 * 86_400)
        assert sweep() == {"forgotten": 1}
        again = http_event(
            "POST", "/x", {"reason": "lost phone"}, parameters={"order": order["id"]}, headers={"idempotency-key": "k"}
        )
        assert call("resend_sms", again).status == 202
        sweep()
        assert gateway.sent == [("+254704590344", order["sms"]["text"])] * 2
