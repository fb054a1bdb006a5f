"""A person asks for an order's text once more: one new, explicit attempt."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sales.domain import clock
from sales.domain.caller import Caller
from sales.domain.customers import Customer
from sales.domain.ids import caller_key
from sales.domain.orders import MOST_REQUESTS, Order, held_back
from sales.domain.problems import Problem
from sales.domain.sms.allowed import NOT_ALLOWED
from sales.domain.sms.states import Status
from sales.domain.sms.wording import Wording
from sales.runtime.settings import settings
from sales.services.idempotency import Done, check_replay
from sales.services.sms.content import order_content
from sales.store import store

__all__ = ["DEBOUNCE_SECONDS", "check_resend", "request_again"]

# Why `held_back` says that a text may not go out, in words.
_HELD_BACK = {
    "opted_out": "The customer has opted out: clear sms_opted_out once they agree to texts.",
    "blocked": "The network refuses our sender id for this number: clear sms_blocked once that is settled.",
    NOT_ALLOWED: "The shop's settings allow no texts to this number.",
}


# Counted from the last time that a person asked, so that two people at two screens send one text.
DEBOUNCE_SECONDS = 60


def request_again(
    order: Order,
    customer: Customer,
    wording: Wording,
    *,
    caller: Caller,
    key: str,
    fingerprint: str,
    reason: str,
    check: Callable[[int], None],
) -> Done[Order]:
    """Queue the order's text again, composed for the customer as they are now, and return the order.

    Raise Problem as `check_resend` does, or `idempotency_key_reused` if the key came with another request. `check` raises for
    a version of the order that is not meant; it is not called for a replay, whose first request has raised the version.
    """
    own_key = caller_key(caller, "resend", key)
    replayed = False

    def queue(current: Order) -> Order | None:
        nonlocal replayed
        for request in current.sms.requests:
            if request["key"] == own_key:
                check_replay(request["fingerprint"], fingerprint)
                replayed = True
                return None
        check(current.version)
        now = clock.now()
        check_resend(current, customer, now, settings().sms_allowed)
        content = order_content(wording, customer, current.id, current.item, current.amount, current.currency)
        addressed = current.addressed(customer.name, customer.phone_number, customer.language, content)
        return addressed.requested_again(
            now,
            key=own_key,
            fingerprint=fingerprint,
            reason=reason,
            by=caller.actor,
            text_until=_text_until(current, now),
        )

    queued = store().orders.change(order, queue)
    return Done(queued, replayed=replayed)


def _text_until(order: Order, now: datetime) -> datetime | None:
    days = settings().sms_text_days
    if not days or (order.sms.content.text and order.text_until is None):
        return None
    # Retention may have passed this order, and does not come back.
    return clock.plus(now, days * clock.DAY_SECONDS)


def check_resend(order: Order, customer: Customer, now: datetime, allowed: Sequence[str]) -> None:
    """Raise Problem 409 if the order's text must not be sent again now; one that was suppressed may be, once it can go out.

    That is `order_cancelled`, `customer_erased`, `sms_suppressed`, `sms_too_often`, `sms_too_soon` or `sms_in_progress`.
    `allowed` are the beginnings of the numbers that the shop texts.
    """
    if order.status == "cancelled":
        raise Problem("order_cancelled")
    if customer.erased:
        raise Problem("customer_erased")
    if reason := held_back(
        customer.phone_number, allowed, opted_out=customer.sms_opted_out, blocked=customer.sms_blocked
    ):
        raise Problem("sms_suppressed", _HELD_BACK[reason], reason=reason)
    if len(order.sms.requests) >= MOST_REQUESTS:
        raise Problem("sms_too_often")
    if order.sms.requests:
        last = clock.parse_time(order.sms.requests[-1]["at"])
        wait = DEBOUNCE_SECONDS - (now - last).total_seconds()
        if wait > 0:
            raise Problem("sms_too_soon", headers={"Retry-After": str(int(wait) + 1)})
    if order.sms.status in (Status.queued, Status.sending):
        raise Problem("sms_in_progress")
