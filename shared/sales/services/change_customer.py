"""A customer's name, number, e-mail, language, opt-out or block changes."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from sales.domain import clock
from sales.domain.customers import Customer
from sales.domain.ids import id_and_code
from sales.domain.problems import Problem
from sales.runtime import log
from sales.services.lookup import find_customer, no_such_customer
from sales.store import Conflict, store

__all__ = ["change_customer"]


def change_customer(
    id_or_code: str,
    changes: Mapping[str, Any],
    *,
    by: str,
    if_version: Collection[int] | None,
    check: Callable[[int], None],
) -> Customer:
    """Set these fields of a customer and return it; without any it stays as it is.

    `by` is who changes it.     `if_version` are the versions that the change is meant for, `check` raises for any other one. Raise Problem `not_found` or
    `customer_erased`.
    """
    if not changes:
        customer = find_customer(id_or_code)
        check(customer.version)
        return customer
    customer_id, code = id_and_code(id_or_code)
    now = clock.now()
    try:
        customer = store().customers.change(code, changes, now, by=by, customer_id=customer_id, if_version=if_version)
    except Conflict as conflict:
        current: Customer | None = conflict.current
        if current is None:
            raise no_such_customer() from None
        log.about(customer_id=current.id)
        if current.erased:
            raise Problem("customer_erased") from None
        check(current.version)
        return current
    log.about(customer_id=customer.id)
    if (opted_out := changes.get("sms_opted_out")) is not None:
        # Late: most changes do not count.
        from sales.runtime import metrics

        metrics.count("OptOuts" if opted_out else "OptOutsLifted")
    if opted_out is False:
        store().numbers.opt_in(customer.phone_number, now)
    if changes.get("sms_blocked") is False:
        store().numbers.lift_block(customer.phone_number, store().sender, now)
    return customer
