"""What a delivery report does to its order."""

from collections.abc import Callable
from datetime import datetime

from sales.domain import clock
from sales.domain.delivery_reports import Adoption, adopter, report_cause
from sales.domain.orders import Order
from sales.domain.sms.states import Cause
from sales.runtime import log, metrics
from sales.store import Message, Store, message_of

__all__ = ["adopt", "report_arrived"]


def apply_reports(store: Store, order: Order, message: Message, now: datetime) -> Order:
    """Moves the order as far as the reports that came for its message and number take it, in whatever order they came."""
    if not order.sms.to:
        # Its customer was erased in the meantime, or its text forgotten.
        store.forget_number(message.id)
        return order
    found: dict[Cause, str | None] = {}
    for report in message.reports:
        if report.number != order.sms.to:
            log.warning("delivery report for another number", order_id=order.id, message_id=message.id)
        elif cause := report_cause(report.status):
            found[cause] = found.get(cause) or report.failure_reason or None
    for cause in (Cause.report_interim, Cause.report_failure, Cause.report_success):
        if cause in found:
            reason = found[cause] if cause is Cause.report_failure else None
            before, order = order, store.change_order(order, _reported(message, cause, reason, now))
            if order.sms.status is not before.sms.status:
                metrics.count("SmsState", orders=[order.id], state=order.sms.status.value)
    return order


def _reported(message: Message, cause: Cause, reason: str | None, now: datetime) -> Callable[[Order], Order | None]:
    def reported(current: Order) -> Order | None:
        if current.sms.message_id not in (None, message.id) or current.sms.attempts != message.attempt:
            # The text was sent again since: this report is about the one before.
            return None
        return current.on(cause, now, reason=reason, message_id=message.id)

    return reported


def report_arrived(store: Store, message: Message, now: datetime) -> str:
    """What a delivery report means for its order, if that is known; else it is kept for the sweep."""
    if message.order_id is None:
        if message.number:
            # A sender that is just writing down its answer gets there first; the index needs a moment too.
            store.keep_report(message, clock.plus(now, 3))
        return "kept"
    order = store.order(message.order_id)
    if order is None:
        return "kept"
    return apply_reports(store, order, message, now).sms.status.value


def adopt(store: Store, message: Message, *, window_seconds: float) -> None:
    """Gives a message nobody knows to the one text it can be, if there is exactly one (`orders.adopter`); else waits.

    It is looked for while twice the window lasts, since an order may yet become unknown. Twice as long it keeps a later
    message, which is looked for until then at most, from being guessed about; then its number is forgotten.
    """
    now = clock.now()
    if message.order_id is not None:
        # Whoever linked it may have ended before its order was told.
        items, _, _ = store.for_sending([message.order_id], [])
        if item := items.get(message.order_id):
            apply_reports(store, Order.from_item(item), message, now)
        store.settle_report(message.id)
        return
    if (
        not message.number
        or not message.received_at
        or (waited := clock.seconds_since(message.received_at, now)) > 4 * window_seconds
    ):
        store.forget_number(message.id)
        return
    if waited > 2 * window_seconds:
        store.keep_report(message, clock.plus(clock.parse_time(message.received_at), 4 * window_seconds))
        return
    rows = store.unsettled(message.number)
    others = (message_of(item) for item in rows if "sms" not in item)
    found = adopter(
        message.received_at,
        [Order.from_item(item) for item in rows if "sms" in item],
        [
            other.received_at
            for other in others
            if other.id != message.id and other.order_id is None and other.received_at
        ],
        window_seconds=window_seconds,
    )
    if isinstance(found, Order):
        linked = store.link_message(message.id, found, now)
        after = apply_reports(store, found, linked, now)
        store.settle_report(message.id)
        log.info("delivery report adopted", order_id=after.id, message_id=message.id, sms_status=after.sms.status.value)
    elif found is Adoption.wait:
        store.keep_report(message, clock.plus(now, 5))
    else:
        store.keep_report(message, clock.plus(now, 60))
