"""Items of the orders table become orders, messages and notes; sending can be paused."""

from decimal import Decimal
from typing import Any

import pytest

from sales.domain.clock import format_time
from sales.domain.customers import ErasureNote
from sales.domain.sms.delivery_reports import ProviderMessage
from sales.store.customers import customer_to_item
from sales.store.due import RETENTION_ID, Pause, SendingState, is_control, row_from_item
from sales.store.orders import order_to_item
from sales.store.provider_messages import message_item_id
from tests.support.orders import NOW, at, claimed_order, new_customer


def test_an_order_is_an_order() -> None:
    order = claimed_order()
    assert row_from_item(order_to_item(order)) == order


def test_a_message_is_a_message() -> None:
    row = row_from_item({"id": message_item_id("ATXid_1"), "order_id": "o", "attempt": Decimal(2)})
    assert row == ProviderMessage("ATXid_1", "o", 2, frozenset(), None)


@pytest.mark.parametrize("due", [{"due_at": "t"}, {}])
def test_an_erasure_is_a_note_that_says_whether_it_is_due(due: dict[str, str]) -> None:
    item = {"id": "erasure#K7M2Q9XH", "customer": "c"} | due
    assert row_from_item(item) == ErasureNote("c", "K7M2Q9XH", due.get("due_at"))


@pytest.mark.parametrize(
    "item",
    [
        {"id": "reference#c#r", "order_id": "o"},
        {"id": "control#sms"},
        {"code": "optout#x"},
        customer_to_item(new_customer()),
    ],
)
def test_anything_else_is_none_of_these(item: dict[str, Any]) -> None:
    assert row_from_item(item) is None


def test_controls_are_told_from_everything_else() -> None:
    assert all(map(is_control, ("control#sms", RETENTION_ID)))
    assert not any(map(is_control, ("o", message_item_id("ATXid_1"), "erasure#c")))


@pytest.mark.parametrize(("seconds", "paused"), [(1, True), (0, False), (-1, False)])
def test_a_pause_ends_at_its_moment(seconds: float, paused: bool) -> None:
    state = SendingState(frozenset(), frozenset(), Pause(format_time(at(seconds)), "bad_key"))
    assert state.is_paused(NOW) is paused
    assert not SendingState(frozenset(), frozenset(), None).is_paused(NOW)
