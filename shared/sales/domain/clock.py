"""The time: the one place that reads it, and the one form it is stored and shown in."""

from datetime import UTC, datetime, timedelta

__all__ = ["DAY_SECONDS", "after", "format_time", "now", "parse_time", "seconds_since"]

DAY_SECONDS = 86_400.0


def now() -> datetime:
    """The current time in UTC. Tests replace this function, never the clock."""
    return datetime.now(UTC)


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC, always with six decimals and a Z, so that text order is time order."""
    # isoformat, because strftime does not pad a year below 1000 everywhere.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_time(text: str) -> datetime:
    """The moment an RFC 3339 time or a date (midnight UTC) names. Raises ValueError for anything else."""
    if not text.isascii() or len(text) < len("2026-01-01"):
        raise ValueError(text)
    if len(text) == len("2026-01-01"):
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    # RFC 3339, 5.6: T and Z may be lower case.
    text = text.upper()
    moment = datetime.fromisoformat(text)
    # It knows only the extended form with a T, and no time without an offset; fromisoformat takes more.
    if text[4] != "-" or text[10] != "T" or text[13:14] != ":" or moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(UTC)


def after(moment: datetime, seconds: float) -> datetime:
    """The moment that many seconds later."""
    return moment + timedelta(seconds=seconds)


def seconds_since(text: str, moment: datetime) -> float:
    """Seconds from the time this text names to the moment; none less than 0."""
    return max((moment - parse_time(text)).total_seconds(), 0.0)
