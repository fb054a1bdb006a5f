"""Orders as they are stored."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from sales.domain.clock import format_time
from sales.domain.customers import Customer
from sales.domain.delivery_reports import Adoption, adopter
from sales.domain.orders import Order
from sales.domain.sms.segments import Content
from sales.domain.sms.states import Cause, Status

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = 3600.0


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def new_order() -> Order:
    customer = Customer.new(
        id="c", code="K7M2Q9XH", name="john doe", phone_number="+254704590344", email="john@example.com", now=NOW,
        fingerprint="f", shards=1,
    )  # fmt: skip
    return Order.new(
        id="o", customer=customer, item="macbook m2", amount=Decimal("56000.68"), currency="KES", reference=None,
        content=Content("text", "GSM-7", 1), now=NOW, client="client", fingerprint="f", shards=1,
    )  # fmt: skip


def then(order: Order, *causes: Cause, seconds: float = 0, message_id: str | None = None) -> Order:
    """The order after all this happened, which must each time change it."""
    for cause in causes:
        after = order.on(cause, at(seconds), message_id=message_id)
        assert after, cause
        order = after
    return order


def again(order: Order, seconds: float = 0) -> Order:
    after = order.requested_again(
        at(seconds), key=f"key at {seconds}", fingerprint="f", reason="lost", to=order.sms.to, content=order.sms.content
    )
    assert after
    return after


def claimed_order() -> Order:
    claimed = new_order().on(Cause.claimed, NOW, due_at=at(60))
    assert claimed
    return claimed


def test_an_order_is_read_as_it_was_stored() -> None:
    order = claimed_order()
    assert Order.from_item(order.to_item()) == order


def test_an_order_that_was_stored_with_a_list_of_changes_is_the_same_order() -> None:
    order = claimed_order()
    item = order.to_item()
    # As the store hands it back: numbers as Decimal, names in an order of its own.
    item["sms"]["history"] = [
        {name: Decimal(value) if isinstance(value, int) else value for name, value in sorted(entry.items())}
        for entry in json.loads(item["sms"]["history"])
    ]
    assert Order.from_item(item) == order
    assert json.dumps(Order.from_item(item).public()) == json.dumps(order.public())


class TestCancelledUnderWay:
    """An order that is cancelled, or whose customer is erased, while its text is with the gateway."""

    @pytest.mark.parametrize("cause", [Cause.deferred, Cause.misconfigured])
    def test_a_text_that_was_not_taken_does_not_wait_for_another_try(self, cause: Cause) -> None:
        cancelled = claimed_order().cancelled(at(1))
        assert cancelled.sms.status is Status.sending
        after = cancelled.on(cause, at(2), reason="http_429", due_at=at(30), counts=1)
        assert after
        assert (after.sms.status, after.sms.reason, after.due_at) == (Status.suppressed, "order_cancelled", None)
        assert after.version == cancelled.version + 1
        assert [entry.get("reason") for entry in after.sms.history[-2:]] == ["http_429", "order_cancelled"]

    def test_nor_does_one_whose_customer_was_erased(self) -> None:
        order = claimed_order()
        erased = replace(order, sms=replace(order.sms, to="", content=Content("", "GSM-7", 1)))
        after = erased.on(Cause.deferred, at(2), reason="http_429", due_at=at(30), counts=1)
        assert after
        assert (after.sms.status, after.sms.reason) == (Status.suppressed, "customer_erased")

    @pytest.mark.parametrize(
        ("cause", "status"),
        [(Cause.accepted, Status.sent), (Cause.refused, Status.failed), (Cause.ambiguous, Status.unknown)],
    )
    def test_any_other_answer_is_the_truth_as_ever(self, cause: Cause, status: Status) -> None:
        assert then(claimed_order().cancelled(at(1)), cause).sms.status is status


def test_why_a_text_did_not_arrive_stays_when_the_answer_comes_after_the_report() -> None:
    reported = claimed_order().on(Cause.report_failure, at(1), reason="UserInBlackList", message_id="ATXid_1")
    assert reported
    answered = reported.on(Cause.accepted, at(2), message_id="ATXid_1", cost="KES 0.8000")
    assert answered
    assert (answered.sms.status, answered.sms.reason) == (Status.undelivered, "UserInBlackList")
    assert answered.sms.cost == "KES 0.8000"


class TestHistory:
    """What is kept of an order's changes."""

    def test_of_many_tries_that_sent_nothing_the_newest_are_kept_and_of_everything_else_all(self) -> None:
        order = then(new_order(), Cause.claimed, Cause.accepted, message_id="ATXid_1")
        order = then(order, Cause.report_failure)
        order = then(again(order, 61), Cause.claimed, Cause.ambiguous)
        order = again(order, 122)
        for number in range(200):
            order = then(order, Cause.claimed, Cause.deferred if number % 2 else Cause.misconfigured)
        order = then(order, Cause.claimed, Cause.accepted, message_id="ATXid_2")
        kept = [entry.get("cause") for entry in order.sms.history]
        assert len(kept) <= 50
        assert kept[:8] == [
            None, "claimed", "accepted", "report_failure", "requested", "claimed", "ambiguous", "requested",
        ]  # fmt: skip
        assert kept[-4:] == ["claimed", "deferred", "claimed", "accepted"]
        assert order.message_ids == {"ATXid_1", "ATXid_2"}
        assert order.open_attempts == {2: format_time(NOW)}

    def test_an_order_that_was_asked_for_as_often_as_can_be_keeps_every_attempt(self) -> None:
        order = new_order()
        for number in range(50):
            order = then(order, Cause.claimed, Cause.accepted, message_id=f"ATXid_{number}")
            order = again(then(order, Cause.report_success), 61 * number)
        assert len(order.message_ids) == len(order.sms.requests) == 50
        assert sum(entry.get("cause") == "requested" for entry in order.sms.history) == 50
        assert len(json.dumps(order.to_item(), default=str)) < 100_000


