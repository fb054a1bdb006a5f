"""The preview of an order's SMS: its words, its price, and whether it would go out."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from sales.domain import clock
from sales.domain.countries import country
from sales.domain.customers import Customer
from sales.domain.money import say_amount
from sales.domain.orders import held_back
from sales.domain.problems import Problem
from sales.domain.sms.content import render
from sales.domain.sms.prices import estimate, parse_prices
from sales.domain.sms.segments import costly_characters
from sales.domain.sms.wording import text_template
from sales.runtime.settings import Settings, settings
from sales.services.sms.content import order_content
from sales.services.sms.limits import LIMIT, is_used_up
from sales.store import store
from sales.store.numbers import NumberState

__all__ = ["preview"]


def preview(customer: Customer | None, name: str | None, item: str, amount: Decimal, currency: str) -> dict[str, Any]:
    """Return the text as written, which of its characters make it expensive, and the text as it would be sent (`folded`).

    `outcome` is `will_send`, or the reason why none would be sent now. The price is the least that the text as sent costs, by
    the configured price list, and null if the list has none for the number; without a customer it is that of a number in the
    shop's own country. The provider adds to a customer's first text, and does not publish how much.
    Raise Problem `customer_erased`.
    """
    if customer and customer.erased:
        raise Problem("customer_erased")
    config = settings()
    addressee = customer.name if customer else name or ""
    written = render(
        text_template(config.sms_text),
        name=addressee,
        item=item,
        currency=currency,
        amount=say_amount(amount, currency),
    )
    sent = order_content(addressee, item, amount, currency)
    number = customer.phone_number if customer else f"+{country(config.default_country).calling_code}"
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
        "outcome": _outcome(customer, config),
    }


def _outcome(customer: Customer | None, config: Settings) -> str:
    # A number may have got another customer since, whom only the sender marks.
    known = store().numbers.state(customer.phone_number) if customer else NumberState()
    if customer:
        opted_out = customer.sms_opted_out or known.opted_out
        blocked = customer.sms_blocked or store().sender in known.blocked_senders
        present = replace(customer, sms_opted_out=opted_out, sms_blocked=blocked)
        if reason := held_back(present, config.sms_allowed):
            return reason
    return LIMIT if is_used_up(store(), known, clock.now(), config) else "will_send"
