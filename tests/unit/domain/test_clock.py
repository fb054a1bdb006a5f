"""Times as they are stored and shown."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.clock import format_time, parse_time, plus, seconds_since


def test_times_sort_as_text() -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
    assert format_time(early) == "2026-01-01T00:00:00.000000Z" < format_time(late)


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_times_of_any_year_read_back_unchanged_and_sort_as_text(one: datetime, two: datetime) -> None:
    assert parse_time(format_time(one)) == one
    assert (format_time(one) < format_time(two)) == (one < two)


def test_a_year_below_1000_has_four_digits() -> None:
    assert format_time(parse_time("0300-01-01")) == "0300-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    "text",
    ["2026-01-02t03:04:05z", "2026-01-02T03:04:05z", "2026-01-02t06:04:05+03:00", "2026-01-02t03:04:05.000Z"],
)
def test_t_and_z_may_be_lower_case(text: str) -> None:
    assert parse_time(text) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["20260101", "2026-01-01 00:00:00Z", "2026-W01-1", "2026-01-01T00Z", "x" * 10, "２０２６-01-01"]
)
def test_a_form_that_rfc_3339_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)


def test_plus_adds_seconds_and_seconds_since_counts_them_but_never_below_zero() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert plus(moment, -0.5) == datetime(2025, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC)
    assert seconds_since(format_time(moment), plus(moment, 90)) == 90
    assert seconds_since(format_time(plus(moment, 1)), moment) == 0
