"""Orders as they are stored."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from sales.domain.sms.states import Cause
from sales.store.items import due_shard, marshal_item, unmarshal_item
from sales.store.orders import order_from_item, order_to_item
from tests.support.orders import again, claimed_order, new_order, then


def test_an_order_is_read_as_it_was_stored() -> None:
    order = claimed_order()
    assert order_from_item(unmarshal_item(marshal_item(order_to_item(order)))) == order


def test_an_order_that_was_stored_with_a_list_of_changes_is_the_same_order() -> None:
    order = claimed_order()
    item = order_to_item(order)
    # The store returns numbers as Decimal, and names in another order.
    item["sms"]["history"] = [
        {name: Decimal(value) if isinstance(value, int) else value for name, value in sorted(entry.items())}
        for entry in json.loads(item["sms"]["history"])
    ]
    assert order_from_item(item) == order
    assert json.dumps(order_from_item(item).public()) == json.dumps(order.public())


@pytest.mark.parametrize(
    ("causes", "is_open"),
    [
        ((), False),
        ((Cause.claimed,), True),
        ((Cause.claimed, Cause.ambiguous), True),
        ((Cause.claimed, Cause.accepted), False),
    ],
)
def test_an_order_with_an_open_attempt_is_found_by_its_number(causes: tuple[Cause, ...], is_open: bool) -> None:
    order = then(new_order(), *causes)
    assert order_to_item(order).get("unsettled_number") == (order.sms.to if is_open else None)


def test_it_stays_so_when_a_person_asks_again_whatever_becomes_of_that() -> None:
    order = again(then(new_order(), Cause.claimed, Cause.ambiguous), 61)
    for ends in (then(order, Cause.opted_out), then(order, Cause.claimed, Cause.accepted)):
        assert order_to_item(ends)["unsettled_number"] == order.sms.to


def test_an_order_without_its_number_is_found_by_none() -> None:
    order = claimed_order()
    assert "unsettled_number" not in order_to_item(replace(order, sms=order.sms.forgotten()))


def test_an_order_is_in_the_due_index_while_something_is_due() -> None:
    order = claimed_order()
    assert order_to_item(order)["due_shard"] == due_shard(order.id)
    assert not {"due_shard", "due_at"} & order_to_item(then(order, Cause.accepted)).keys()


def test_an_order_that_was_asked_for_as_often_as_can_be_fits_an_item() -> None:
    order = new_order()
    for number in range(50):
        order = then(order, Cause.claimed, Cause.accepted, message_id=f"ATXid_{number}")
        order = again(then(order, Cause.report_success), 61 * number)
    assert len(json.dumps(order_to_item(order), default=str)) < 100_000
