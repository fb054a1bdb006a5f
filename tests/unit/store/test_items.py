"""The stored form of what the store keeps."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.customers import ErasureNote
from sales.domain.delivery_reports import DeliveryReport, ProviderMessage
from sales.domain.sms.states import Cause
from sales.store.items import (
    DUE_SHARDS,
    PAUSE_ID,
    RETENTION_ID,
    customer_from_item,
    customer_to_item,
    due_shard,
    email_key,
    erasure_item_id,
    is_control,
    marshal_item,
    message_item_id,
    opt_out_key,
    order_from_item,
    order_to_item,
    reference_to_item,
    report_to_text,
    row_from_item,
    unmarshal_item,
)
from tests.support.orders import NOW, again, claimed_order, new_customer, new_order, then

VALUES = st.recursive(
    st.text() | st.booleans() | st.integers().map(Decimal) | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_what_is_marshalled_reads_back_the_same(item: dict[str, Any]) -> None:
    assert unmarshal_item(marshal_item(item)) == item


def test_sets_read_back_and_what_is_none_is_left_out() -> None:
    assert marshal_item({"a": None, "b": frozenset({"y", "x"})}) == {"b": {"SS": ["x", "y"]}}
    assert unmarshal_item({"b": {"SS": ["x", "y"]}}) == {"b": frozenset({"x", "y"})}


@pytest.mark.parametrize("value", [1.5, {1}, b"x", object()])
def test_a_value_of_another_kind_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        marshal_item({"a": value})


def test_an_unknown_kind_of_value_is_refused() -> None:
    with pytest.raises(TypeError):
        unmarshal_item({"a": {"B": "eA=="}})


class TestCustomers:
    def test_a_customer_is_read_as_it_was_stored(self) -> None:
        customer = new_customer()
        assert customer_from_item(unmarshal_item(marshal_item(customer_to_item(customer)))) == customer

    def test_an_erased_customer_is_in_no_index_by_number_or_email(self) -> None:
        erased = new_customer().without_personal_data(NOW)
        item = customer_to_item(erased)
        assert not {"name", "phone_number", "email", "email_key"} & item.keys()
        assert customer_from_item(item) == erased

    def test_a_customer_is_found_by_email_in_either_case(self) -> None:
        assert customer_to_item(new_customer())["email_key"] == email_key("JOHN@example.com")

    def test_an_opt_out_is_kept_without_its_number(self) -> None:
        assert "254704590344" not in opt_out_key("+254704590344")
        assert opt_out_key("+254704590344") != opt_out_key("+254704590345")


class TestOrders:
    def test_an_order_is_read_as_it_was_stored(self) -> None:
        order = claimed_order()
        assert order_from_item(unmarshal_item(marshal_item(order_to_item(order)))) == order

    def test_an_order_that_was_stored_with_a_list_of_changes_is_the_same_order(self) -> None:
        order = claimed_order()
        item = order_to_item(order)
        # As the store hands it back: numbers as Decimal, names in an order of its own.
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
    def test_an_order_with_an_open_attempt_is_found_by_its_number(
        self, causes: tuple[Cause, ...], is_open: bool
    ) -> None:
        order = then(new_order(), *causes)
        assert order_to_item(order).get("unsettled_number") == (order.sms.to if is_open else None)

    def test_it_stays_so_when_a_person_asks_again_whatever_becomes_of_that(self) -> None:
        order = again(then(new_order(), Cause.claimed, Cause.ambiguous), 61)
        for ends in (then(order, Cause.opted_out), then(order, Cause.claimed, Cause.accepted)):
            assert order_to_item(ends)["unsettled_number"] == order.sms.to

    def test_an_order_without_its_number_is_found_by_none(self) -> None:
        order = claimed_order()
        assert "unsettled_number" not in order_to_item(replace(order, sms=order.sms.forgotten()))

    def test_an_order_is_in_the_due_index_while_something_is_due(self) -> None:
        order = claimed_order()
        assert order_to_item(order)["due_shard"] == due_shard(order.id)
        assert not {"due_shard", "due_at"} & order_to_item(then(order, Cause.accepted)).keys()

    def test_an_order_that_was_asked_for_as_often_as_can_be_fits_an_item(self) -> None:
        order = new_order()
        for number in range(50):
            order = then(order, Cause.claimed, Cause.accepted, message_id=f"ATXid_{number}")
            order = again(then(order, Cause.report_success), 61 * number)
        assert len(json.dumps(order_to_item(order), default=str)) < 100_000


class TestRows:
    """What an item of the orders table is about."""

    def test_an_order_is_an_order(self) -> None:
        order = claimed_order()
        assert row_from_item(order_to_item(order)) == order

    def test_a_message_has_its_reports_and_its_order_if_that_is_known(self) -> None:
        report = DeliveryReport("+254704590344", "Failed", "DeliveryFailure")
        item = {"id": message_item_id("ATXid_1"), "reports": frozenset({report_to_text(report)}), "received_at": "t"}
        assert row_from_item(item) == ProviderMessage("ATXid_1", None, 0, frozenset({report}), "t")
        linked = row_from_item({"id": message_item_id("ATXid_1"), "order_id": "o", "attempt": Decimal(2)})
        assert linked == ProviderMessage("ATXid_1", "o", 2, frozenset(), None)

    @pytest.mark.parametrize("due", [{"due_at": "t"}, {}])
    def test_an_erasure_is_a_note_that_says_whether_it_is_due(self, due: dict[str, str]) -> None:
        item = {"id": erasure_item_id("K7M2Q9XH"), "customer": "c"} | due
        assert row_from_item(item) == ErasureNote("c", "K7M2Q9XH", due.get("due_at"))

    @pytest.mark.parametrize(
        "item",
        [reference_to_item(new_order()), {"id": PAUSE_ID}, {"code": "optout#x"}, customer_to_item(new_customer())],
    )
    def test_anything_else_is_none_of_these(self, item: dict[str, Any]) -> None:
        assert row_from_item(item) is None

    def test_the_pause_and_the_position_of_retention_are_controls_and_nothing_else_is(self) -> None:
        assert all(map(is_control, (PAUSE_ID, RETENTION_ID)))
        assert not any(map(is_control, ("o", message_item_id("ATXid_1"), erasure_item_id("c"))))


def test_items_are_spread_over_all_partitions_of_the_due_index() -> None:
    assert {due_shard(f"order-{number}") for number in range(200)} == {str(shard) for shard in range(DUE_SHARDS)}
