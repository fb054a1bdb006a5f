"""Delivery reports: what they amount to, and which order an orphaned one belongs to."""

import re
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.clock import format_time
from sales.domain.orders import Order
from sales.domain.sms.delivery_reports import (
    MATCH_SECONDS,
    DeliveryReport,
    NoMatch,
    ProviderMessage,
    fold,
    is_message_id,
    match_order,
    on_report,
    report_cause,
)
from sales.domain.sms.states import Cause, Status
from tests.support.orders import NOW, again, at, claimed_order, new_order, then

NUMBER = "+254704590344"


def message(
    *statuses: str, name: str = "ATXid_1", order: Order | None = None, attempt: int = 1, received: float = 0
) -> ProviderMessage:
    reports = frozenset(DeliveryReport(NUMBER, status, "") for status in statuses)
    return ProviderMessage(name, order.id if order else None, attempt, reports, format_time(at(received)))


@given(
    st.from_regex("(ATXid_)?[A-Za-z0-9_-]{0,66}", fullmatch=True)
    | st.sampled_from(["ATXid_" + "x" * 64, "ATXid_" + "x" * 65, "ATXid_é", "ATXid_a\n", "ATXid_٢", "atxid_a"])
)
def test_a_message_id_has_the_providers_prefix_and_up_to_64_characters(text: str) -> None:
    assert is_message_id(text) == bool(re.fullmatch("ATXid_[A-Za-z0-9_-]{1,64}", text))


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("Success", Cause.report_success),
        ("success", Cause.report_success),
        ("Sent", Cause.report_interim),
        ("Buffered", Cause.report_interim),
        ("Submitted", Cause.report_interim),
        ("Failed", Cause.report_failure),
        ("Rejected", Cause.report_failure),
        ("AbsentSubscriber", Cause.report_failure),
        ("Expired", Cause.report_failure),
        ("Anything", None),
    ],
)
def test_a_reports_status_is_read_in_either_case(status: str, cause: Cause | None) -> None:
    assert report_cause(status) is cause


class TestOneMessage:
    """The reports that came for one message."""

    def test_reports_that_say_the_same_of_the_same_number_are_one(self) -> None:
        twice = [DeliveryReport(NUMBER, "Success", "") for _ in range(2)]
        assert len(frozenset(twice)) == 1
        assert len({*twice, twice[0]._replace(number="+254700000001")}) == 2

    def test_its_number_is_the_one_that_all_its_reports_name(self) -> None:
        known = message("Sent", "Success")
        assert known.number == NUMBER
        other = DeliveryReport("+254700000001", "Success", "")
        assert known._replace(reports=known.reports | {other}).number is None
        assert message().number is None

    def test_reports_are_folded_in_a_fixed_order_whatever_order_they_came_in(self) -> None:
        for statuses in permutations(["Success", "Failed", "Submitted"]):
            assert fold(message(*statuses), NUMBER) == [
                (Cause.report_interim, None),
                (Cause.report_failure, None),
                (Cause.report_success, None),
            ]

    def test_only_a_failure_has_a_reason_and_of_several_the_first_by_name(self) -> None:
        reports = frozenset(
            DeliveryReport(NUMBER, status, reason)
            for status, reason in (
                ("Failed", ""), ("Failed", "DeliveryFailure"), ("Rejected", "UserInBlackList"), ("Success", "x"),
            )
        )  # fmt: skip
        assert fold(message()._replace(reports=reports), NUMBER) == [
            (Cause.report_failure, "DeliveryFailure"),
            (Cause.report_success, None),
        ]

    def test_reports_about_another_number_and_unknown_statuses_say_nothing(self) -> None:
        assert fold(message("Success"), "+254700000001") == []
        assert fold(message("unnamed"), NUMBER) == []

    def test_a_report_moves_the_attempt_that_its_message_is_about_and_no_later_one(self) -> None:
        sent = then(new_order(), Cause.claimed, Cause.accepted, message_id="ATXid_1")
        first = message("Success", order=sent)
        delivered = on_report(sent, first, Cause.report_success, None, NOW)
        assert delivered
        assert delivered.sms.status is Status.delivered
        assert on_report(delivered, first, Cause.report_failure, "DeliveryFailure", NOW) is None
        assert on_report(again(sent, 61), first, Cause.report_success, None, NOW) is None
        resent = then(again(sent, 61), Cause.claimed)
        assert on_report(resent, first, Cause.report_success, None, NOW) is None

    def test_a_report_about_another_message_than_the_orders_own_changes_nothing(self) -> None:
        sent = then(new_order(), Cause.claimed, Cause.accepted, message_id="ATXid_1")
        other = message("Success", name="ATXid_2", order=sent)
        assert on_report(sent, other, Cause.report_success, None, NOW) is None

    def test_a_report_that_is_faster_than_the_answer_moves_its_order(self) -> None:
        claimed = claimed_order()
        delivered = on_report(claimed, message("Success", order=claimed), Cause.report_success, None, NOW)
        assert delivered
        assert (delivered.sms.status, delivered.sms.message_id) == (Status.delivered, "ATXid_1")


