"""When a person may ask for an order's text again."""

import pytest

from sales.domain.orders import MOST_REQUESTS, Order
from sales.domain.problems import Problem
from sales.domain.sms.states import Cause
from sales.services.sms.resend import DEBOUNCE_SECONDS, check_resend
from tests.support.numbers import mobile
from tests.support.orders import NOW, again, at, claimed_order, new_customer, new_order, then

ALLOWED = ("+254",)
SENT = then(new_order(), Cause.claimed, Cause.accepted, message_id="ATXid_1")


def sent_again(times: int) -> Order:
    order = SENT
    for _ in range(times):
        order = then(again(order), Cause.claimed, Cause.accepted)
    return order


@pytest.mark.parametrize(
    "order",
    [SENT, then(new_order(), Cause.claimed, Cause.refused), then(new_order(), Cause.claimed, Cause.ambiguous)],
    ids=["sent", "failed", "unknown"],
)
def test_a_text_that_is_neither_under_way_nor_suppressed_may_be_sent_again(order: Order) -> None:
    check_resend(order, new_customer(), NOW, ALLOWED)


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (SENT.cancelled(NOW, by="someone"), "order_cancelled"),
        (new_order(), "sms_in_progress"),
        (claimed_order(), "sms_in_progress"),
        (sent_again(MOST_REQUESTS), "sms_too_often"),
        (sent_again(1), "sms_too_soon"),
    ],
)
def test_an_order_may_forbid_it(order: Order, code: str) -> None:
    with pytest.raises(Problem, match=code):
        check_resend(order, new_customer(), NOW, ALLOWED)


def test_a_customer_may_forbid_it() -> None:
    with pytest.raises(Problem, match="customer_erased"):
        check_resend(SENT, new_customer().without_personal_data(NOW, by="someone"), NOW, ALLOWED)
    with pytest.raises(Problem, match="sms_suppressed"):
        check_resend(SENT, new_customer()._replace(sms_opted_out=True), NOW, ALLOWED)


def test_a_number_that_the_shop_does_not_text_gets_no_text_again() -> None:
    with pytest.raises(Problem, match="sms_suppressed") as problem:
        check_resend(SENT, new_customer()._replace(phone_number=mobile("UG")), NOW, ALLOWED)
    assert "settings allow no texts" in problem.value.detail


@pytest.mark.parametrize(("seconds", "retry_after"), [(0, "61"), (0.5, "60"), (59.5, "1")])
def test_between_two_requests_there_is_a_wait_which_the_answer_names(seconds: float, retry_after: str) -> None:
    with pytest.raises(Problem, match="sms_too_soon") as problem:
        check_resend(sent_again(1), new_customer(), at(seconds), ALLOWED)
    assert problem.value.headers == {"Retry-After": retry_after}
    check_resend(sent_again(1), new_customer(), at(DEBOUNCE_SECONDS), ALLOWED)


def test_the_last_request_that_is_allowed_is_allowed() -> None:
    check_resend(sent_again(MOST_REQUESTS - 1), new_customer(), at(DEBOUNCE_SECONDS), ALLOWED)
