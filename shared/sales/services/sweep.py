"""The sweep: finds by the due index what nobody has looked after, and looks after it."""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from sales.africastalking.answers import OUTAGES
from sales.africastalking.client import PROVIDER_SECONDS
from sales.domain import clock
from sales.domain.clock import format_time
from sales.domain.customers import Item
from sales.domain.orders import DUE_SHARDS, Order
from sales.domain.problems import Problem
from sales.domain.sms.states import LONGEST_WAIT_SECONDS, Status
from sales.runtime import log, metrics
from sales.services.delivery_reports import adopt
from sales.services.erase import finish_erasure
from sales.services.retention import forget_old_texts, forget_text
from sales.services.send import MARGIN_SECONDS, expire_lease, noting, sender
from sales.store import message_of, store

__all__ = ["sweep"]

# What one look takes from a partition of the due index: enough to keep the sender busy, few enough that what is read is
# still true when its turn comes.
_LOOK = 100
# Of those that are not due yet the first look takes no more than this: what came through once may have been luck.
_FIRST_AHEAD = 25
# A report whose message nobody knows may belong to a text of the last hour; interim reports come within minutes.
_ADOPTION_SECONDS = 3600.0

type _Left = Callable[[], float]


def sweep(*, seconds_left: _Left, part: int = 0, parts: int = 1) -> Counter[str]:
    """Looks after everything that is due, as far as the time goes; how many ended in which state.

    Each of `parts` sweeps, numbered from 0, has its own partitions of the due index: a process sends no faster than its
    processor lets it. Once the gateway takes texts again after an outage, those that wait for it are sent before their
    next try is due. Sweeps may overlap each other and the stream: each text is claimed before it is sent.
    """
    ended: Counter[str] = Counter()
    oldest: list[str] = []
    tried: set[str] = set()
    shards = [str(shard) for shard in range(part, DUE_SHARDS, parts)]
    with ThreadPoolExecutor(len(shards)) as threads:
        for look in (partial(_due, oldest=oldest, tried=tried), partial(_ahead, tried=tried)):
            for counted in threads.map(partial(look, seconds_left=seconds_left), shards):
                ended.update(counted)
            if not ended.pop("recovered", 0):
                break
    if part == 0:
        ended["forgotten"] += forget_old_texts(has_time=lambda: _has_time(seconds_left))
    ended = +ended
    _measure(ended, oldest)
    return ended


def _measure(ended: Counter[str], oldest: list[str]) -> None:
    """Says how late the sweep is and how long texts wait; each time, since silence means that nobody sweeps."""
    now = clock.now()
    for finding, found in ended.items():
        metrics.count("SweepFound", found, finding=finding)
    metrics.count("OldestDue", max((clock.seconds_since(due, now) for due in oldest), default=0))
    try:
        waiting = [Order.from_item(item) for item in store().longest_queued()]
    except Problem as problem:
        log.warning("waiting texts not measured", code=problem.code)
        return
    waits = (clock.seconds_since(order.asked_at, now) for order in waiting)
    metrics.count("OldestQueued", max(waits, default=0))


def _has_time(seconds_left: _Left) -> bool:
    return seconds_left() > PROVIDER_SECONDS + MARGIN_SECONDS


def _due(shard: str, *, seconds_left: _Left, oldest: list[str], tried: set[str]) -> Counter[str]:
    """Looks after what is due in a partition; `recovered` counts the looks that found an outage to be over.

    When what it found first was due goes to `oldest`, whose texts it tried to `tried`. What the store refuses for one
    keeps nobody else waiting; Problem is raised at the end.
    """
    ended: Counter[str] = Counter()
    failed: list[Problem] = []
    while _has_time(seconds_left) and not failed:
        found = store().due(shard, until=format_time(clock.now()), limit=_LOOK)
        if not found:
            break
        oldest.append(found[0].at)
        items, _, pause = store().for_sending([each.id for each in found], [])
        for each in items:
            if each.startswith("message#"):
                with noting(failed):
                    adopt(store(), message_of(items[each]), window_seconds=_ADOPTION_SECONDS)
                    ended["reports"] += 1
        orders = _orders(items)
        for order in orders:
            if order.sms.status is Status.sending:
                with noting(failed):
                    ended[expire_lease(store(), order).sms.status.value] += 1
            elif order.sms.status is not Status.queued and order.due_at and order.due_at == order.text_until:
                with noting(failed):
                    forget_text(order)
                    ended["forgotten"] += 1
        queued = [order for order in orders if order.sms.status is Status.queued]
        tried.update(order.id for order in queued)
        states = _send(queued, paused=pause is not None and pause.holds(clock.now()), seconds_left=seconds_left)
        ended.update(states)
        for each in items:
            # Last, since it may take long: it is due until it is done.
            if each.startswith("erasure#") and "due_at" in items[each]:
                finish_erasure(items[each])
                ended["erasures"] += 1
        ended["recovered"] += bool(states["sent"]) and any(order.sms.reason in OUTAGES for order in queued)
        # Paused, or at the end of the time: the rest stays due, and the next sweep finds it.
        if len(found) < _LOOK or states["left"]:
            break
    if failed:
        raise failed[0]
    return ended


def _ahead(shard: str, *, seconds_left: _Left, tried: set[str]) -> Counter[str]:
    """Sends what a partition has waiting for a gateway that is back, more and more at once, until most of it fails again.

    Nobody is tried twice by one sweep: what failed a moment ago would only add to what the gateway has too much of.
    """
    ended: Counter[str] = Counter()
    now = clock.now()
    since, until = format_time(now), format_time(clock.plus(now, LONGEST_WAIT_SECONDS))
    most = _FIRST_AHEAD
    while _has_time(seconds_left):
        found = store().due(shard, since=since, until=until, limit=most)
        items, _, _ = store().for_sending([each.id for each in found], [])
        waiting = [
            order
            for order in _orders(items)
            if order.sms.status is Status.queued
            and order.sms.reason in OUTAGES
            and order.id not in tried
            and not order.is_due(now)
        ]
        tried.update(order.id for order in waiting)
        states = _send(waiting, paused=False, seconds_left=seconds_left, early=True)
        ended.update(states)
        # A page that ends where it began has one moment only; whoever made it so waits for it.
        if len(found) < most or found[-1].at == since or states["left"] or states["sent"] * 2 < len(waiting):
            break
        since, most = found[-1].at, min(2 * most, _LOOK)
    return ended


def _orders(items: Mapping[str, Item]) -> list[Order]:
    return [Order.from_item(item) for item in items.values() if "sms" in item]


def _send(orders: list[Order], *, paused: bool, seconds_left: _Left, early: bool = False) -> Counter[str]:
    _, opted_out, _ = store().for_sending([], orders)
    return sender().send_read(orders, opted_out, paused=paused, seconds_left=seconds_left, early=early, backlog=True)
