"""Finding the customer or order that a path names."""

from sales.domain.customers import Customer
from sales.domain.ids import id_and_code, is_id
from sales.domain.orders import Order
from sales.domain.problems import Problem
from sales.runtime import log
from sales.store import store

__all__ = ["find_customer", "find_order", "no_such_customer"]


def no_such_customer() -> Problem:
    """Return the Problem for a path or field that names no customer."""
    return Problem("not_found", "There is no such customer.")


def find_customer(id_or_code: str) -> Customer:
    """Return the customer with this id or code. Raise Problem `not_found`, also for what can be neither."""
    customer_id, code = id_and_code(id_or_code)
    customer = store().customers.get(code)
    if customer is None or customer_id not in (None, customer.id):
        raise no_such_customer()
    return customer


def find_order(order_id: str) -> Order:
    """Return the order with this id. Raise Problem `not_found` if it does not exist or is not an order's."""
    # Other items of the table have ids too; only a UUID is an order's.
    order = store().orders.get(order_id.lower()) if is_id(order_id.lower()) else None
    if order is None:
        raise Problem("not_found", "There is no such order.")
    log.about(order.id)
    return order
