"""What is held about a person, all of it, and how it is forgotten."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sales import clock
from sales.customers import Customer
from sales.messages import Cause, Text
from sales.orders import Order
from sales.store import message_of, store

__all__ = ["erase", "held_about"]

_PAGE = 100


def _orders_of(customer: Customer) -> list[Order]:
    found: list[Order] = []
    follows = None
    while True:
        page = store().orders({"customer": customer.id}, since=None, until=None, follows=follows, limit=_PAGE)
        found += (Order.from_item(item) for item in page.items)
        if page.next is None:
            return found
        follows = page.next


def held_about(order: Order) -> dict[str, Any]:
    """The order with the number its text went to, as only who exports what is held gets it."""
    public = order.public()
    return public | {"sms": public["sms"] | {"to": order.sms.to or None}}


def erase(customer: Customer, *, check: Callable[[int], None]) -> Customer:
    """The customer without name, number and e-mail, their orders without name, number and text, messages without number.

    The customer goes first, so that no order can be made in between; erasing again finishes what was interrupted. A
    delivery report that comes later loses its number as it arrives (`sales.sending.report_arrived`). `check` is asked
    about each version that is to be erased, and raises where it is not the one that is meant.
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
            erased=True,
            sms_opted_out=True,
            version=customer.version + 1,
            updated_at=clock.format_time(clock.now()),
        )
        customer = store().replace_customer(erased) or erased
        if not customer.erased:
            check(customer.version)
    for order in _orders_of(customer):
        for message_id in store().change_order(order, _forgotten).message_ids:
            store().forget_number(message_id)
    return customer


def _forgotten(order: Order) -> Order | None:
    if not order.customer_name and not order.sms.to:
        return None
    suppressed = order.after(Cause.cancelled, clock.now(), reason="customer_erased") or order
    return replace(
        suppressed,
        customer_name="",
        version=order.version + 1,
        sms=replace(suppressed.sms, to="", text=Text("", suppressed.sms.text.encoding, suppressed.sms.text.segments)),
    )
