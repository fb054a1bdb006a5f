"""Times as they are stored and shown."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
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


# RFC 3339, 5.6, read by another machine than ours. The days of months and offsets of a day are the calendar's to check.
GRAMMAR = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))?"
)


@pytest.mark.parametrize(
    "text",
    [
        "20260101",
        "2026-01-01 00:00:00Z",
        "2026-W01-1",
        "2026-W48-7T00:00:00Z",
        "2026-W48-7",
        "2026-001",
        "2026-01-01T00Z",
        "2026-01-01T00:00Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00+03",
        "2026-01-01T00:00:00+0300",
        "2026-01-01T00:00:00+03:60",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+03:00:30",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-02-30",
        "2026-02-30T00:00:00Z",
        "0000-01-01",
        "0001-01-01T00:00:00+03:00",
        "9999-12-31T23:59:59-03:00",
        "x" * 10,
        "",
        "２０２６-01-01",
        "2026-01-01\n",
        "2026-01-01T00:00:00Z\n",
    ],
)
def test_a_form_that_rfc_3339_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)


@given(st.from_regex(GRAMMAR, fullmatch=True) | st.text("0123569TZtzW.,:+- ", min_size=9, max_size=26))
@example("2026-01-01T00:00:00.1234567Z")
@example("2026-01-01T00:00:00-00:00")
def test_a_time_is_read_exactly_where_the_grammar_has_it(text: str) -> None:
    try:
        moment = parse_time(text)
    except ValueError:
        if GRAMMAR.fullmatch(text):
            # The grammar has it, the calendar does not.
            with pytest.raises((ValueError, OverflowError)):
                datetime.fromisoformat(text.upper()).astimezone(UTC)
    else:
        assert GRAMMAR.fullmatch(text)
        wanted = datetime.fromisoformat(text.upper())
        assert moment == (wanted if wanted.tzinfo else wanted.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    ["2016-12-31T23:59:60Z", "2017-01-01t02:59:60.75+03:00", "2016-12-31T20:29:60-03:30"],
)
def test_a_leap_second_is_the_next_months_first_moment(text: str) -> None:
    assert parse_time(text) == datetime(2017, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["2016-12-30T23:59:60Z", "2016-12-31T22:59:60Z", "2016-12-31T23:58:60Z", "2016-12-31T23:59:61Z",
     "2016-12-31T23:59:60+03:00", "2016-12-31T23:59:60", "9999-12-31T23:59:60Z"],
)  # fmt: skip
def test_a_leap_second_that_does_not_end_a_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)


def test_plus_adds_seconds_and_seconds_since_counts_them_but_never_below_zero() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert plus(moment, -0.5) == datetime(2025, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC)
    assert seconds_since(format_time(moment), plus(moment, 90)) == 90
    assert seconds_since(format_time(plus(moment, 1)), moment) == 0
