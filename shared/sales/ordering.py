"""What a new order needs besides its own fields: its customer and the text it sends."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any, overload

from sales import log, metrics
from sales.customers import Customer
from sales.errors import FieldError, Problem
from sales.identity import is_replay
from sales.inputs import parse
from sales.lookup import find_customer
from sales.messages import Text, compose, costly_characters, estimate, parse_prices, render, text_template
from sales.money import show_amount
from sales.orders import Order
from sales.settings import settings
from sales.store import ReferenceTakenError, store

if TYPE_CHECKING:  # each function builds the body that it reads
    from sales.order_inputs import NewOrder
    from sales.sms_inputs import SmsPreview

__all__ = ["customer_for_order", "order_text", "place", "preview"]


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


def refuse_erased(customer: Customer | None) -> None:
    """Raises Problem `customer_erased` for a customer whose personal data is gone."""
    if customer and customer.erased:
        raise Problem("customer_erased")


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


def order_text(name: str, item: str, amount: Decimal, currency: str) -> Text:
    """The text an order sends: always the same for the same order."""
    config = settings()
    return compose(
        text_template(config.sms_text),
        name=name,
        item=item,
        currency=currency,
        amount=show_amount(amount, currency),
        max_segments=config.sms_max_segments,
    )


def preview(customer: Customer | None, name: str | None, item: str, amount: Decimal, currency: str) -> dict[str, Any]:
    """The text as written, what makes it dear, and as it is sent (`folded`), with what that is likely to cost.

    The price is of the text as sent, from the configured price list; null where that has none for the number.
    """
    refuse_erased(customer)
    config = settings()
    called = customer.name if customer else name or ""
    written = render(
        text_template(config.sms_text), name=called, item=item, currency=currency, amount=show_amount(amount, currency)
    )
    sent = order_text(called, item, amount, currency)
    number = customer.phone_number if customer else "+254"
    price = estimate(sent.segments, number, parse_prices(config.sms_prices))
    return {
        "text": written.text,
        "encoding": written.encoding,
        "segments": written.segments,
        "characters": [
            {"character": character, "position": position} for character, position in costly_characters(written.text)
        ],
        "folded": sent.text,
        "folded_encoding": sent.encoding,
        "folded_segments": sent.segments,
        "price": {"amount": str(price.amount), "currency": price.currency} if price else None,
    }
