"""A person asks for an order's text once more: one new, explicit attempt."""

from collections.abc import Callable
from datetime import datetime

from sales.domain import clock
from sales.domain.caller import Caller
from sales.domain.customers import Customer
from sales.domain.ids import caller_key, is_replay
from sales.domain.orders import MOST_REQUESTS, Order
from sales.domain.problems import Problem
from sales.domain.sms.segments import Content
from sales.domain.sms.states import Status
from sales.runtime.settings import settings
from sales.services.order_sms import order_text
from sales.store import store

__all__ = ["request_again"]

# Counted from the last request a person made, so that two people at two screens send one text.
DEBOUNCE_SECONDS = 60


def request_again(
    order: Order,
    customer: Customer,
    *,
    caller: Caller,
    key: str,
    fingerprint: str,
    reason: str,
    check: Callable[[int], None],
) -> tuple[Order, bool]:
    """The order with its text queued again, and whether this key had asked for it before.

    The text goes to the customer's present number. Raises Problem 409 where the order's or its text's state forbids
    it, `sms_too_soon` (which does not use the key up) or `sms_too_often`; 422 when the key came with another body.
    `check` raises where the order's version is not the one that is meant; a replay is not asked, for its own first time
    moved the version.
    """
    mine = caller_key(caller, "resend", key)
    replayed = False

    def ask(current: Order) -> Order | None:
        nonlocal replayed
        for request in current.sms.requests:
            if request["key"] == mine:
                if not is_replay(request["fingerprint"], fingerprint):
                    raise Problem("idempotency_key_reused")
                replayed = True
                return None
        check(current.version)
        now = clock.now()
        _allowed(current, customer, now)
        days = settings().sms_text_days
        return current.requested_again(
            now,
            key=mine,
            fingerprint=fingerprint,
            reason=reason,
            to=customer.phone_number,
            content=_content(current),
            # Whoever forgets texts by their age has passed this order, and does not come back.
            text_until=clock.plus(now, days * clock.DAY_SECONDS) if days and _was_forgotten(current) else None,
        )

    return store().change_order(order, ask), replayed


def _was_forgotten(order: Order) -> bool:
    return not order.sms.content.text or order.text_until is not None


def _content(order: Order) -> Content:
    # A text that was forgotten meanwhile (SMS_TEXT_DAYS) is written anew.
    return (
        order.sms.content
        if order.sms.content.text
        else order_text(order.customer_name, order.item, order.amount, order.currency)
    )


def _allowed(order: Order, customer: Customer, now: datetime) -> None:
    if order.status == "cancelled":
        raise Problem("order_cancelled")
    if customer.erased:
        raise Problem("customer_erased")
    if customer.sms_opted_out or order.sms.status is Status.suppressed:
        raise Problem("sms_suppressed")
    if len(order.sms.requests) >= MOST_REQUESTS:
        raise Problem("sms_too_often")
    if order.sms.requests:
        last = clock.parse_time(order.sms.requests[-1]["at"])
        wait = DEBOUNCE_SECONDS - (now - last).total_seconds()
        if wait > 0:
            raise Problem("sms_too_soon", headers={"Retry-After": str(int(wait) + 1)})
    if order.sms.status in (Status.queued, Status.sending):
        raise Problem("sms_in_progress")
