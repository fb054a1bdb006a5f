"""Finding the customer or order that a path names."""

import time

from sales.domain.customers import Customer
from sales.domain.ids import id_and_code
from sales.domain.orders import Order
from sales.domain.problems import Problem
from sales.domain.sms.wording import Wording
from sales.runtime import log
from sales.store import store

__all__ = ["MOST_IDS", "find_customer", "find_customer_and_wording", "find_order", "no_such_customer"]

# How many ids a shared code answers with at most.
MOST_IDS = 10
# DynamoDB adds a new order to its index after it answers, usually within a fraction of a second. So people who read an order
# by its code right after it was created find it.
_INDEX_PAUSES = (0.1, 0.4)


def no_such_customer() -> Problem:
    """Return the Problem for a path or field that names no customer."""
    return Problem("not_found", "There is no such customer.")


def find_customer(id_or_code: str) -> Customer:
    """Return the customer with this id or code. Raise Problem `not_found`, also for what can be neither."""
    customer_id, code = id_and_code(id_or_code)
    return _checked(store().customers.get(code), customer_id)


def find_customer_and_wording(id_or_code: str) -> tuple[Customer, Wording]:
    """Return the customer as `find_customer` does, and the shop's wording, in one round trip."""
    customer_id, code = id_and_code(id_or_code)
    customer, wording = store().wordings.with_customer(code)
    return _checked(customer, customer_id), wording


def _checked(customer: Customer | None, customer_id: str | None) -> Customer:
    if customer is None or customer_id not in (None, customer.id):
        raise no_such_customer()
    log.about(customer_id=customer.id)
    return customer


def find_order(id_or_code: str) -> Order:
    """Return the order with this id or code.

    Raise Problem `not_found`, also for what can be neither, or `ambiguous_code` with the ids of the orders that share a code.
    An order just created is always found by its id.
    """
    # Other items of the table have ids too; only a UUID is an order's.
    order_id, code = id_and_code(id_or_code)
    order = store().orders.get(order_id or _id_with_code(code))
    if order is None:
        raise _no_such_order()
    log.about(order_id=order.id)
    return order


def _id_with_code(code: str) -> str:
    for pause in (*_INDEX_PAUSES, None):
        ids = store().orders.ids_with_code(code, MOST_IDS)
        if len(ids) > 1:
            raise Problem("ambiguous_code", ids=ids)
        if ids:
            return ids[0]
        if pause:
            time.sleep(pause)
    raise _no_such_order()


def _no_such_order() -> Problem:
    return Problem("not_found", "There is no such order.")
