"""The state of sending: whether texts go out now, the account's balance, and how many texts wait."""

from datetime import date, datetime, timedelta
from typing import Any

from sales.domain import clock
from sales.domain.clock import format_time
from sales.domain.days import days_left
from sales.domain.orders import MOST_QUEUED
from sales.domain.shop_time import day_of, next_midnight
from sales.runtime.settings import settings
from sales.services.sms.limits import LIMIT, is_used_up
from sales.store import store
from sales.store.due import Account, Pause
from sales.store.numbers import NumberState

__all__ = ["sms_status"]

# A week has every day of the week once.
_MEAN_DAYS = 7


def sms_status() -> dict[str, Any]:
    """Return the state of sending as the API shows it, in a few bounded reads."""
    account, pause = store().due.account()
    waiting = store().orders.longest_queued()
    return {
        **_sending(pause, clock.now()),
        "balance": _balance(account),
        "days_left": _days_left(account),
        "queued": store().orders.count_queued(MOST_QUEUED),
        "oldest_queued_at": min((order.requested_at for order in waiting), default=None),
    }


def _sending(pause: Pause | None, now: datetime) -> dict[str, str | None]:
    """Return whether texts go out now; if not, the reason, and until when."""
    config = settings()
    if pause and pause.holds(now):
        return {"sending": "paused", "reason": pause.reason, "until": pause.until}
    if is_used_up(store(), NumberState(), now, config):
        until = format_time(next_midnight(now, config.utc_offset))
        return {"sending": "limited", "reason": LIMIT, "until": until}
    return {"sending": "on", "reason": None, "until": None}


def _days_left(account: Account) -> int | None:
    """Return how long the balance lasts at the mean of the last days that were counted."""
    if account.amount is None or account.currency is None:
        return None
    today = date.fromisoformat(day_of(clock.now(), settings().utc_offset))
    days, _ = store().days.get((today - timedelta(days=ago)).isoformat() for ago in range(1, _MEAN_DAYS + 1))
    return days_left(account.amount, account.currency, [day.figures for day in days if day.figures])


def _balance(account: Account) -> dict[str, str] | None:
    if account.amount is None or account.currency is None:
        return None
    return {"amount": str(account.amount), "currency": account.currency}
