"""Import orders: each known by its reference, so a file sent twice creates each one once. They have no text."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from sales.domain import clock
from sales.domain.caller import Caller
from sales.domain.customers import Customer
from sales.domain.files.csv_cells import ORDER_COLUMNS
from sales.domain.files.identities import order_id
from sales.domain.files.import_file import Columns, Result
from sales.domain.files.words import same_words
from sales.domain.ids import id_and_code, show_code
from sales.domain.orders import Order
from sales.domain.problems import FieldError, Problem
from sales.runtime import log, metrics
from sales.runtime.settings import settings
from sales.schemas.orders import NewOrder
from sales.schemas.phone_numbers import read_number
from sales.services.imports.rows import (
    CREATED,
    READERS,
    UNCHANGED,
    Deadline,
    RowError,
    read_row,
    refused,
    side_by_side,
    store_rows,
)
from sales.store import Conflict, store
from sales.store.orders import ReferenceTakenError

__all__ = ["COLUMNS", "import_orders"]

# An export names the customer by the id of its own system, and has these to find the customer in another one.
_OF_ANOTHER_SYSTEM = ("customer_phone_number", "customer_name")
COLUMNS = Columns(
    fields=(*(name for name in NewOrder.model_fields if name != "sms"), *_OF_ANOTHER_SYSTEM),
    required=(*(name for name, field in NewOrder.model_fields.items() if field.is_required()), "reference"),
    # An imported order never has a text, so `sms` says nothing either.
    ignored=(*ORDER_COLUMNS, "sms"),
)


class _Named(NamedTuple):
    """How a row names its customer: by id, code or number, and by number and name for one of another system."""

    customer: str
    number: str
    name: str

    @classmethod
    def by(cls, fields: Mapping[str, Any]) -> "_Named":
        texts = (fields.get(name) for name in ("customer", *_OF_ANOTHER_SYSTEM))
        return cls(*(text if isinstance(text, str) else "" for text in texts))


class _Row(NamedTuple):
    body: NewOrder
    reference: str
    customer: Customer
    # Its id, if it is new.
    id: str


def import_orders(rows: Sequence[Mapping[str, Any]], *, caller: Caller) -> list[Result]:
    """Store the orders of these rows that are new, with no text, and return the result of each row.

    Two imports of the same reference at the same time create one order. Raise Problem `unavailable` if the store fails or
    the time is up; the same rows again then create what is missing.
    """
    deadline = Deadline()
    shop_key = store().imports.shop_key()
    customers = _find_customers({_Named.by(fields) for fields in rows}, deadline)
    read = [_read(fields, customers, shop_key) for fields in rows]
    imported = store().orders.get_many(row.id for row in read if isinstance(row, _Row))

    def find(row: _Row) -> Result | None:
        known = [imported[row.id]] if row.id in imported else store().orders.with_reference(row.reference)
        if not known and row.customer.erased:
            return refused([FieldError("/customer", "invalid", "the personal data of this customer was erased")])
        results = [_compared(order, row) for order in known]
        return min(results, key=lambda result: result.result != UNCHANGED, default=None)

    results = store_rows(read, find, lambda row: _create(row, caller), lambda row: row.reference, deadline)
    if created := sum(result.result == CREATED for result in results):
        metrics.count("OrdersCreated", created)
    return results


def _find_customers(names: Collection["_Named"], deadline: Deadline) -> dict["_Named", Customer | str]:
    """Return for each of these the customer, or why there is not exactly one."""
    by_id: dict[_Named, tuple[str | None, str]] = {}
    for named in names:
        with suppress(Problem):
            by_id[named] = id_and_code(named.customer)
    by_code = store().customers.get_many(code for _, code in by_id.values())
    found: dict[_Named, Customer | str] = {}
    for named, (customer_id, code) in by_id.items():
        if (customer := by_code.get(code)) and customer_id in (None, customer.id):
            found[named] = customer
    others = [named for named in names if named not in found]
    return found | dict(
        zip(others, side_by_side(_find_by_number, others, threads=READERS, deadline=deadline), strict=True)
    )


def _find_by_number(named: "_Named") -> Customer | str:
    try:
        number = read_number(named.number or named.customer, settings().default_country)
    except ValueError:
        return "no customer has this id, code or number"
    customers = store().customers.with_number(number)
    if named.name:
        customers = [customer for customer in customers if same_words(customer.name, named.name)]
    if len(customers) > 1:
        return "several customers have this number: write the code of the right one"
    return customers[0] if customers else "no customer has this number: import the customers first"


def _read(fields: Mapping[str, Any], customers: Mapping[_Named, Customer | str], shop_key: str) -> _Row | Result:
    errors: list[FieldError] = []
    body = None
    order_fields = {name: value for name, value in fields.items() if name not in _OF_ANOTHER_SYSTEM}
    try:
        body = read_row(NewOrder, order_fields | {"sms": False})
    except RowError as error:
        errors += error.errors
    if fields.get("reference") is None:
        errors.append(
            FieldError(
                "/reference",
                "required",
                "is required: an import knows an order by it. Write one, such as the order's code",
            )
        )
    customer = customers[_Named.by(fields)]
    if isinstance(customer, str) and all(error.pointer != "/customer" for error in errors):
        errors.append(FieldError("/customer", "not_found", customer))
    if errors or body is None or body.reference is None or not isinstance(customer, Customer):
        return refused(errors)
    return _Row(body, body.reference, customer, order_id(shop_key, body.reference))


def _create(row: _Row, caller: Caller) -> Result:
    order = Order.new(
        id=row.id,
        customer=row.customer,
        item=row.body.item,
        amount=row.body.amount,
        currency=row.body.currency or settings().default_currency,
        reference=row.reference,
        content=None,
        now=clock.now(),
        caller=caller,
        fingerprint="",
    )
    try:
        store().orders.add(order, in_group=True)
    except Conflict as conflict:
        return _compared(conflict.current, row)
    except ReferenceTakenError as taken:
        return _compared(store().orders.get_many([taken.order_id])[taken.order_id], row)
    log.audit("import_orders", 201, order_id=order.id, customer_id=order.customer, version=order.version)
    return Result(CREATED, order.id, show_code(order.code))


def _compared(order: Order, row: _Row) -> Result:
    """Return `unchanged` if the stored order is as the row says, or else what it says otherwise."""
    same = {
        "customer": order.customer == row.customer.id,
        "item": same_words(order.item, row.body.item),
        "amount": order.amount == row.body.amount,
        # Left out it means the shop's own, which may have been another one then.
        "currency": row.body.currency in (None, order.currency),
    }
    said = "the order with this reference exists, but has another one"
    differing = [FieldError(f"/{name}", "invalid", said) for name, is_same in same.items() if not is_same]
    code = show_code(order.code)
    return refused(differing, order.id, code) if differing else Result(UNCHANGED, order.id, code)
