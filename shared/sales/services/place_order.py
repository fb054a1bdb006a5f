"""A new order: the customer it names, and what the same Idempotency-Key or reference finds."""

from typing import TYPE_CHECKING, Any, overload

from sales.domain.customers import Customer
from sales.domain.orders import Order
from sales.domain.problems import FieldError, Problem
from sales.runtime import log, metrics
from sales.runtime.settings import settings
from sales.schemas.common import parse
from sales.services.idempotency import Done, check_replay
from sales.services.lookup import find_customer
from sales.store import Conflict, store
from sales.store.orders import ReferenceTakenError

if TYPE_CHECKING:  # each function builds only the body that it reads
    from sales.schemas.orders import NewOrder
    from sales.schemas.sms import SmsPreview

__all__ = ["customer_for_order", "place_order"]


def _named_customer(id_or_code: str) -> Customer:
    try:
        return find_customer(id_or_code)
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
    """Return the validated body and the customer it names by id or code.

    Raise Problem `validation_failed` with every field at fault, an unknown customer among them.
    """
    try:
        parsed = parse(model, body, currency=settings().default_currency)
    except Problem as problem:
        id_or_code = body.get("customer")
        if isinstance(id_or_code, str) and all(error.pointer != "/customer" for error in problem.errors):
            try:
                _named_customer(id_or_code)
            except Problem as unknown:
                problem.errors += unknown.errors
        raise
    if parsed.customer is None:
        return parsed, None
    return parsed, _named_customer(parsed.customer)


def place_order(order: Order, customer: Customer) -> Done[Order]:
    """Store a new order, or return the one that its Idempotency-Key created earlier, also for a customer erased since.

    Raise Problem `idempotency_key_reused` if the key came with another request, `reference_taken`, or `customer_erased`.
    """
    log.about(order.id)
    if customer.erased:
        earlier = store().orders.get(order.id)
        if earlier is None:
            raise Problem("customer_erased")
        return _replay(earlier, order)
    try:
        placed = store().orders.add(order)
    except ReferenceTakenError as taken:
        raise Problem("reference_taken", existing_id=taken.order_id) from None
    except Conflict as conflict:
        return _replay(conflict.current, order)
    metrics.count("OrdersCreated")
    return Done(placed)


def _replay(earlier: Order, order: Order) -> Done[Order]:
    check_replay(earlier.fingerprint, order.fingerprint)
    return Done(earlier, replayed=True)
