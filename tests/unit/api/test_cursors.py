"""Cursors of lists: each belongs to one list with its filters, and holds nothing but the sort key of a row."""

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.api import cursors
from sales.domain.caller import Caller
from sales.domain.clock import format_time
from sales.domain.ids import order_id
from sales.domain.problems import Problem

LISTS = ["orders", "customers", "export of 1d5f84a1-22c7-8b3e-9a41-5a0d5c2be710"]
FORM = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
    r"#[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)
POSITION = "2026-11-23T12:00:00.000000Z#7c0e1b52-6f3d-8a94-b1c8-0e9d4f7a2365"
filters = st.dictionaries(st.sampled_from(["customer", "sms_status"]), st.text(max_size=20))


@st.composite
def positions(draw: Callable[..., str]) -> str:
    """Return the sort key of an order that could be stored."""
    created = format_time(draw(st.datetimes(timezones=st.just(UTC))))
    return f"{created}#{order_id(Caller('a', 'b', frozenset()), draw(st.text(max_size=9)))}"


@given(positions(), filters, st.sampled_from(LISTS))
def test_a_cursor_only_works_with_its_list_and_filters(position: str, wanted: dict[str, str], name: str) -> None:
    cursor = cursors.encode(position, name, wanted)
    assert cursors.decode(cursor, name, wanted) == position
    for list_name, others in ((name, wanted | {"reference": "x"}), ("another list", wanted)):
        with pytest.raises(Problem, match="invalid_cursor"):
            cursors.decode(cursor, list_name, others)


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    cursor = cursors.encode(POSITION, "orders", {})
    place = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda each: each != cursor[place]))
    with pytest.raises(Problem, match="invalid_cursor"):
        cursors.decode(cursor[:place] + other + cursor[place + 1 :], "orders", {})


def test_the_other_alphabet_of_base64_is_refused() -> None:
    for number in range(50):
        wanted = {"customer": str(number)}
        cursor = cursors.encode(POSITION, "orders", wanted)
        other = cursor.replace("-", "+").replace("_", "/")
        if other != cursor:
            with pytest.raises(Problem, match="invalid_cursor"):
                cursors.decode(other, "orders", wanted)


@given(
    st.text(max_size=80)
    | st.from_regex(FORM, fullmatch=True)
    | st.tuples(st.integers(0, len(POSITION)), st.integers(0, len(POSITION)), st.text(max_size=3)).map(
        lambda change: POSITION[: change[0]] + change[2] + POSITION[change[1] :]
    ),
    filters,
    st.sampled_from(LISTS),
)
def test_a_right_checksum_does_not_make_a_position_a_rows(position: str, wanted: dict[str, str], name: str) -> None:
    cursor = cursors.encode(position, name, wanted)
    if FORM.fullmatch(position) and _is_in_the_calendar(position[:27]):
        assert cursors.decode(cursor, name, wanted) == position
    else:
        with pytest.raises(Problem, match="invalid_cursor"):
            cursors.decode(cursor, name, wanted)


def _is_in_the_calendar(time: str) -> bool:
    try:
        return bool(datetime.fromisoformat(time))
    except ValueError:
        return False


@pytest.mark.parametrize("position", ["", "\0", "2026-12-01\ue000", "2026-12-01", "x" * 64, POSITION + POSITION,
    POSITION.upper(), "2026-11-23T12:00:00.000000+00:00#7c0e1b52-6f3d-8a94-b1c8-0e9d4f7a2365",
    "2026-11-23T12:00:60.000000Z#7c0e1b52-6f3d-8a94-b1c8-0e9d4f7a2365"])  # fmt: skip
def test_a_made_up_position_is_an_invalid_cursor(position: str) -> None:
    with pytest.raises(Problem, match="invalid_cursor"):
        cursors.decode(cursors.encode(position, "orders", {}), "orders", {})


@pytest.mark.parametrize("cursor", ["", "x" * 1_000_000, "\ud800" * 96, "é" * 96, "=" * 96, "x" * 92 + "===="])
def test_what_is_no_base64_of_the_right_length_is_an_invalid_cursor(cursor: str) -> None:
    with pytest.raises(Problem, match="invalid_cursor"):
        cursors.decode(cursor, "orders", {})


def test_position_and_checksum_fill_a_cursor_without_padding() -> None:
    cursor = cursors.encode(POSITION, "orders", {})
    assert len(cursor) == 96
    assert base64.urlsafe_b64decode(cursor)[8:] == POSITION.encode()
