"""The figures of a day, by rule."""

from decimal import Decimal

import pytest

from sales.domain.days import Figures, days_left
from sales.domain.orders import Order
from sales.domain.sms.segments import Content
from sales.domain.sms.states import Cause
from tests.support.orders import CALLER, again, at, new_order, then


def figures(*orders: Order) -> Figures:
    counted = Figures()
    for order in orders:
        counted.add(order)
    return counted


def sent(order: Order, cost: str | None = "KES 0.8000", message_id: str = "ATXid_1") -> Order:
    """Return the order after the provider accepted its text."""
    accepted = then(order, Cause.claimed).on(Cause.accepted, at(1), message_id=message_id, cost=cost)
    assert accepted
    return accepted


def test_an_order_counts_with_its_amount_state_and_reason() -> None:
    held = then(new_order(), Cause.opted_out)
    held = held._replace(sms=held.sms._replace(reason="opted_out"))
    assert figures(new_order(), held).public() == {
        "orders": 2, "cancelled": 0, "amounts": {"KES": "112001.36"}, "texts": 0, "segments": 0, "cost": {},
        "states": {"queued": 1, "suppressed": 1}, "reasons": {"opted_out": 1},
    }  # fmt: skip


def test_the_amounts_leave_out_cancelled_orders_and_never_mix_currencies() -> None:
    dollars = new_order()._replace(currency="USD", amount=Decimal("1.5"))
    yen = new_order()._replace(currency="JPY", amount=Decimal(7))
    shown = figures(new_order(), dollars, dollars, yen, new_order().cancelled(at(1), by=CALLER.actor)).public()
    assert (shown["orders"], shown["cancelled"]) == (5, 1)
    assert shown["amounts"] == {"JPY": "7", "KES": "56000.68", "USD": "3.00"}
    assert shown["states"] == {"queued": 4, "suppressed": 1}


def test_a_text_counts_once_the_provider_has_accepted_it() -> None:
    queued = new_order()
    for waits in (queued, then(queued, Cause.claimed), then(queued, Cause.claimed, Cause.deferred)):
        assert figures(waits).texts == 0
    for never in (Cause.refused, Cause.ambiguous, Cause.lease_expired):
        assert figures(then(queued, Cause.claimed, never)).texts == 0
    shown = figures(sent(queued)).public()
    assert (shown["texts"], shown["segments"], shown["cost"]) == (1, 1, {"KES": "0.8000"})


def test_a_report_proves_that_the_provider_accepted_the_text() -> None:
    unknown = then(new_order(), Cause.claimed, Cause.ambiguous)
    for report in (Cause.report_interim, Cause.report_failure, Cause.report_success):
        assert figures(then(unknown, report)).texts == 1
    # The answer and two reports are about one text.
    assert figures(then(sent(new_order()), Cause.report_failure, Cause.report_success)).texts == 1
    # A report that was faster than the answer, which then says the price.
    early = then(new_order(), Cause.claimed, Cause.report_success).on(Cause.accepted, at(1), cost="KES 0.8000")
    assert early
    assert figures(early).public()["cost"] == {"KES": "0.8000"}


def test_every_text_of_an_order_that_was_sent_again_counts_with_its_own_segments_and_price() -> None:
    first = sent(new_order()._replace(sms=new_order().sms._replace(content=Content("long", "GSM-7", 3))))
    asked = again(first, 61)
    asked = asked._replace(sms=asked.sms._replace(content=Content("short", "GSM-7", 1)))
    assert figures(asked).public()["segments"] == 3
    second = sent(asked, "KES 0.9000", "ATXid_2")
    assert figures(second).public() | {"texts": 2, "segments": 4, "cost": {"KES": "1.7000"}} == figures(second).public()
    # Asked for once more without success, it is still two.
    failed = then(again(second, 200), Cause.claimed, Cause.refused)
    assert figures(failed).public() | {"texts": 2, "segments": 4, "cost": {"KES": "1.7000"}} == figures(failed).public()


def test_a_text_that_was_not_accepted_adds_nothing_when_it_is_sent_again() -> None:
    for never in (Cause.refused, Cause.ambiguous):
        order = again(then(new_order(), Cause.claimed, never), 61)
        assert figures(sent(order)).texts == 1
        assert not {"earlier_segments", "earlier_cost"} & order.sms.history[-1].keys()


def test_a_price_that_cannot_be_read_is_left_out() -> None:
    for cost in (None, "", "0", "KES", "0.8 KES", "KES -1", "KES 1e3"):
        shown = figures(sent(new_order(), cost)).public()
        assert (shown["texts"], shown["cost"]) == (1, {})
    both = figures(sent(new_order()), sent(new_order(), "USD 0.0079"), sent(new_order(), "KES 1.2")).public()
    assert both["cost"] == {"KES": "2.0000", "USD": "0.0079"}


def test_neither_forgetting_nor_erasing_an_order_changes_what_its_texts_came_to() -> None:
    order = then(sent(again(sent(new_order()), 61), message_id="ATXid_2"), Cause.report_success)
    before = figures(order)
    for after in (order.without_text(), order.erased(at(99), by=CALLER.actor)):
        assert after
        assert figures(after) == before


def test_figures_are_read_as_they_are_shown() -> None:
    counted = figures(sent(new_order()), new_order().cancelled(at(1), by=CALLER.actor), sent(new_order(), "USD 0.0079"))
    assert Figures.of_public(counted.public()) == counted
    assert Figures.of_public(Figures().public()) == Figures()


def day(**cost: str) -> Figures:
    return Figures(cost={currency: Decimal(amount) for currency, amount in cost.items()})


@pytest.mark.parametrize(
    ("balance", "days", "left"),
    [
        ("100", [day(KES="10")], 10),
        ("99.99", [day(KES="10")], 9),
        ("100", [day(KES="10"), day(), day(KES="20")], 10),
        ("0.5", [day(KES="1")], 0),
        ("-3", [day(KES="1")], 0),
        ("100", [], None),
        ("100", [day(), day()], None),
        ("100", [day(KES="0.0000")], None),
        ("100", [day(USD="1")], None),
        ("100", [day(KES="1"), day(USD="1")], None),
    ],
)
def test_the_balance_lasts_as_long_as_the_mean_day_says(balance: str, days: list[Figures], left: int | None) -> None:
    assert days_left(Decimal(balance), "KES", days) == left
