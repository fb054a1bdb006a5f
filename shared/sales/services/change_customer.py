"""A customer's name, number, e-mail, opt-out or block changes."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from sales.domain import clock
from sales.domain.customers import Customer
from sales.domain.ids import id_and_code
from sales.domain.problems import Problem
from sales.services.lookup import find_customer, no_such_customer
from sales.store import Conflict, store

__all__ = ["change_customer"]


def change_customer(
    id_or_code: str,
    changes: Mapping[str, Any],
    *,
    if_version: Collection[int] | None,
    check: Callable[[int], None],
) -> Customer:
    """Set these fields of a customer and return it; without any it stays as it is.

    `if_version` are the versions that the change is meant for, `check` raises for any other one. Raise Problem `not_found` or
    `customer_erased`.
    """
    if not changes:
        customer = find_customer(id_or_code)
        check(customer.version)
        return customer
    customer_id, code = id_and_code(id_or_code)
    now = clock.now()
    try:
        customer = store().customers.change(code, changes, now, customer_id=customer_id, if_version=if_version)
    except Conflict as conflict:
        current: Customer | None = conflict.current
        if current is None:
            raise no_such_customer() from None
        if current.erased:
            raise Problem("customer_erased") from None
        check(current.version)
        return current
    if changes.get("sms_opted_out") is False:
        store().numbers.opt_in(customer.phone_number, now)
    if changes.get("sms_blocked") is False:
        store().numbers.lift_block(customer.phone_number, store().sender, now)
    return customer
