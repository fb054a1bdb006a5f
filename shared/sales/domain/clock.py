"""Read the time, and write it in the one form that is stored and shown: RFC 3339 in UTC."""

from datetime import UTC, datetime, timedelta

__all__ = ["DAY_SECONDS", "format_time", "now", "parse_time", "plus", "seconds_since"]

DAY_SECONDS = 86_400.0
_DATE_LENGTH = len("2026-01-01")


def now() -> datetime:
    """Return the current time in UTC. Tests replace this function."""
    return datetime.now(UTC)


def format_time(moment: datetime) -> str:
    """Write the moment as RFC 3339 in UTC, always with six decimals and a Z, so that times sort as text."""
    # isoformat, because strftime does not pad a year below 1000 on every platform.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 time, or a date, which means midnight UTC. Raise ValueError for any other text."""
    if not text.isascii() or len(text) < _DATE_LENGTH:
        raise ValueError(text)
    if len(text) == _DATE_LENGTH:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    # T and Z may be lower case (RFC 3339, 5.6).
    text = text.upper()
    moment = datetime.fromisoformat(text)
    # fromisoformat also accepts ISO 8601 forms that RFC 3339 does not have: basic dates, weeks, no T, no offset.
    if text[4] != "-" or text[10] != "T" or text[13:14] != ":" or moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(UTC)


def plus(moment: datetime, seconds: float) -> datetime:
    """Return the moment this many seconds later; earlier where `seconds` is negative."""
    return moment + timedelta(seconds=seconds)


def seconds_since(text: str, moment: datetime) -> float:
    """Return the seconds from the time in `text` to the moment, or 0 where that time is still to come."""
    return max((moment - parse_time(text)).total_seconds(), 0.0)
