"""Erase all that we store about a person."""

from collections.abc import Callable, Iterator
from typing import Any

from sales.domain import clock
from sales.domain.customers import Customer, ErasureNote
from sales.domain.files.identities import customer_identity
from sales.domain.orders import Order
from sales.domain.sms.delivery_reports import ProviderMessage
from sales.runtime import metrics
from sales.store import Conflict, store

__all__ = ["erase", "finish_erasure", "held_about"]

_PAGE = 100
# How long after an erasure to look for its orders again: by then any request that had already read the customer has timed
# out (29 s), and its writes have reached the index.
_RECHECK_SECONDS = 60.0


def _orders_of(customer_id: str) -> Iterator[Order]:
    follows = None
    while True:
        page = store().orders.page({"customer": customer_id}, since=None, until=None, follows=follows, limit=_PAGE)
        yield from page.rows
        if page.next is None:
            return
        follows = page.next


def held_about(order: Order) -> dict[str, Any]:
    """Return the order with the whole number that its text went to, which only an export shows."""
    public = order.public()
    return public | {"sms": public["sms"] | {"to": order.sms.to or None}}


def erase(customer: Customer, *, by: str, check: Callable[[int], None]) -> Customer:
    """Remove a customer's name, number and e-mail, also from their orders and provider messages; return the customer.

    The customer goes first, so that no order can be made from then on. What was being made meanwhile, and what the time did
    not suffice for, the sweep finds a minute later (`finish_erasure`). A delivery report that comes later loses its number
    as it arrives (`delivery_reports.apply_reports`). `by` is who erases. `check` is called with each version that is about
    to be erased, and raises if that is not the one that is meant.
    """
    check(customer.version)
    if customer.phone_number:
        # Before the number is gone, by which we find the orphaned reports.
        for row in store().provider_messages.open_for(customer.phone_number):
            match row:
                case ProviderMessage(id=message_id):
                    store().provider_messages.forget_number(message_id)
    while not customer.erased:
        try:
            identity = customer_identity(store().imports.shop_key(), customer.phone_number, customer.name)
            customer = store().customers.erase(customer.without_personal_data(clock.now(), by=by), identity)
            metrics.count("Erasures")
        except Conflict as conflict:
            if conflict.current is None:
                raise
            customer = conflict.current
            if not customer.erased:
                check(customer.version)
    store().due.schedule_erasure_recheck(customer, clock.plus(clock.now(), _RECHECK_SECONDS))
    _forget_orders(customer.id, by=by)
    return customer


def finish_erasure(note: ErasureNote) -> None:
    """Remove what requests that had read an erased customer before have written since."""
    _forget_orders(note.customer, by=None)
    store().due.end_erasure_recheck(note, clock.now())


def _forget_orders(customer_id: str, *, by: str | None) -> None:
    for order in _orders_of(customer_id):
        if order.erased(clock.now(), by=by) is None:
            continue
        # The messages first: if this stops halfway, the order still leads to them.
        for message_id in order.message_ids:
            store().provider_messages.forget_number(message_id)
        erased = store().orders.change(order, lambda current: current.erased(clock.now(), by=by))
        for message_id in erased.message_ids - order.message_ids:
            store().provider_messages.forget_number(message_id)
