"""The state of sending: whether texts go out now, the account's balance, and how many texts wait."""

from datetime import datetime
from typing import Any

from sales.domain import clock
from sales.domain.clock import format_time
from sales.domain.orders import MOST_QUEUED
from sales.domain.shop_time import next_midnight
from sales.runtime.settings import settings
from sales.services.sms.limits import LIMIT, is_used_up
from sales.store import store
from sales.store.due import Account, Pause
from sales.store.numbers import NumberState

__all__ = ["sms_status"]


def sms_status() -> dict[str, Any]:
    """Return the state of sending as the API shows it, in a few bounded reads."""
    account, pause = store().due.account()
    waiting = store().orders.longest_queued()
    return {
        **_sending(pause, clock.now()),
        "balance": _balance(account),
        # There are no figures of days yet.
        "days_left": None,
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


def _balance(account: Account) -> dict[str, str] | None:
    if account.amount is None or account.currency is None:
        return None
    return {"amount": str(account.amount), "currency": account.currency}
