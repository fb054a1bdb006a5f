"""Cursors of lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.api import cursors
from sales.domain.problems import Problem


@given(st.text(max_size=80), st.dictionaries(st.sampled_from(["customer", "sms_status"]), st.text(max_size=20)))
def test_a_cursor_only_works_with_its_list_and_filters(position: str, filters: dict[str, str]) -> None:
    cursor = cursors.encode(position, "orders", filters)
    assert cursors.decode(cursor, "orders", filters) == position
    for list_name, others in (("orders", filters | {"reference": "x"}), ("customers", filters)):
        with pytest.raises(Problem, match="invalid_cursor"):
            cursors.decode(cursor, list_name, others)


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    cursor = cursors.encode("2026-11-23T12:00:00.000000Z#id", "orders", {})
    place = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda each: each != cursor[place]))
    with pytest.raises(Problem, match="invalid_cursor"):
        cursors.decode(cursor[:place] + other + cursor[place + 1 :], "orders", {})
