"""What a new order needs besides its own fields: its customer and the text it sends."""

from typing import TYPE_CHECKING, Any, overload

from sales.domain.customers import Customer
from sales.domain.ids import is_replay
from sales.domain.orders import Order
from sales.domain.problems import FieldError, Problem
from sales.runtime import log, metrics
from sales.runtime.settings import settings
from sales.schemas.common import parse
from sales.services.lookup import find_customer
from sales.services.order_sms import refuse_erased
from sales.store import ReferenceTakenError, store

if TYPE_CHECKING:  # each function builds the body that it reads
    from sales.schemas.orders import NewOrder
    from sales.schemas.sms import SmsPreview

__all__ = ["customer_for_order", "place"]


def _known_customer(reference: str) -> Customer:
    try:
        return find_customer(reference)
    except Problem as problem:
        if problem.code != "not_found":
            raise
        error = FieldError("/customer", "not_found", "there is no such customer")
        raise Problem("validation_failed", errors=[error]) from None


@overload
def customer_for_order(model: "type[NewOrder]", body: dict[str, Any]) -> "tuple[NewOrder, Customer]": ...
@overload
def customer_for_order(model: "type[SmsPreview]", body: dict[str, Any]) -> "tuple[SmsPreview, Customer | None]": ...
def customer_for_order(model: Any, body: dict[str, Any]) -> tuple[Any, Customer | None]:
    """The validated body and the customer it names (by id or code).

    Raises Problem `validation_failed` with every field at fault, an unknown customer among them.
    """
    try:
        given = parse(model, body, currency=settings().default_currency)
    except Problem as problem:
        named = body.get("customer")
        if isinstance(named, str) and all(error.pointer != "/customer" for error in problem.errors):
            try:
                _known_customer(named)
            except Problem as unknown:
                problem.errors += unknown.errors
        raise
    if given.customer is None:
        return given, None
    return given, _known_customer(given.customer)


def place(order: Order, customer: Customer) -> tuple[Order, bool]:
    """Stores a new order; with True, the one that is there since its Idempotency-Key was used before.

    Raises Problem `idempotency_key_reused` where that one was another request's, `reference_taken`, or
    `customer_erased`: nothing new is created then, but what was created stays created.
    """
    log.about(order.id)
    try:
        there = store().order(order.id) if customer.erased else store().add_order(order)
    except ReferenceTakenError as taken:
        raise Problem("reference_taken", existing_id=taken.order_id) from None
    if there is None:
        refuse_erased(customer)
        metrics.count("OrdersCreated")
        return order, False
    if not is_replay(there.fingerprint, order.fingerprint):
        raise Problem("idempotency_key_reused")
    return there, True
