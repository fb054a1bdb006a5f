"""The shop's limits on texts: so many a day in all, and so many to one number."""

import threading
from collections import Counter
from datetime import datetime

from sales.domain import clock
from sales.domain.orders import Order
from sales.domain.shop_time import day_of, next_midnight
from sales.domain.sms.states import Cause, Status
from sales.runtime import metrics
from sales.runtime.settings import Settings
from sales.store import Store
from sales.store.limits import LimitState
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
    """A batch's share of the day's texts: taken in one write, and given back for texts that certainly did not go out.

    Safe to share between threads. Without limits it takes and writes nothing.
    """

    def __init__(self, store: Store, config: Settings, wanted: int, now: datetime) -> None:
        self._limits = store.limits if config.sms_per_day or config.sms_per_number_day else None
        self._per_day = config.sms_per_day
        self._per_number = config.sms_per_number_day
        self._day = day_of(now, config.utc_offset)
        self._left = wanted
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()
        if self._limits and self._per_day:
            self._left = self._limits.take(self._day, wanted, self._per_day, now)

    def take(self, number: str) -> bool:
        """Return whether one more text may go to this number today."""
        if self._limits is None:
            return True
        if self._per_number and not self._limits.take_number(number, self._day, self._per_number):
            return self._hold("number")
        with self._lock:
            self._left -= 1
            if self._left >= 0 or not self._per_day:
                return True
            self._left = 0
        if self._per_number:
            self._limits.give_back_number(number, self._day)
        return self._hold("day")

    def _hold(self, by: str) -> bool:
        with self._lock:
            self._held[by] += 1
        return False

    def give_back(self, number: str) -> None:
        """Return a text that certainly did not go out."""
        if self._limits is None:
            return
        with self._lock:
            self._left += 1
        if self._per_number:
            self._limits.give_back_number(number, self._day)

    def close(self) -> None:
        """Return what was not used, and note how many texts a limit holds."""
        if self._limits is None:
            return
        if self._per_day and self._left > 0:
            self._limits.give_back(self._day, self._left)
        if count := self._held.total():
            metrics.count("SmsHeld", count)
            self._limits.note_held(
                self._day, by_day=self._held["day"], by_number=self._held["number"], number_limit=self._per_number
            )
