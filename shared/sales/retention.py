"""How long a text is kept: after SMS_TEXT_DAYS an order has neither its text nor the number it went to."""

from collections.abc import Callable

from sales import clock
from sales.clock import format_time
from sales.orders import Order
from sales.settings import settings
from sales.store import store

__all__ = ["forget_old_texts"]

_PAGE = 100
_DAY_SECONDS = 86_400.0


def forget_old_texts(*, has_time: Callable[[], bool]) -> int:
    """Takes text and number from orders that are older than that and at rest; how many there were.

    It goes through the orders from the oldest and notes how far it has come. At one whose text is still on its way it
    waits, so none is passed over. The messages of the gateway lose their number with the order.
    """
    days = settings().sms_text_days
    if not days:
        return 0
    until = format_time(clock.after(clock.now(), -days * _DAY_SECONDS))
    forgotten = 0
    reached = store().texts_forgotten()
    for shard in range(settings().list_shards):
        while has_time():
            found = [
                Order.from_item(item) for item in store().made_between(shard, reached.get(str(shard)), until, _PAGE)
            ]
            passed = 0
            for order in found:
                after = store().change_order(order, Order.without_text)
                if after.sms.to or after.sms.text.text:
                    break
                for message_id in after.message_ids:
                    store().forget_number(message_id)
                forgotten += after is not order
                passed += 1
            if passed:
                reached[str(shard)] = found[passed - 1].sort_key
                store().note_texts_forgotten(reached)
            if passed < _PAGE:
                break
    return forgotten
