"""The figures of days, recounted from what the API shows of every order; and a shop whose day ends soon."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from tests.support.system import System, until

# After one of these the provider has the text.
_ACCEPTED = {"accepted", "report_interim", "report_failure", "report_success"}


def offset_before_midnight(minutes: int) -> str:
    """Return the distance from UTC of a place where it is less than so many minutes to midnight, at least one fewer."""
    now = datetime.now(UTC)
    east = (24 * 60 - minutes - now.hour * 60 - now.minute) % (24 * 60)
    # From -12:00 to +12:00.
    east -= 24 * 60 if east > 12 * 60 else 0
    return f"{'-' if east < 0 else '+'}{abs(east) // 60:02}:{abs(east) % 60:02}"


def recount(orders: Iterable[dict[str, Any]], offset: str) -> dict[str, dict[str, Any]]:
    """Return the figures of each day in the time at this distance from UTC, newest first."""
    days: dict[str, list[dict[str, Any]]] = {}
    zone = _zone(offset)
    for order in orders:
        day = datetime.fromisoformat(order["order_date"]).astimezone(zone).date().isoformat()
        days.setdefault(day, []).append(order)
    return {day: _figures(days[day]) for day in sorted(days, reverse=True)}


def _figures(orders: list[dict[str, Any]]) -> dict[str, Any]:
    amounts: defaultdict[str, Decimal] = defaultdict(Decimal)
    cost: defaultdict[str, Decimal] = defaultdict(Decimal)
    texts: list[tuple[int, str | None]] = []
    for order in orders:
        if order["status"] != "cancelled":
            amounts[order["currency"]] += Decimal(order["amount"])
        is_accepted = False
        for entry in order["sms"]["history"]:
            is_accepted |= entry.get("cause") in _ACCEPTED
            if entry.get("cause") == "requested" and is_accepted:
                texts.append((entry["earlier_segments"], entry.get("earlier_cost")))
                is_accepted = False
        if is_accepted:
            texts.append((order["sms"]["segments"], order["sms"]["cost"]))
    for _, stated in texts:
        if stated:
            currency, _, price = stated.partition(" ")
            cost[currency] += Decimal(price)
    return {
        "orders": len(orders),
        "cancelled": sum(order["status"] == "cancelled" for order in orders),
        "amounts": {currency: str(amount) for currency, amount in amounts.items()},
        "texts": len(texts),
        "segments": sum(segments for segments, _ in texts),
        "cost": {currency: str(sum_) for currency, sum_ in cost.items()},
        "states": dict(Counter(order["sms"]["status"] for order in orders)),
        "reasons": dict(Counter(order["sms"]["reason"] for order in orders if order["sms"]["reason"])),
    }


def differing_days(system: System, offset: str, *, settle_seconds: float) -> dict[str, Any]:
    """Return the days whose figures differ from a recount, once a day is over and counted; nothing may change any more."""
    recounted = recount(system.orders(), offset)
    zone = _zone(offset)
    patience = timedelta(seconds=3 * settle_seconds + 30)
    began = datetime.now(UTC)

    def shown() -> dict[str, dict[str, Any]] | None:
        days = {day["date"]: day for day in system.call("GET", "days").body["data"]}
        midnight = datetime.combine(datetime.now(zone).date(), time(), zone)
        if min(days) >= midnight.date().isoformat():
            return None
        is_same = {day: _without_time(figures) for day, figures in days.items()} == recounted
        # Before the sweep has counted a day, the API counts it for each answer.
        is_counted = all(
            datetime.fromisoformat(figures["counted_at"]) < datetime.now(UTC) - timedelta(seconds=2)
            for day, figures in days.items()
            if day < midnight.date().isoformat()
        )
        return days if (is_same and is_counted) or datetime.now(UTC) > max(began, midnight) + patience else None

    days = until(shown, seconds=patience.total_seconds() + 200, every=3)
    return {
        day: (_without_time(days[day]) if day in days else None, recounted.get(day))
        for day in days.keys() | recounted.keys()
        if day not in days or _without_time(days[day]) != recounted.get(day)
    }


def _zone(offset: str) -> tzinfo:
    zone = datetime.fromisoformat(f"2000-01-01T00:00{offset}").tzinfo
    assert zone
    return zone


def _without_time(day: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in day.items() if name not in ("date", "counted_at", "complete")}
