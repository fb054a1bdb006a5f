"""Orders as they are stored."""

import ast
import json
from pathlib import Path

import pytest

from sales.domain.sms.states import Cause
from sales.store import orders
from sales.store.items import due_shard, marshal_item, unmarshal_item
from sales.store.orders import order_from_item, order_to_item
from tests.support.orders import again, claimed_order, new_order, then


def test_an_order_is_read_as_it_was_stored() -> None:
    order = claimed_order()
    assert order_from_item(unmarshal_item(marshal_item(order_to_item(order)))) == order


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
    assert "unsettled_number" not in order_to_item(order._replace(sms=order.sms.forgotten()))


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


def test_only_two_methods_write_orders_and_the_one_that_changes_them_marks_the_day() -> None:
    source = ast.parse(Path(orders.__file__).read_text())
    writers = {
        method.name
        for method in ast.walk(source)
        if isinstance(method, ast.FunctionDef)
        and any(isinstance(node, ast.Name) and node.id == "order_to_item" for node in ast.walk(method))
    }
    assert writers == {"add", "_replacing"}
    others = (Path(orders.__file__).parents[1]).rglob("*.py")
    assert [path.name for path in others if "order_to_item" in path.read_text()] == ["orders.py"]
