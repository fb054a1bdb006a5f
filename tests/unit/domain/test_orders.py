"""Orders: the moves of their texts, and what is kept of them."""

import pytest

from sales.domain.clock import format_time
from sales.domain.sms.segments import Content
from sales.domain.sms.states import Cause, Status
from tests.support.orders import NOW, again, at, claimed_order, new_order, then


class TestCancelledUnderWay:
    """An order is cancelled, or its customer erased, while the provider has the text."""

    @pytest.mark.parametrize("cause", [Cause.deferred, Cause.misconfigured])
    def test_a_text_that_was_not_taken_does_not_wait_for_another_try(self, cause: Cause) -> None:
        cancelled = claimed_order().cancelled(at(1), by="someone")
        assert cancelled.sms.status is Status.sending
        after = cancelled.on(cause, at(2), reason="http_429", due_at=at(30), counts=1)
        assert after
        assert (after.sms.status, after.sms.reason, after.due_at) == (Status.suppressed, "order_cancelled", None)
        assert after.version == cancelled.version + 1
        assert [entry.get("reason") for entry in after.sms.history[-2:]] == ["http_429", "order_cancelled"]

    def test_nor_does_one_whose_customer_was_erased(self) -> None:
        order = claimed_order()
        erased = order._replace(sms=order.sms._replace(to="", content=Content("", "GSM-7", 1)))
        after = erased.on(Cause.deferred, at(2), reason="http_429", due_at=at(30), counts=1)
        assert after
        assert (after.sms.status, after.sms.reason) == (Status.suppressed, "customer_erased")

    @pytest.mark.parametrize(
        ("cause", "status"),
        [(Cause.accepted, Status.sent), (Cause.refused, Status.failed), (Cause.ambiguous, Status.unknown)],
    )
    def test_any_other_answer_is_the_truth_as_ever(self, cause: Cause, status: Status) -> None:
        assert then(claimed_order().cancelled(at(1), by="someone"), cause).sms.status is status


def test_why_a_text_did_not_arrive_stays_when_the_answer_comes_after_the_report() -> None:
    reported = claimed_order().on(Cause.report_failure, at(1), reason="UserInBlackList", message_id="ATXid_1")
    assert reported
    answered = reported.on(Cause.accepted, at(2), message_id="ATXid_1", cost="KES 0.8000")
    assert answered
    assert (answered.sms.status, answered.sms.reason) == (Status.undelivered, "UserInBlackList")
    assert answered.sms.cost == "KES 0.8000"


class TestErasure:
    """A customer is erased, and with it what orders hold about them."""

    def test_a_forgotten_text_does_not_hide_a_name_that_is_still_there(self) -> None:
        forgotten = then(new_order(), Cause.claimed, Cause.accepted).without_text()
        assert forgotten
        assert forgotten.sms.is_forgotten
        assert forgotten.customer_name
        erased = forgotten.erased(at(5), by="someone")
        assert erased
        assert (erased.customer_name, erased.customer_language, erased.fingerprint) == ("", None, "")
        assert erased.erased(at(6), by="someone") is None

    def test_a_text_is_forgotten_once_both_its_words_and_its_number_are_gone(self) -> None:
        sms = new_order().sms
        assert not sms._replace(to="").is_forgotten
        assert not sms._replace(content=Content("", "GSM-7", 1)).is_forgotten
        assert sms.forgotten().is_forgotten

    def test_only_a_text_under_way_is_looked_at_again(self) -> None:
        under_way = claimed_order().erased(at(5), by="someone")
        assert under_way
        assert under_way.due_at == format_time(at(60))
        sent = then(new_order(), Cause.claimed, Cause.accepted)._replace(due_at=format_time(at(90)))
        over = sent.erased(at(5), by="someone")
        assert over
        assert over.due_at is None


class TestHistory:
    """The changes that an order keeps."""

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


class TestOpenAttempts:
    """Attempts whose outcome we do not know; an orphaned report is matched to them."""

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

    def test_it_stays_open_when_a_person_asks_again_whatever_becomes_of_that(self) -> None:
        order = then(new_order(), Cause.claimed, Cause.ambiguous)
        order = again(order, 61)
        assert order.open_attempts == {1: format_time(NOW)}
        for ends in (then(order, Cause.opted_out), then(order, Cause.claimed, Cause.accepted)):
            assert ends.open_attempts == {1: format_time(NOW)}
