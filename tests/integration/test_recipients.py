"""A text goes to the customer as they are when it is sent, unless they opted out or their network blocks us."""

from typing import Any

import pytest

from functions.send_sms.app import handler as send_sms
from sales.africastalking.answers import NOT_NOW, Kind
from sales.domain.sms.states import LONGEST_WAIT_SECONDS
from sales.runtime.settings import settings
from sales.services.sms import send as sending
from sales.store import store
from tests.conftest import forget_process_state
from tests.integration.api import call, create_customer, create_order, list_customers, order_for
from tests.integration.sending import (
    Rows,
    Time,
    again,
    image,
    opt_out,
    patch_customer,
    report,
    shown,
    state,
    stream,
    sweep,
)
from tests.support.events import Context, form_event, http_event, stream_event
from tests.support.fakes import FakeProvider, refused

pytestmark = pytest.mark.usefixtures("tables")
OLD, NEW = "+254704590344", "+254700000002"
BLOCKED = refused(Kind.refused, "UserInBlacklist", blocked=True)


@pytest.fixture
def waiting(order: dict[str, Any], provider: FakeProvider, rows: Rows) -> dict[str, Any]:
    """An order whose text waits because the provider could not be reached."""
    provider.answers = [refused(Kind.not_sent, "connect_failed")]
    stream(order, rows=rows)
    return order


