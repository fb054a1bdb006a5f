"""What is held about a person, all of it, and how it is forgotten."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from sales.domain import clock
from sales.domain.customers import Customer, Item
from sales.domain.orders import Order
from sales.store import message_of, store

__all__ = ["erase", "finish_erasure", "held_about"]

_PAGE = 100
# After an erasure, until its orders are looked for again: a request that read the customer before is at its end by then
# (29 s), and the index has what it wrote.
_LOOK_AGAIN_SECONDS = 60.0


def _orders_of(customer_id: str) -> Iterator[Order]:
    follows = None
    while True:
        page = store().orders({"customer": customer_id}, since=None, until=None, follows=follows, limit=_PAGE)
        yield from (Order.from_item(item) for item in page.items)
        if page.next is None:
            return
        follows = page.next


def held_about(order: Order) -> dict[str, Any]:
    """The order with the number its text went to, as only who exports what is held gets it."""
    public = order.public()
    return public | {"sms": public["sms"] | {"to": order.sms.to or None}}


def erase(customer: Customer, *, check: Callable[[int], None]) -> Customer:
    """The customer without name, number and e-mail, their orders without name, number and text, messages without number.

    The customer goes first, so that no order can be made from then on; what was being made meanwhile, and what could
    not be done in time, the sweep finds a minute later (`finish_erasure`). A delivery report that comes later loses its
    number as it arrives (`sales.sending.apply_reports`). `check` is asked about each version that is to be erased, and
    raises where it is not the one that is meant.
    """
    check(customer.version)
    if customer.phone_number:
        # Before the number is gone: reports that nobody could tell the text of yet.
        for item in store().unsettled(customer.phone_number):
            if "sms" not in item:
                store().forget_number(message_of(item).id)
    while not customer.erased:
        erased = replace(
            customer,
            name="",
            phone_number="",
            email="",
            fingerprint="",
            erased=True,
            sms_opted_out=True,
            version=customer.version + 1,
            updated_at=clock.format_time(clock.now()),
        )
        customer = store().replace_customer(erased) or erased
        if not customer.erased:
            check(customer.version)
    store().keep_erasing(customer, clock.plus(clock.now(), _LOOK_AGAIN_SECONDS))
    _forget_orders(customer.id)
    return customer


def finish_erasure(item: Item) -> None:
    """Forgets what was written about an erased customer by whoever had read them before; `item` is the store's note."""
    _forget_orders(item["customer"])
    store().end_erasing(item, clock.now())


def _forget_orders(customer_id: str) -> None:
    for order in _orders_of(customer_id):
        if order.erased(clock.now()) is None:
            continue
        # The messages first: an order that is still to be forgotten leads to them when this was interrupted.
        for message_id in order.message_ids:
            store().forget_number(message_id)
        after = store().change_order(order, lambda current: current.erased(clock.now()))
        for message_id in after.message_ids - order.message_ids:
            store().forget_number(message_id)
