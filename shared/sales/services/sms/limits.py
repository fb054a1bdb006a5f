"""The shop's limits on texts: so many a day in all, and so many to one number."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sales.domain import clock
from sales.domain.orders import Order
from sales.domain.shop_time import day_of, next_midnight
from sales.domain.sms.states import Cause, Status
from sales.runtime import metrics
from sales.runtime.settings import Settings
from sales.store import Store
from sales.store.limits import Limits, LimitState
from sales.store.numbers import NumberState

__all__ = ["LIMIT", "Allowance", "held", "held_window", "is_used_up", "turn"]

# The reason of a text that waits for its turn on another day.
LIMIT = "limit"
# Texts that wait for midnight go out in the order in which they were asked for: a microsecond later for each second since then.
_EPOCH = clock.parse_time("2026-01-01")
# So the texts of a century are due within this time of midnight.
_SPREAD_SECONDS = 3600.0


def turn(order: Order, now: datetime, config: Settings) -> datetime:
    """Return when a text that a limit holds goes out: soon after the shop's midnight, those asked for first before others."""
    asked = max((clock.parse_time(order.requested_at) - _EPOCH).total_seconds(), 0)
    return clock.plus(next_midnight(now, config.utc_offset), asked / 1_000_000)


def held(order: Order, now: datetime, config: Settings) -> Order | None:
    """Return the order with its text held until its turn, or None if it is held until then already."""
    due_at = turn(order, now, config)
    if order.sms.status is Status.queued and order.sms.reason == LIMIT and order.due_at == clock.format_time(due_at):
        return None
    return order.on(Cause.held, now, reason=LIMIT, due_at=due_at)


def held_window(store: Store, now: datetime, config: Settings) -> tuple[datetime, datetime] | None:
    """Return between which times the texts are due that a limit holds and that may go out now, or None for none.

    Those are texts held on an earlier day, whose turn has come. Today's are those only if there is room again: the limit was
    raised, or an attempt sent nothing after all.
    """
    midnight = next_midnight(now, config.utc_offset)
    state = store.limits.state(day_of(now, config.utc_offset))
    if _has_room(state, config):
        return midnight, clock.plus(midnight, _SPREAD_SECONDS)
    return (clock.plus(midnight, -clock.DAY_SECONDS), now) if state.held_earlier else None


def is_used_up(store: Store, number: NumberState, now: datetime, config: Settings) -> bool:
    """Return whether a new text would wait for another day."""
    day = day_of(now, config.utc_offset)
    if config.sms_per_number_day and number.texts_day == day and number.texts >= config.sms_per_number_day:
        return True
    return bool(config.sms_per_day) and store.limits.state(day).texts >= config.sms_per_day


def _has_room(state: LimitState, config: Settings) -> bool:
    by_day = state.held and (not config.sms_per_day or state.texts < config.sms_per_day)
    raised = not config.sms_per_number_day or config.sms_per_number_day > state.number_limit
    return bool(by_day or (state.held_by_number and raised))


class Allowance:
    """A batch's share of the day's texts, taken in the order of the batch; what certainly did not go out is given back.

    Without limits it takes and writes nothing.
    """

    def __init__(
        self, store: Store, config: Settings, orders: Sequence[Order], now: datetime, threads: ThreadPoolExecutor
    ) -> None:
        self._limits = store.limits if config.sms_per_day or config.sms_per_number_day else None
        self._per_day = config.sms_per_day
        self._per_number = config.sms_per_number_day
        self._day = day_of(now, config.utc_offset)
        self._given_back = 0
        self._lock = threading.Lock()
        self._held: frozenset[str] = frozenset()
        if self._limits and orders:
            self._held = self._take(self._limits, orders, now, threads)

    def _take(
        self, limits: Limits, orders: Sequence[Order], now: datetime, threads: ThreadPoolExecutor
    ) -> frozenset[str]:
        """Return the ids of the orders that must wait, those asked for last."""
        allowed = list(orders)
        if self._per_number:
            by_number: dict[str, list[Order]] = {}
            for order in orders:
                by_number.setdefault(order.sms.to, []).append(order)

            def take(group: list[Order]) -> set[str]:
                # One after the other: the first of a number goes first.
                return {order.id for order in group if limits.take_number(order.sms.to, self._day, self._per_number)}

            taken = set[str]().union(*threads.map(take, by_number.values()))
            allowed = [order for order in orders if order.id in taken]
        by_number_held = len(orders) - len(allowed)
        granted = limits.take(self._day, len(allowed), self._per_day, now) if self._per_day else len(allowed)
        if self._per_number:
            list(threads.map(lambda order: limits.give_back_number(order.sms.to, self._day), allowed[granted:]))
        held_ids = {order.id for order in orders} - {order.id for order in allowed[:granted]}
        if held_ids:
            metrics.count("SmsHeld", len(held_ids))
            limits.note_held(
                self._day,
                by_day=len(held_ids) - by_number_held,
                by_number=by_number_held,
                number_limit=self._per_number,
            )
        return frozenset(held_ids)

    def holds(self, order: Order) -> bool:
        """Return whether this order's text must wait for another day."""
        return order.id in self._held

    def give_back(self, order: Order) -> None:
        """Return a text that certainly did not go out."""
        if self._limits is None:
            return
        with self._lock:
            self._given_back += 1
        if self._per_number:
            self._limits.give_back_number(order.sms.to, self._day)

    def close(self) -> None:
        """Give back to the day, in one write, what `give_back` returned."""
        if self._limits and self._per_day and self._given_back:
            self._limits.give_back(self._day, self._given_back)