class TestOpenAttempts:
    """Attempts of which nobody knows what became; by them a report of an unknown message finds its text."""

    @pytest.mark.parametrize(
        ("causes", "is_open"),
        [
            ((), False),
            ((Cause.claimed,), True),
            ((Cause.claimed, Cause.ambiguous), True),
            ((Cause.claimed, Cause.lease_expired), True),
            ((Cause.claimed, Cause.lease_expired, Cause.accepted), False),
            ((Cause.claimed, Cause.accepted), False),
            ((Cause.claimed, Cause.refused), False),
            ((Cause.claimed, Cause.deferred), False),
            ((Cause.claimed, Cause.misconfigured, Cause.claimed), True),
            ((Cause.claimed, Cause.ambiguous, Cause.report_success), False),
        ],
    )
    def test_an_attempt_is_open_until_something_is_known_of_it(self, causes: tuple[Cause, ...], is_open: bool) -> None:
        order = then(new_order(), *causes)
        assert bool(order.open_attempts) is is_open
        assert order.to_item().get("unsettled_number") == (order.sms.to if is_open else None)

    def test_it_stays_open_when_a_person_asks_again_whatever_becomes_of_that(self) -> None:
        order = then(new_order(), Cause.claimed, Cause.ambiguous)
        order = again(order, 61)
        assert order.open_attempts == {1: format_time(NOW)}
        for ends in (then(order, Cause.opted_out), then(order, Cause.claimed, Cause.accepted)):
            assert ends.open_attempts == {1: format_time(NOW)}
            assert ends.to_item()["unsettled_number"] == order.sms.to


class TestAdopter:
    """Whose text a report is about whose message nobody knows."""

    def unknown(self, name: str, seconds: float) -> Order:
        return replace(then(new_order(), Cause.claimed, Cause.ambiguous, seconds=seconds), id=name)

    def found(self, received: float, *orders: Order, strangers: tuple[float, ...] = ()) -> str:
        came = [format_time(at(seconds)) for seconds in strangers]
        found = adopter(format_time(at(received)), orders, came, window_seconds=HOUR)
        return found.id if isinstance(found, Order) else found.value

    @pytest.mark.parametrize("claimed", [-HOUR, -600, 0])
    def test_the_one_text_that_was_claimed_before_the_report_is_it(self, claimed: float) -> None:
        assert self.found(0, self.unknown("a", claimed)) == "a"

    @pytest.mark.parametrize("claimed", [-HOUR - 1, 1, 600])
    def test_a_text_that_was_claimed_too_long_before_or_only_after_the_report_is_not(self, claimed: float) -> None:
        assert self.found(0, self.unknown("a", claimed)) == "none"

    def test_with_two_texts_nothing_is_guessed(self) -> None:
        assert self.found(0, self.unknown("a", -600), self.unknown("b", -10)) == "none"

    def test_a_text_that_a_wrong_clock_may_have_put_after_the_report_counts(self) -> None:
        assert self.found(0, self.unknown("a", -600), self.unknown("b", 59)) == "none"
        assert self.found(0, self.unknown("a", -600), self.unknown("b", 61)) == "a"

    def test_an_attempt_before_the_last_one_counts_and_is_never_the_one(self) -> None:
        order = again(self.unknown("a", -600), -500)
        resent = then(order, Cause.claimed, Cause.accepted, seconds=-490, message_id="ATXid_2")
        assert self.found(0, resent) == "none"
        assert self.found(0, resent, self.unknown("b", -10)) == "none"
        assert self.found(0, then(order, Cause.claimed, Cause.ambiguous, seconds=-490)) == "none"

    def test_another_message_that_nobody_knows_is_a_rival_unless_it_came_before_the_text(self) -> None:
        order = self.unknown("a", -600)
        assert self.found(0, order, strangers=(-500,)) == "none"
        assert self.found(0, order, strangers=(1000,)) == "none"
        assert self.found(0, order, strangers=(-659,)) == "none"
        assert self.found(0, order, strangers=(-661,)) == "a"

    def test_a_text_under_way_is_waited_for(self) -> None:
        assert self.found(0, then(new_order(), Cause.claimed, seconds=-5), self.unknown("b", -600)) == Adoption.wait
        assert self.found(0, then(new_order(), Cause.claimed, seconds=600), self.unknown("b", -600)) == "b"