@pytest.fixture
def sender(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that changes the shop's sender id, as a deployment does."""

    def change(name: str) -> None:
        monkeypatch.setenv("SMS_SENDER", name)
        forget_process_state()

    return change


def claims(order: dict[str, Any]) -> list[str]:
    return [entry["to"] for entry in state(order)["history"] if entry.get("cause") == "claimed"]


class TestPresent:
    """Name, number and opt-out are the customer's when the text is claimed."""

    def test_a_waiting_text_goes_to_the_corrected_number(
        self, waiting: dict[str, Any], provider: FakeProvider, time: Time
    ) -> None:
        patch_customer(waiting["customer"], phone_number=NEW)
        time.pass_(LONGEST_WAIT_SECONDS)
        sweep()
        assert [number for number, _ in provider.sent] == [NEW]
        assert state(waiting)["to"] == "+2547****0002"
        assert claims(waiting) == ["+2547****0344", "+2547****0002"]

    def test_a_waiting_text_has_the_corrected_name(
        self, waiting: dict[str, Any], provider: FakeProvider, time: Time
    ) -> None:
        patch_customer(waiting["customer"], name="Jane Njeri")
        time.pass_(LONGEST_WAIT_SECONDS)
        sweep()
        [(_, text)] = provider.sent
        assert text.startswith("Dear Jane Njeri, ")
        assert state(waiting)["text"] == text

    def test_an_old_record_of_the_stream_does_not_send_to_the_old_number(
        self, order: dict[str, Any], provider: FakeProvider, rows: Rows
    ) -> None:
        old = image(order, rows)
        patch_customer(order["customer"], phone_number=NEW, name="Jane")
        stream(order, rows=rows)
        send_sms(stream_event(old), Context())
        assert [number for number, _ in provider.sent] == [NEW]

    def test_a_claim_that_lost_still_goes_to_the_corrected_number(
        self, order: dict[str, Any], provider: FakeProvider, rows: Rows
    ) -> None:
        old = store().orders.get(order["id"])
        assert old
        patch_customer(order["customer"], phone_number=NEW)
        # Another version of the order is stored meanwhile; the sender claims that one.
        store().orders.replace(old._replace(version=old.version + 1, item="another"))
        sending.sender().send([old], seconds_left=lambda: 60)
        assert [number for number, _ in provider.sent] == [NEW]

    def test_the_new_number_may_have_opted_out(
        self, waiting: dict[str, Any], provider: FakeProvider, time: Time
    ) -> None:
        opt_out(NEW)
        patch_customer(waiting["customer"], phone_number=NEW)
        time.pass_(LONGEST_WAIT_SECONDS)
        sweep()
        assert len(provider) == 0
        assert (state(waiting)["status"], state(waiting)["reason"]) == ("suppressed", "opted_out")
        assert shown(waiting["customer"])["sms_opted_out"] is True

    def test_an_opt_out_of_the_old_number_holds_back_no_text_to_the_new(
        self, waiting: dict[str, Any], provider: FakeProvider, time: Time
    ) -> None:
        patch_customer(waiting["customer"], phone_number=NEW)
        opt_out(OLD)
        time.pass_(LONGEST_WAIT_SECONDS)
        sweep()
        assert [number for number, _ in provider.sent] == [NEW]

    def test_a_text_that_is_sent_again_is_composed_anew(
        self, order: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows
    ) -> None:
        stream(order, rows=rows)
        patch_customer(order["customer"], name="Jane Njeri", phone_number=NEW)
        assert again(order).status == 202
        sweep()
        assert [number for number, _ in provider.sent] == [OLD, NEW]
        assert provider.sent[1][1].startswith("Dear Jane Njeri, ")
        assert claims(order) == ["+2547****0344", "+2547****0002"]

    def test_an_unchanged_customer_has_nothing_composed_again(
        self, order: dict[str, Any], provider: FakeProvider, rows: Rows, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sales.services.sms.content.order_content", None)
        stream(order, rows=rows)
        assert provider.sent == [(OLD, order["sms"]["text"])]


class TestBlocks:
    """A 406 is the network's refusal of our sender id for one number."""

    @pytest.fixture
    def blocked(self, order: dict[str, Any], provider: FakeProvider, rows: Rows) -> dict[str, Any]:
        provider.answers = [BLOCKED]
        stream(order, rows=rows)
        return order

    def test_it_shows_on_the_customer_and_is_no_opt_out(self, blocked: dict[str, Any]) -> None:
        assert (state(blocked)["status"], state(blocked)["reason"]) == ("failed", "UserInBlacklist")
        customer = shown(blocked["customer"])
        assert (customer["sms_blocked"], customer["sms_opted_out"]) == (True, False)

    def test_the_next_order_is_suppressed_with_its_reason(self, blocked: dict[str, Any]) -> None:
        following = create_order(order_for({"id": blocked["customer"]})).body
        assert (following["sms"]["status"], following["sms"]["reason"]) == ("suppressed", "blocked")

    def test_it_holds_for_a_later_customer_of_the_number(
        self, blocked: dict[str, Any], provider: FakeProvider, rows: Rows
    ) -> None:
        other = create_customer().body
        following = create_order(order_for(other)).body
        assert following["sms"]["status"] == "queued"
        stream(following, rows=rows)
        assert (state(following)["status"], state(following)["reason"], len(provider)) == ("suppressed", "blocked", 0)
        assert shown(other)["sms_blocked"] is True

    def test_another_sender_id_starts_afresh(
        self, blocked: dict[str, Any], provider: FakeProvider, rows: Rows, sender: Any
    ) -> None:
        sender("SHOP2")
        assert shown(blocked["customer"])["sms_blocked"] is False
        following = create_order(order_for({"id": blocked["customer"]})).body
        stream(following, rows=rows)
        assert (state(following)["status"], len(provider)) == ("sent", 1)

    def test_a_person_lifts_it_and_sends_again(
        self, blocked: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows
    ) -> None:
        following = create_order(order_for({"id": blocked["customer"]})).body
        refusal = again(following).body
        assert (refusal["code"], refusal["reason"]) == ("sms_suppressed", "blocked")
        assert patch_customer(blocked["customer"], sms_blocked=False).body["sms_blocked"] is False
        assert again(following).status == 202
        sweep()
        assert (state(following)["status"], len(provider)) == ("sent", 1)

    def test_only_the_network_sets_it(self, order: dict[str, Any]) -> None:
        answer = patch_customer(order["customer"], sms_blocked=True)
        assert (answer.status, answer.codes) == (422, {"/sms_blocked": "invalid_type"})

    def test_a_new_number_is_not_blocked(self, blocked: dict[str, Any]) -> None:
        assert patch_customer(blocked["customer"], phone_number=NEW).body["sms_blocked"] is False

    def test_it_pauses_nothing(self, order: dict[str, Any], provider: FakeProvider, rows: Rows) -> None:
        provider.answers = [BLOCKED]
        other = create_order(
            order_for(create_customer({"name": "j", "phone_number": NEW, "email": "j@x.org"}).body)
        ).body
        stream(order, rows=rows)
        stream(other, rows=rows)
        assert state(other)["status"] == "sent"

    def test_lists_show_who_is_blocked_and_who_opted_out(self, blocked: dict[str, Any]) -> None:
        other = create_customer({"name": "j", "phone_number": NEW, "email": "j@x.org"}).body
        opt_out(NEW)
        assert [row["id"] for row in list_customers(sms_blocked="true").body["data"]] == [blocked["customer"]]
        assert [row["id"] for row in list_customers(sms_opted_out="true").body["data"]] == [other["id"]]
        assert list_customers(sms_blocked="true", sms_opted_out="true").body["data"] == []
        assert list_customers(sms_blocked="false").status == 400

    def test_it_survives_an_erasure_without_the_number(
        self, blocked: dict[str, Any], provider: FakeProvider, rows: Rows
    ) -> None:
        call("erase_customer", http_event("POST", "/x", parameters={"customer": blocked["customer"]}))
        assert OLD.strip("+") not in str(rows("customers"))
        following = create_order(order_for(create_customer().body)).body
        stream(following, rows=rows)
        assert (state(following)["reason"], len(provider)) == ("blocked", 0)


class TestOptOuts:
    """A person opts out of texts from us, by STOP or as a report about a text of ours says."""

    def stop(self, sender_id: str | None) -> None:
        fields = {"phoneNumber": OLD} | ({"senderId": sender_id} if sender_id is not None else {})
        answer = call("record_opt_out", form_event("/webhooks/x", fields, {"secret": "webhook-secret"}))
        assert answer.status == 200

    @pytest.mark.parametrize(
        ("ours", "named", "counts"),
        [
            ("SHOP", "SHOP", True), ("SHOP", "shop", True), ("SHOP", None, True), ("SHOP", "", True),
            ("SHOP", "20880", False), ("", "20880", True), ("", None, True),
        ],
    )  # fmt: skip
    def test_stop_counts_only_for_our_sender_id(self, ours: str, named: str | None, counts: bool, sender: Any) -> None:
        sender(ours)
        customer = create_customer().body
        self.stop(named)
        assert shown(customer)["sms_opted_out"] is counts

    def test_a_report_opts_out_only_for_a_text_of_ours_to_that_number(
        self, order: dict[str, Any], provider: FakeProvider, rows: Rows
    ) -> None:
        stream(order, rows=rows)
        other = create_customer({"name": "j", "phone_number": NEW, "email": "j@x.org"}).body
        message_id = state(order)["message_id"]
        report("ATXid_of_somebody_else", "Failed", number=NEW, failureReason="UserInBlackList")
        report(message_id, "Failed", number=NEW, failureReason="UserInBlackList")
        assert shown(other)["sms_opted_out"] is False
        report(message_id, "Failed", failureReason="UserInBlackList")
        assert shown(order["customer"])["sms_opted_out"] is True

    def test_a_suppressed_text_goes_out_once_the_customer_agrees(
        self, order: dict[str, Any], provider: FakeProvider, time: Time, rows: Rows
    ) -> None:
        opt_out(OLD)
        stream(order, rows=rows)
        assert again(order).body["reason"] == "opted_out"
        patch_customer(order["customer"], sms_opted_out=False)
        assert again(order).status == 202
        sweep()
        assert (state(order)["status"], len(provider)) == ("sent", 1)


class TestRefusedForTheHour:
    """A 409 lasts until the regulator's window opens: not before noon of the next day is it for good."""

    @pytest.fixture(autouse=True)
    def at_night(self, time: Time) -> None:
        # 20:00 of 23 November in the shop's time.
        time.now = time.now.replace(hour=17)

    def wait(self, time: Time, provider: FakeProvider, hours: float) -> None:
        """Sweep each half hour, while every attempt is refused."""
        for _ in range(int(hours * 2)):
            time.pass_(1800)
            provider.answers = [refused(Kind.deferred, NOT_NOW)]
            sweep()

    def test_a_text_of_the_evening_goes_out_in_the_morning(
        self, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        order = create_order(order_for(create_customer().body)).body
        provider.answers = [refused(Kind.deferred, NOT_NOW)]
        stream(order, rows=rows)
        self.wait(time, provider, 15.5)
        assert (state(order)["status"], state(order)["reason"]) == ("queued", NOT_NOW)
        provider.answers = []
        time.pass_(LONGEST_WAIT_SECONDS)
        sweep()
        assert (state(order)["status"], len(provider)) == ("sent", 1)

    def test_after_noon_of_the_next_day_it_has_failed(self, time: Time, provider: FakeProvider, rows: Rows) -> None:
        order = create_order(order_for(create_customer().body)).body
        provider.answers = [refused(Kind.deferred, NOT_NOW)]
        stream(order, rows=rows)
        self.wait(time, provider, 15.5)
        assert state(order)["status"] == "queued"
        self.wait(time, provider, 2)
        assert (state(order)["status"], state(order)["reason"]) == ("failed", NOT_NOW)

    def test_many_refusals_before_noon_do_not_use_up_the_attempts(
        self, time: Time, provider: FakeProvider, rows: Rows, environment: pytest.MonkeyPatch
    ) -> None:
        environment.setenv("SMS_MAX_ATTEMPTS", "3")
        settings.cache_clear()
        sending.sender.cache_clear()
        order = create_order(order_for(create_customer().body)).body
        provider.answers = [refused(Kind.deferred, NOT_NOW)]
        stream(order, rows=rows)
        self.wait(time, provider, 8)
        assert state(order)["attempts"] > 3
        assert state(order)["status"] == "queued"


@pytest.fixture
def silent(order: dict[str, Any], provider: FakeProvider, rows: Rows) -> dict[str, Any]:
    """An order that asked for no text; the stream and the sweep have seen it."""
    body: dict[str, Any] = create_order(order_for({"id": order["customer"]}, sms=False)).body
    stream(body, rows=rows)
    sweep()
    assert {text for _, text in provider.sent} <= {order["sms"]["text"]}
    provider.sent.clear()
    return body


def test_an_order_that_asked_for_no_text_gets_none_until_a_person_sends_it(
    silent: dict[str, Any], provider: FakeProvider, rows: Rows, time: Time
) -> None:
    time.pass_(86_400)
    stream(silent, rows=rows)
    sweep()
    assert provider.sent == []
    assert state(silent)["reason"] == "not_asked"
    answer = again({"id": silent["code"].lower()})
    assert answer.status == 202
    assert (answer.body["sms"]["status"], answer.body["sms"]["reason"]) == ("queued", None)
    assert f"your order {silent['code']} for macbook m2" in answer.body["sms"]["text"]
    stream(silent, rows=rows)
    stream(silent, rows=rows)
    sweep()
    assert provider.sent == [(OLD, answer.body["sms"]["text"])]
    assert state(silent)["status"] == "sent"


def test_a_text_that_was_not_asked_for_is_sent_by_the_same_rules_as_any(silent: dict[str, Any], time: Time) -> None:
    patch_customer(silent["customer"], sms_opted_out=True)
    refusal = again(silent)
    assert (refusal.status, refusal.body["code"], refusal.body["reason"]) == (409, "sms_suppressed", "opted_out")
    patch_customer(silent["customer"], sms_opted_out=False)
    assert again(silent).status == 202
    assert again(silent, key="two").body["code"] == "sms_too_soon"


def test_a_text_follows_its_customer_with_the_code_of_its_order(
    waiting: dict[str, Any], provider: FakeProvider, time: Time
) -> None:
    patch_customer(waiting["customer"], name="Jane Doe")
    time.pass_(LONGEST_WAIT_SECONDS)
    sweep()
    assert state(waiting)["text"].startswith(f"Dear Jane Doe, your order {waiting['code']} for ")
