"""How long a text is kept: after SMS_TEXT_DAYS an order has neither its text nor the number it went to."""

from collections.abc import Callable

from sales.domain import clock
from sales.domain.clock import format_time
from sales.domain.orders import Order
from sales.runtime.settings import settings
from sales.store import store

__all__ = ["forget_old_texts", "forget_text"]

_PAGE = 100


def forget_old_texts(*, has_time: Callable[[], bool]) -> int:
    """Takes text and number from orders that are older than that and at rest; how many there were.

    It goes through the orders from the oldest and notes how far it has come. At one whose text is still on its way it
    waits, so none is passed over. One that it has passed and that gets a text again is due by itself (`Order.text_until`).
    """
    days = settings().sms_text_days
    if not days:
        return 0
    until = format_time(clock.plus(clock.now(), -days * clock.DAY_SECONDS))
    forgotten = 0
    reached = store().texts_forgotten()
    for shard in range(settings().list_shards):
        while has_time():
            found = [
                Order.from_item(item) for item in store().made_between(shard, reached.get(str(shard)), until, _PAGE)
            ]
            passed = 0
            for order in found:
                after = forget_text(order)
                if after.sms.to or after.sms.content.text:
                    break
                forgotten += after is not order
                passed += 1
            if passed:
                reached[str(shard)] = found[passed - 1].sort_key
                store().note_texts_forgotten(reached)
            if passed < _PAGE:
                break
    return forgotten


def forget_text(order: Order) -> Order:
    """The order without its text and the number it went to, in its messages too, unless the text is on its way."""
    after = store().change_order(order, Order.without_text)
    if not (after.sms.to or after.sms.content.text):
        for message_id in after.message_ids:
            store().forget_number(message_id)
    return after
