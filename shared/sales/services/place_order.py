"""A new order: the customer it names, and what the same Idempotency-Key or reference finds."""

from typing import TYPE_CHECKING, Any, overload

from sales.domain.customers import Customer
from sales.domain.ids import fingerprint
from sales.domain.orders import Order
from sales.domain.problems import FieldError, Problem
from sales.domain.sms.wording import Wording
from sales.runtime import log, metrics
from sales.runtime.settings import settings
from sales.schemas.common import parse
from sales.services.idempotency import Done, check_replay
from sales.services.lookup import find_customer_and_wording
from sales.store import Conflict, store
from sales.store.orders import ReferenceTakenError

if TYPE_CHECKING:  # each function builds only the body that it reads
    from sales.schemas.orders import NewOrder
    from sales.schemas.previews import SmsPreview

__all__ = ["customer_for_order", "fingerprints", "place_order"]


def _named_customer(id_or_code: str) -> tuple[Customer, Wording]:
    try:
        return find_customer_and_wording(id_or_code)
    except Problem as problem:
        if problem.code != "not_found":
            raise
        error = FieldError("/customer", "not_found", "there is no such customer")
        raise Problem("validation_failed", errors=[error]) from None


@overload
def customer_for_order(model: "type[NewOrder]", body: dict[str, Any]) -> "tuple[NewOrder, Customer, Wording]": ...
@overload
def customer_for_order(
    model: "type[SmsPreview]", body: dict[str, Any]
) -> "tuple[SmsPreview, Customer | None, Wording]": ...
def customer_for_order(model: Any, body: dict[str, Any]) -> tuple[Any, Customer | None, Wording]:
    """Return the validated body, the customer it names by id or code, and the shop's wording.

    Raise Problem `validation_failed` with every field at fault, an unknown customer among them.
    """
    try:
        config = settings()
        parsed = parse(
            model,
            body,
            currency=config.default_currency,
            max_segments=config.sms_max_segments,
            country=config.default_country,
        )
    except Problem as problem:
        id_or_code = body.get("customer")
        if isinstance(id_or_code, str) and all(error.pointer != "/customer" for error in problem.errors):
            try:
                _named_customer(id_or_code)
            except Problem as unknown:
                problem.errors += unknown.errors
        raise
    if parsed.customer is None:
        return parsed, None, store().wordings.get()
    return parsed, *_named_customer(parsed.customer)


def fingerprints(fields: "NewOrder", customer: Customer, default_currency: str) -> tuple[str, str]:
    """Return the fingerprint of a request for an order, and of the same request with its currency left out or named.

    A currency left out is not replaced by the default in the fingerprint, because the default may change between a request
    and its repetition.
    """
    meaning = fields.meaning() | {"customer": customer.id}
    currency = meaning.pop("currency", None)
    left_out, named = fingerprint(meaning), fingerprint(meaning | {"currency": currency or default_currency})
    return (named, left_out) if currency else (left_out, named)


def place_order(order: Order, customer: Customer, other_fingerprint: str) -> Done[Order]:
    """Store a new order, or return the one that its Idempotency-Key created earlier, also for a customer erased since.

    `other_fingerprint` is the order's with the currency spelled otherwise (`fingerprints`). Raise Problem `idempotency_key_reused` if the key came with another request, `reference_taken`, or `customer_erased`.
    """
    if customer.erased:
        earlier = store().orders.get(order.id)
        if earlier is None:
            raise Problem("customer_erased")
        log.about(order_id=order.id)
        return _replay(earlier, order, other_fingerprint)
    log.about(order_id=order.id)
    try:
        placed = store().orders.add(order)
    except ReferenceTakenError as taken:
        log.about(order_id=taken.order_id)
        raise Problem("reference_taken", existing_id=taken.order_id) from None
    except Conflict as conflict:
        return _replay(conflict.current, order, other_fingerprint)
    metrics.count("OrdersCreated")
    return Done(placed)


def _replay(earlier: Order, order: Order, other_fingerprint: str) -> Done[Order]:
    # Leaving the currency out and naming it are the same request only where they mean the same currency.
    is_same_otherwise = earlier.fingerprint == other_fingerprint and earlier.currency == order.currency
    if not is_same_otherwise:
        check_replay(earlier.fingerprint, order.fingerprint)
    return Done(earlier, replayed=True)
