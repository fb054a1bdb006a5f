"""Retention: after SMS_TEXT_DAYS an order has neither its text nor the number that it went to."""

from collections.abc import Callable

from sales.domain import clock
from sales.domain.clock import format_time
from sales.domain.orders import Order
from sales.runtime.settings import settings
from sales.store import store

__all__ = ["forget_old_texts", "forget_text"]

_PAGE = 100


def forget_old_texts(*, has_time: Callable[[], bool]) -> int:
    """Remove text and number from orders that are old enough and at rest; return from how many.

    It goes through the orders from the oldest and stores how far it came. It stops at an order whose text is still on its
    way, so it passes none over. An order that gets a text after that is due when its time comes (`Order.text_until`).
    """
    days = settings().sms_text_days
    if not days:
        return 0
    until = format_time(clock.plus(clock.now(), -days * clock.DAY_SECONDS))
    total = 0
    position = store().due.retention_position()
    for shard in range(settings().list_shards):
        while has_time():
            orders = store().orders.created_between(shard, position.get(str(shard)), until, _PAGE)
            passed = 0
            for order in orders:
                current = forget_text(order)
                if not current.sms.is_forgotten:
                    break
                total += current is not order
                passed += 1
            if passed:
                position[str(shard)] = orders[passed - 1].sort_key
                store().due.save_retention_position(position)
            if passed < _PAGE:
                break
    return total


def forget_text(order: Order) -> Order:
    """Remove the order's text and number, also from its provider messages, unless the text is on its way; return the order."""
    current = store().orders.change(order, Order.without_text)
    if current.sms.is_forgotten:
        for message_id in current.message_ids:
            store().provider_messages.forget_number(message_id)
    return current