class TestMatch:
    """Which order an orphaned report belongs to."""

    def unknown(self, name: str, seconds: float) -> Order:
        return then(new_order(), Cause.claimed, Cause.ambiguous, seconds=seconds)._replace(id=name)

    def match(self, received: float, *orders: Order, orphaned: tuple[float, ...] = ()) -> str:
        others = [message("Success", name=f"ATXid_{seconds}", received=seconds) for seconds in orphaned]
        own = message("Success", name="ATXid_own", received=received)
        order = match_order(own, [*orders, own, *others])
        return order.id if isinstance(order, Order) else order.value

    @pytest.mark.parametrize("claimed", [-MATCH_SECONDS, -600, 0])
    def test_the_one_text_that_was_claimed_before_the_report_is_it(self, claimed: float) -> None:
        assert self.match(0, self.unknown("a", claimed)) == "a"

    @pytest.mark.parametrize("claimed", [-MATCH_SECONDS - 1, 1, 600])
    def test_a_text_that_was_claimed_too_long_before_or_only_after_the_report_is_not(self, claimed: float) -> None:
        assert self.match(0, self.unknown("a", claimed)) == "none"

    def test_with_two_texts_nothing_is_guessed(self) -> None:
        assert self.match(0, self.unknown("a", -600), self.unknown("b", -10)) == "none"

    def test_a_text_that_a_wrong_clock_may_have_put_after_the_report_counts(self) -> None:
        assert self.match(0, self.unknown("a", -600), self.unknown("b", 59)) == "none"
        assert self.match(0, self.unknown("a", -600), self.unknown("b", 60)) == "none"
        assert self.match(0, self.unknown("a", -600), self.unknown("b", 61)) == "a"

    def test_an_attempt_before_the_last_one_counts_and_is_never_the_one(self) -> None:
        order = again(self.unknown("a", -600), -500)
        assert self.match(0, order) == "none"
        resent = then(order, Cause.claimed, Cause.accepted, seconds=-490, message_id="ATXid_2")
        assert self.match(0, resent) == "none"
        assert self.match(0, resent, self.unknown("b", -10)) == "none"
        assert self.match(0, then(order, Cause.claimed, Cause.ambiguous, seconds=-490)) == "none"

    def test_another_orphaned_report_is_a_rival_unless_it_came_before_the_text(self) -> None:
        order = self.unknown("a", -600)
        assert self.match(0, order, orphaned=(-500,)) == "none"
        assert self.match(0, order, orphaned=(1000,)) == "none"
        assert self.match(0, order, orphaned=(-659,)) == "none"
        assert self.match(0, order, orphaned=(-660,)) == "none"
        assert self.match(0, order, orphaned=(-661,)) == "a"

    def test_a_matched_message_does_not_compete_for_an_order(self) -> None:
        order = self.unknown("a", -600)
        known = message("Success", name="ATXid_known", order=new_order(), received=-500)
        assert match_order(message("Success", name="ATXid_own"), [order, known]) is order

    def test_a_text_under_way_is_waited_for(self) -> None:
        assert self.match(0, then(new_order(), Cause.claimed, seconds=-5), self.unknown("b", -600)) == NoMatch.wait
        assert self.match(0, then(new_order(), Cause.claimed, seconds=600), self.unknown("b", -600)) == "b"
