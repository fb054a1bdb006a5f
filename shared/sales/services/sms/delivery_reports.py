"""A delivery report arrives, is kept while its order is unknown, and moves its order forward."""

from datetime import datetime
from functools import partial

from sales.domain import clock
from sales.domain.caller import PROVIDER
from sales.domain.orders import Order
from sales.domain.sms.delivery_reports import (
    KEEP_SECONDS,
    SEARCH_SECONDS,
    NoMatch,
    ProviderMessage,
    fold,
    match_order,
    on_report,
    opts_out,
)
from sales.runtime import log, metrics
from sales.services.sms.consent import opt_out
from sales.store import Store

__all__ = ["apply_reports", "match_report", "report_arrived"]

# A sender that is just storing its answer gets there first; the index needs a moment too.
_FIRST_SEARCH_SECONDS = 3.0
# Until we look again while a text that the report may be about is under way, and while there is none.
_WAIT_SECONDS, _RETRY_SECONDS = 5.0, 60.0


def apply_reports(store: Store, order: Order, message: ProviderMessage, now: datetime) -> Order:
    """Move the order as far as its message's reports take it, in whatever order they came; return the order."""
    if not order.sms.to:
        # The customer was erased in the meantime, or the text forgotten.
        store.provider_messages.forget_number(message.id)
        return order
    if any(report.number != order.sms.to for report in message.reports):
        log.warning("delivery report for another number", order_id=order.id, message_id=message.id)
    if opts_out(message, order.sms.to):
        # Only now is it known to be about a text of ours to this number.
        opt_out(store, order.sms.to, now, by=PROVIDER.actor)
    for cause, reason in fold(message, order.sms.to):
        status = order.sms.status
        order = store.orders.change(order, partial(on_report, message=message, cause=cause, reason=reason, now=now))
        if order.sms.status is not status:
            metrics.count("SmsState", orders=[order.id], state=order.sms.status.value)
    return order


def report_arrived(store: Store, message: ProviderMessage, now: datetime) -> str:
    """Tell the report's order, if it is known, and return that order's SMS status; else keep the report for the sweep."""
    if message.order_id is None:
        if message.number:
            store.provider_messages.search_later(message, clock.plus(now, _FIRST_SEARCH_SECONDS))
        return "kept"
    order = store.orders.get(message.order_id)
    if order is None:
        return "kept"
    log.about(customer_id=order.customer)
    return apply_reports(store, order, message, now).sms.status.value


def match_report(store: Store, message: ProviderMessage) -> None:
    """Match an orphaned message to its order, if exactly one fits (`match_order`); else look again later.

    After SEARCH_SECONDS the search ends; until KEEP_SECONDS the message still keeps later ones from being matched to what may
    be its order; then its number is forgotten.
    """
    now = clock.now()
    messages = store.provider_messages
    if message.order_id is not None:
        # The process that linked it may have stopped before it gave the reports to the order.
        for order in store.due.items([message.order_id]):
            if isinstance(order, Order):
                apply_reports(store, order, message, now)
        messages.settle(message.id)
        return
    if (
        not message.number
        or not message.received_at
        or (waited := clock.seconds_since(message.received_at, now)) > KEEP_SECONDS
    ):
        messages.forget_number(message.id)
        return
    if waited > SEARCH_SECONDS:
        messages.search_later(message, clock.plus(clock.parse_time(message.received_at), KEEP_SECONDS))
        return
    match match_order(message, messages.open_for(message.number)):
        case Order() as order:
            linked = messages.link(message.id, order, now)
            status = apply_reports(store, order, linked, now).sms.status
            messages.settle(message.id)
            log.info("delivery report matched", order_id=order.id, message_id=message.id, sms_status=status.value)
        case NoMatch.wait:
            messages.search_later(message, clock.plus(now, _WAIT_SECONDS))
        case NoMatch.none:
            messages.search_later(message, clock.plus(now, _RETRY_SECONDS))
