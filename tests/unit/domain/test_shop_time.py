"""The shop's own time: its distance from UTC."""

from datetime import timedelta

import pytest

from sales.domain.shop_time import parse_offset


@pytest.mark.parametrize(
    ("text", "hours"),
    [("-12:00", -12), ("-00:00", 0), ("-03:30", -3.5), ("+00:00", 0), ("+03:00", 3), ("+05:45", 5.75), ("+14:00", 14)],
)
def test_every_distance_from_utc_is_read(text: str, hours: float) -> None:
    assert parse_offset(text).utcoffset(None) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "Z", "3", "+3:00", "+0300", "03:00", "+03:00:00", "-12:01", "+14:01", "+03:60"])
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as \+03:00"):
        parse_offset(text)
