"""The sweep: finds in the due index what nothing else has taken care of, and takes care of it."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from sales.africastalking.answers import OUTAGES
from sales.domain import clock
from sales.domain.clock import format_time
from sales.domain.customers import ErasureNote
from sales.domain.orders import Order
from sales.domain.problems import Problem
from sales.domain.sms.delivery_reports import ProviderMessage
from sales.domain.sms.states import LONGEST_WAIT_SECONDS, Cause, Status, backoff
from sales.runtime import log, metrics
from sales.runtime.settings import settings
from sales.services.days import count_days
from sales.services.erase import finish_erasure
from sales.services.retention import forget_old_texts, forget_text
from sales.services.sms.delivery_reports import match_report
from sales.services.sms.limits import LIMIT, held_window
from sales.services.sms.send import NEEDED_SECONDS, collecting, sender
from sales.store import store
from sales.store.due import DUE_SHARDS, Account

__all__ = ["sweep"]

# One look reads at most this many items from a partition of the due index: enough to keep the sender busy, and few
# enough that each is still current when its turn comes.
_LOOK = 100
# The first look ahead of schedule takes no more than this: one text that went through may have been luck.
_FIRST_AHEAD = 25
_BALANCE_SECONDS = 3600.0

type _Left = Callable[[], float]


def sweep(*, seconds_left: _Left, part: int, parts: int) -> Counter[str]:
    """Take care of everything that is due, as far as the time goes; return how many ended in which state.

    Each of `parts` sweeps, numbered from 0, has its own partitions of the due index: one process sends no faster than its
    processor lets it. Once the provider is back after an outage, the texts that wait for it go out ahead of schedule. Sweeps may
    overlap each other and the stream: each text is claimed before it is sent.
    """
    ended: Counter[str] = Counter()
    oldest: list[str] = []
    tried: set[str] = set()
    shards = range(part, DUE_SHARDS, parts)
    with ThreadPoolExecutor(len(shards)) as threads:
        ended.update(_release_held(shards, threads, seconds_left=seconds_left, tried=tried))
        for look in (partial(_due, oldest=oldest, tried=tried), partial(_ahead, tried=tried)):
            for counts in threads.map(partial(look, seconds_left=seconds_left), shards):
                ended.update(counts)
            if not ended.pop("recovered", 0):
                break
    if part == 0:
        ended["forgotten"] += forget_old_texts(has_time=lambda: _has_time(seconds_left))
    ended = +ended
    _measure(ended, oldest)
    if part == 0:
        if _has_time(seconds_left):
            _read_balance()
        # Last of all, since it may take long: neither texts nor their measures wait for it.
        if days := count_days(has_time=lambda: _has_time(seconds_left)):
            ended["days"] = days
    return ended


def _read_balance() -> None:
    """Ask for the account's balance once an hour, and report it; after a failure ask again as a text is tried again.

    After the texts, so that none waits for it.
    """
    now, config = clock.now(), settings()
    try:
        account, _ = store().due.account()
        if account.ask_at > format_time(now):
            return
        balance = sender().balance()
        if balance:
            ask_at = clock.plus(now, _BALANCE_SECONDS)
            account = Account(balance.amount, balance.currency, format_time(now), 0, format_time(ask_at))
        else:
            failures = account.failures + 1
            ask_at = clock.plus(now, backoff(failures, config.sms_retry_seconds, 0))
            account = account._replace(failures=failures, ask_at=format_time(ask_at))
        store().due.save_account(account)
    except Problem as problem:
        log.warning("balance not stored", code=problem.code)
        return
    if balance:
        held = f"{balance.currency} {balance.amount}"
        if balance.amount < config.sms_balance_low:
            log.warning("balance is low", balance=held)
        else:
            log.info("balance read", balance=held)
        metrics.observe("SmsBalance", [float(balance.amount)])


def _measure(ended: Counter[str], oldest: list[str]) -> None:
    """Report how late the sweep is and how long texts wait; every time, since silence means that no sweep runs."""
    now = clock.now()
    for finding, total in ended.items():
        metrics.count("SweepFound", total, finding=finding)
    metrics.count("OldestDue", max((clock.seconds_since(due_at, now) for due_at in oldest), default=0))
    try:
        waiting = store().orders.longest_queued()
    except Problem as problem:
        log.warning("waiting texts not measured", code=problem.code)
        return
    # Texts that a limit holds have their own alarm.
    waits = (clock.seconds_since(order.requested_at, now) for order in waiting if order.sms.reason != LIMIT)
    metrics.count("OldestQueued", max(waits, default=0))


def _has_time(seconds_left: _Left) -> bool:
    return seconds_left() > NEEDED_SECONDS


def _due(shard: int, *, seconds_left: _Left, oldest: list[str], tried: set[str]) -> Counter[str]:
    """Take care of what is due in a partition; `recovered` counts the looks that found an outage to be over.

    Add to `oldest` how long the first find was due, and to `tried` the texts it sent. What the store refuses for one item does
    not hold up the others; the Problem is raised at the end.
    """
    ended: Counter[str] = Counter()
    failures: list[Problem] = []
    while _has_time(seconds_left) and not failures:
        entries = store().due.entries(shard, until=format_time(clock.now()), limit=_LOOK)
        if not entries:
            break
        oldest.append(entries[0].at)
        queued: list[Order] = []
        notes: list[ErasureNote] = []
        for item in store().due.items(entry.id for entry in entries):
            match item:
                case Order(sms=sms) if sms.status is Status.queued:
                    queued.append(item)
                case Order():
                    with collecting(failures):
                        ended.update(_at_rest(item))
                case ProviderMessage():
                    with collecting(failures):
                        match_report(store(), item)
                        ended["reports"] += 1
                case ErasureNote(due_at=str()):
                    notes.append(item)
        tried.update(order.id for order in queued)
        statuses = sender().send(queued, seconds_left=seconds_left, in_groups=True)
        ended.update(statuses)
        for note in notes:
            # Last, since it may take long: it stays due until it is done.
            finish_erasure(note)
            ended["erasures"] += 1
        ended["recovered"] += bool(statuses["sent"]) and any(order.sms.reason in OUTAGES for order in queued)
        # Paused, or out of time: the rest stays due, and the next sweep finds it.
        if len(entries) < _LOOK or statuses["left"]:
            break
    if failures:
        raise failures[0]
    return ended


def _at_rest(order: Order) -> list[str]:
    """Take care of a due order whose text is not queued; return what became of it, if anything."""
    if order.sms.status is Status.sending:
        return [_expire_lease(order).sms.status.value]
    if order.due_at and order.due_at == order.text_until:
        forget_text(order)
        return ["forgotten"]
    return []


def _expire_lease(order: Order) -> Order:
    """Move a text whose sender has not come back within its lease to `unknown`: it may have been sent."""

    def expire(current: Order) -> Order | None:
        now = clock.now()
        if current.sms.status is not Status.sending or (current.due_at or "") > format_time(now):
            return None
        return current.on(Cause.lease_expired, now, reason="lease_expired")

    expired = store().orders.change(order, expire)
    log.warning("lease ran out", order_id=order.id, sms_status=expired.sms.status.value)
    if expired.sms.status is Status.unknown:
        metrics.count("SmsState", orders=[order.id], state=expired.sms.status.value)
    return expired


def _release_held(
    shards: Sequence[int], threads: ThreadPoolExecutor, *, seconds_left: _Left, tried: set[str]
) -> Counter[str]:
    """Send the texts that a limit holds and whose turn has come, or that have room, until the limit is reached again.

    All partitions together, since the first to be asked for go first. What is due and finds no room, `_due` holds again.
    """
    ended: Counter[str] = Counter()
    window = held_window(store(), clock.now(), settings())
    while window and _has_time(seconds_left):
        since, until = map(format_time, window)
        look = partial(store().due.entries, since=since, until=until, limit=_LOOK)
        ids = [entry.id for entries in threads.map(look, shards) for entry in entries]
        held = [
            item
            for item in store().due.items(ids)
            if isinstance(item, Order) and item.sms.reason == LIMIT and item.id not in tried
        ]
        first = sorted(held, key=lambda order: order.due_at or "")[:_LOOK]
        statuses = sender().send(first, seconds_left=seconds_left, early=True, in_groups=True)
        tried.update(order.id for order in first)
        ended.update(statuses)
        if not first or statuses["held"] or statuses["left"]:
            break
    return ended


def _ahead(shard: int, *, seconds_left: _Left, tried: set[str]) -> Counter[str]:
    """Send what a partition has waiting for a provider that is back, more at each look, until most of it fails again.

    One sweep tries each text once: what failed a moment ago would only add to what the provider has too much of.
    """
    ended: Counter[str] = Counter()
    now = clock.now()
    since, until = format_time(now), format_time(clock.plus(now, LONGEST_WAIT_SECONDS))
    limit = _FIRST_AHEAD
    while _has_time(seconds_left):
        entries = store().due.entries(shard, since=since, until=until, limit=limit)
        waiting = [
            item
            for item in store().due.items(entry.id for entry in entries)
            if isinstance(item, Order)
            and item.sms.status is Status.queued
            and item.sms.reason in OUTAGES
            and item.id not in tried
            and not item.is_due(now)
        ]
        tried.update(order.id for order in waiting)
        statuses = sender().send(waiting, seconds_left=seconds_left, early=True, in_groups=True)
        ended.update(statuses)
        # A page that ends where it began has one moment only; those who were due in it wait for it.
        if len(entries) < limit or entries[-1].at == since or statuses["left"] or statuses["sent"] * 2 < len(waiting):
            break
        since, limit = entries[-1].at, min(2 * limit, _LOOK)
    return ended
