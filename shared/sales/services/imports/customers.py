"""Import customers: each known by number and name, so a file sent twice creates each one once."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sales.domain.caller import Caller
from sales.domain.customers import Customer
from sales.domain.files.csv_cells import CUSTOMER_COLUMNS
from sales.domain.files.identities import customer_identity, customer_ids
from sales.domain.files.import_file import Columns, Result
from sales.domain.files.words import same_words
from sales.domain.ids import code_of, show_code
from sales.domain.problems import FieldError
from sales.runtime import log
from sales.schemas.customers import NewCustomer
from sales.services.imports.rows import CREATED, UNCHANGED, Deadline, RowError, read_row, refused, store_rows
from sales.services.languages import worded_languages
from sales.services.register_customer import add_customer
from sales.store import Conflict, store

__all__ = ["COLUMNS", "import_customers"]

COLUMNS = Columns(
    fields=tuple(NewCustomer.model_fields),
    required=tuple(name for name, field in NewCustomer.model_fields.items() if field.is_required()),
    ignored=CUSTOMER_COLUMNS,
)
_ERASED = "the personal data of this customer was erased: create the customer again only if the person has come back"


class _Row(NamedTuple):
    body: NewCustomer
    identity: str


def import_customers(rows: Sequence[Mapping[str, Any]], *, caller: Caller) -> list[Result]:
    """Store the customers of these rows that are new, and return the result of each row.

    Two imports of the same customer at the same time create one. Raise Problem `unavailable` if the store fails or the time
    is up; the same rows again then create what is missing.
    """
    deadline = Deadline()
    shop_key = store().imports.shop_key()
    languages = cache(worded_languages)
    read = [_read(fields, shop_key, languages) for fields in rows]
    identities = {row.identity for row in read if isinstance(row, _Row)}
    erased = store().imports.erased(identities)
    imported = store().customers.get_many(_first_code(identity) for identity in identities)

    def find(row: _Row) -> Result | None:
        if row.identity in erased:
            return refused([FieldError("/name", "invalid", _ERASED)])
        customer = imported.get(_first_code(row.identity))
        if customer and customer.id == next(customer_ids(row.identity)):
            return _compared(customer, row.body)
        return _find_by_number(row.body)

    return store_rows(read, find, lambda row: _create(row, caller), lambda row: row.identity, deadline)


def _read(fields: Mapping[str, Any], shop_key: str, languages: Callable[[], Collection[str]]) -> _Row | Result:
    try:
        body = read_row(NewCustomer, fields, languages)
    except RowError as error:
        return refused(error.errors)
    return _Row(body, customer_identity(shop_key, body.phone_number, body.name))


def _first_code(identity: str) -> str:
    return code_of(next(customer_ids(identity)))


def _find_by_number(body: NewCustomer) -> Result | None:
    """Return the result for a customer who was not imported, or None if there is none: the one that the row says, if any is."""
    known = [one for one in store().customers.with_number(body.phone_number) if same_words(one.name, body.name)]
    results = [_compared(customer, body) for customer in known]
    return min(results, key=lambda result: result.result != UNCHANGED, default=None)


def _create(row: _Row, caller: Caller) -> Result:
    try:
        customer = add_customer(row.body, customer_ids(row.identity), caller=caller, fingerprint="", in_group=True)
    except Conflict as conflict:
        return _compared(conflict.current, row.body)
    log.audit("import_customers", 201, customer_id=customer.id, version=customer.version)
    return Result(CREATED, customer.id, show_code(customer.code))


def _compared(customer: Customer, body: NewCustomer) -> Result:
    """Return `unchanged` if the stored customer is as the row says, or else what it says otherwise."""
    differing = []
    if customer.erased:
        differing = [FieldError("/name", "invalid", _ERASED)]
    else:
        same = {
            "name": same_words(customer.name, body.name),
            "phone_number": customer.phone_number == body.phone_number,
            "email": customer.email.lower() == body.email.lower(),
            # Left out it says nothing.
            "language": body.language in (None, customer.language),
        }
        said = "this customer exists, but has another one: change it there, or correct the row"
        differing = [FieldError(f"/{name}", "invalid", said) for name, is_same in same.items() if not is_same]
    code = show_code(customer.code)
    return refused(differing, customer.id, code) if differing else Result(UNCHANGED, customer.id, code)
