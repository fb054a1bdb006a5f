"""Finding the customer or order a path names."""

import re

from sales.domain.customers import Customer
from sales.domain.ids import id_and_code
from sales.domain.orders import Order
from sales.domain.problems import Problem
from sales.runtime import log
from sales.store import store

__all__ = ["find_customer", "find_order"]

_ORDER_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def find_customer(id_or_code: str) -> Customer:
    """The customer with this id or code. Raises Problem `not_found`, also for what can be neither."""
    customer_id, code = id_and_code(id_or_code)
    customer = store().customer(code)
    if customer is None or customer_id not in (None, customer.id):
        raise Problem("not_found", "There is no such customer.")
    return customer


def find_order(order_id: str) -> Order:
    """The order with this id. Raises Problem `not_found`, also for what can be none."""
    # Other items of the table have ids too; only a UUID is an order's.
    order = store().order(order_id.lower()) if _ORDER_ID.fullmatch(order_id.lower()) else None
    if order is None:
        raise Problem("not_found", "There is no such order.")
    log.about(order.id)
    return order
