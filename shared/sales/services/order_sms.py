"""The text an order sends, and its preview."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sales.domain.customers import Customer
from sales.domain.money import show_amount
from sales.domain.problems import Problem
from sales.domain.sms.content import compose, render
from sales.domain.sms.prices import estimate, parse_prices
from sales.domain.sms.segments import Content, costly_characters
from sales.domain.sms.wording import text_template
from sales.runtime.settings import settings

if TYPE_CHECKING:  # each function builds the body that it reads
    pass

__all__ = ["order_text", "preview"]


def refuse_erased(customer: Customer | None) -> None:
    """Raises Problem `customer_erased` for a customer whose personal data is gone."""
    if customer and customer.erased:
        raise Problem("customer_erased")


def order_text(name: str, item: str, amount: Decimal, currency: str) -> Content:
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
