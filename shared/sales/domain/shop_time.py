"""The shop's own days and hours: at a fixed distance from UTC."""

from datetime import date, datetime, time, timedelta, tzinfo

__all__ = ["day_of", "first_moment", "next_midnight", "next_noon", "parse_offset"]

# The inhabited world's distances from UTC, in hours.
_WEST, _EAST = -12, 14


def parse_offset(text: str) -> tzinfo:
    """Return the shop's distance from UTC, such as `+03:00`. Raise ValueError for any other text."""
    try:
        zone = datetime.fromisoformat(f"2000-01-01T00:00{text}").tzinfo
    except ValueError:
        zone = None
    offset = zone.utcoffset(None) if zone else None
    if (
        zone is None
        or offset is None
        or len(text) != len("+03:00")
        or text[4] > "5"  # Python reads +03:60 as +04:00
        or not _WEST <= offset.total_seconds() / 3600 <= _EAST
    ):
        raise ValueError("must be a distance from UTC, such as +03:00")
    return zone


def day_of(moment: datetime, zone: tzinfo) -> str:
    """Return the shop's date at this moment, such as 2026-11-29."""
    return moment.astimezone(zone).date().isoformat()


def first_moment(day: str, zone: tzinfo) -> datetime:
    """Return when this day of the shop begins."""
    return datetime.combine(date.fromisoformat(day), time(), zone)


def next_midnight(moment: datetime, zone: tzinfo) -> datetime:
    """Return when the shop's next day begins."""
    return _on_the_next_day(moment, zone, hour=0)


def next_noon(moment: datetime, zone: tzinfo) -> datetime:
    """Return noon of the shop's next day."""
    return _on_the_next_day(moment, zone, hour=12)


def _on_the_next_day(moment: datetime, zone: tzinfo, *, hour: int) -> datetime:
    tomorrow = moment.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(hour), zone)
