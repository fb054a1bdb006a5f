"""Read the time, and write it in the one form that is stored and shown: RFC 3339 in UTC."""

from datetime import UTC, datetime, timedelta

__all__ = ["DAY_SECONDS", "format_time", "now", "parse_time", "plus", "seconds_since"]

DAY_SECONDS = 86_400.0
# The digits of a time, each as a zero, show its form. A pattern would have to be compiled at each start.
_AS_ZERO = str.maketrans("123456789", "000000000")
_DATE, _TIME, _OFFSET = "0000-00-00", "0000-00-00T00:00:00", "+00:00"
_HOUR = slice(len("2016-12-31T"), len("2016-12-31T23"))
_LEAP_SECOND = slice(len("2016-12-31T23:59:"), len("2016-12-31T23:59:60"))


def now() -> datetime:
    """Return the current time in UTC. Tests replace this function."""
    return datetime.now(UTC)


def format_time(moment: datetime) -> str:
    """Write the moment as RFC 3339 in UTC, always with six decimals and a Z, so that times sort as text."""
    # isoformat, because strftime does not pad a year below 1000 on every platform.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 time, or a date, which means midnight UTC. Raise ValueError for any other text.

    A leap second is the next month's first moment, and decimals beyond the sixth are dropped.
    """
    # T and Z may be lower case (RFC 3339, 5.6).
    text = text.upper()
    if not _has_form(text):
        raise ValueError(text)
    try:
        if len(text) == len(_DATE):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        if text[_LEAP_SECOND] == "60":
            return _after_leap_second(text)
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError:
        raise ValueError(text) from None


def _has_form(text: str) -> bool:
    """Tell whether the text has a form of RFC 3339: `fromisoformat` also reads ISO 8601's weeks, commas and short offsets."""
    shape = text.translate(_AS_ZERO)
    if shape == _DATE:
        return True
    if text.endswith("Z"):
        local, is_offset = shape[:-1], True
    else:
        local, offset = shape[: -len(_OFFSET)], shape[-len(_OFFSET) :]
        is_offset = offset.replace("-", "+") == _OFFSET and text[-2:] < "60"
    time, point, fraction = local.partition(".")
    is_fraction = bool(point) == bool(fraction) and not fraction.strip("0")
    return time == _TIME and is_fraction and is_offset and text[_HOUR] < "24"


def _after_leap_second(text: str) -> datetime:
    """Return the moment that a leap second ends with. Clocks skip it, and it is a month's last (RFC 3339, 5.7)."""
    seconds = f"{text[: _LEAP_SECOND.start]}59{text[_LEAP_SECOND.stop :]}"
    after = datetime.fromisoformat(seconds).astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
    if (after.day, after.hour, after.minute, after.second) != (1, 0, 0, 0):
        raise ValueError(text)
    return after


def plus(moment: datetime, seconds: float) -> datetime:
    """Return the moment this many seconds later; earlier where `seconds` is negative."""
    return moment + timedelta(seconds=seconds)


def seconds_since(text: str, moment: datetime) -> float:
    """Return the seconds from the time in `text` to the moment, or 0 where that time is still to come."""
    return max((moment - parse_time(text)).total_seconds(), 0.0)
