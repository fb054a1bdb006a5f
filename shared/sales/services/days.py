"""The figures of the shop's days: the sweep counts days that are over, a request counts those that were not counted yet."""

from collections.abc import Callable
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from sales.domain import clock
from sales.domain.clock import format_time, parse_time
from sales.domain.days import DayCount, Figures
from sales.domain.shop_time import day_of, first_moment
from sales.runtime.settings import settings
from sales.store import store
from sales.store.days import Day, DaysPosition

__all__ = ["MOST_ORDERS", "count_days", "figures_of"]

# A request counts this many orders itself.
MOST_ORDERS = 5000
_EARLIEST = "2020-01-01"
_PAGE = 1000
_DAYS = 100


def count_days(*, has_time: Callable[[], bool]) -> int:
    """Count the marked days whose mark has settled, as far as the time goes; return how many it finished.

    Days that ended since the last sweep are marked first. The next sweep goes on where this one stops.
    """
    _mark_ended(clock.now(), settings().utc_offset, has_time)
    finished = 0
    for day in store().days.due(clock.now(), _DAYS):
        if not has_time():
            break
        finished += _count(day, settings().utc_offset, has_time)
    return finished


def _mark_ended(now: datetime, zone: tzinfo, has_time: Callable[[], bool]) -> None:
    """Mark the days that are over and never were, from the first with an order; after a change of UTC_OFFSET all of them."""
    days = store().days
    _, position = days.get(())
    yesterday = _plus(day_of(now, zone), -1)
    if position and position.until >= yesterday:
        return
    if position:
        first, day = position.first, _plus(position.until, 1)
    elif first_date := store().orders.first_date():
        first = day = day_of(parse_time(first_date), zone)
    else:
        return
    until = None
    while day <= yesterday and has_time():
        days.mark(day, now)
        until, day = day, _plus(day, 1)
    if until:
        days.save_position(DaysPosition(first, until))


def _count(day: Day, zone: tzinfo, has_time: Callable[[], bool]) -> bool:
    """Count a day, or go on with its count; return whether it is finished."""
    since, until = _bounds(day.date, day.date, zone)
    count = day.counting or DayCount(format_time(clock.now()))
    for shard in range(count.shard, settings().list_shards):
        if shard != count.shard:
            count.shard, count.follows = shard, None
        while has_time():
            orders = store().orders.created_between(shard, count.follows or since, until, _PAGE)
            if not orders:
                break
            for order in orders:
                count.figures.add(order)
            count.follows = orders[-1].sort_key
        else:
            store().days.keep(day, count, clock.now())
            return False
    store().days.save(day, count, clock.now())
    return True


def figures_of(first: str, last: str) -> list[dict[str, Any]]:
    """Return the figures of the days from `first` to `last` as the API shows them, newest first, without days without orders.

    Days that are over have their last count; the others are counted now, up to MOST_ORDERS orders: what is beyond makes a
    day, and those before it, incomplete.
    """
    zone, now = settings().utc_offset, clock.now()
    first, last = max(first, _EARLIEST), min(last, day_of(now, zone))
    dates = _dates(first, last)
    days, position = store().days.get(dates)
    counted = {day.date: day for day in days if day.figures}
    # Days that no order can have are not looked for.
    wanted = [each for each in dates if each not in counted and (not position or each >= position.first)]
    fresh, complete_from = _count_now(wanted, zone)
    shown = []
    for each in reversed(dates):
        if (day := counted.get(each)) and day.figures:
            figures, counted_at, is_complete = day.figures, day.counted_at, True
        else:
            figures, counted_at = fresh.get(each, Figures()), format_time(now)
            is_complete = each not in fresh or each >= complete_from
        if figures.orders or not is_complete:
            shown.append({"date": each, **figures.public(), "counted_at": counted_at, "complete": is_complete})
    return shown


def _count_now(dates: list[str], zone: tzinfo) -> tuple[dict[str, Figures], str]:
    """Count the orders of these days, newest first; return the figures, and the first date from which they are complete."""
    figures = {each: Figures() for each in dates}
    follows, left = None, MOST_ORDERS
    while dates and left:
        since, until = _bounds(dates[0], dates[-1], zone)
        page = store().orders.page({}, since=since, until=until, follows=follows, limit=min(_PAGE, left))
        day = ""
        for order in page.rows:
            day = day_of(parse_time(order.order_date), zone)
            if day in figures:
                figures[day].add(order)
        if page.next is None:
            break
        left, follows = left - len(page.rows), page.next
        if not left:
            return figures, _plus(day, 1)
    return figures, ""


def _dates(first: str, last: str) -> list[str]:
    days = (date.fromisoformat(last) - date.fromisoformat(first)).days
    return [_plus(first, number) for number in range(days + 1)]


def _plus(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def _bounds(first: str, last: str, zone: tzinfo) -> tuple[str, str]:
    """Return the moment at which the first of these days begins, and the one at which the last ends."""
    return format_time(first_moment(first, zone)), format_time(first_moment(_plus(last, 1), zone))
