"""Values in DynamoDB's form."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.clock import parse_time
from sales.store.items import DUE_SHARDS, due_shard, expiry, marshal_item, unmarshal_item

VALUES = st.recursive(
    st.text() | st.booleans() | st.integers().map(Decimal) | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_a_marshalled_item_reads_back_unchanged(item: dict[str, Any]) -> None:
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


def test_items_are_spread_over_all_partitions_of_the_due_index() -> None:
    assert {due_shard(f"order-{number}") for number in range(200)} == {str(shard) for shard in range(DUE_SHARDS)}


def test_an_item_that_only_late_reports_need_expires_after_thirty_days() -> None:
    assert expiry(parse_time("2026-11-01T08:00:00Z")) == parse_time("2026-12-01T08:00:00Z").timestamp()
