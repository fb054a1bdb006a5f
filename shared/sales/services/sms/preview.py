"""The preview of an order's SMS: its words, its price, and whether it would go out."""

from decimal import Decimal
from typing import Any

from sales.domain import clock
from sales.domain.countries import country
from sales.domain.customers import Customer
from sales.domain.money import say_amount
from sales.domain.orders import NOT_ASKED, held_back
from sales.domain.problems import Problem
from sales.domain.sms.content import render
from sales.domain.sms.prices import estimate, parse_prices
from sales.domain.sms.segments import costly_characters
from sales.domain.sms.wording import NO_CODE, Wording
from sales.runtime.settings import Settings, settings
from sales.services.sms.content import Addressee, order_content
from sales.services.sms.limits import LIMIT, is_used_up
from sales.store import store
from sales.store.numbers import NumberState

__all__ = ["preview", "wording_to_try"]


def wording_to_try(template: str) -> Wording:
    """Return a wording that has only this template, whatever the customer's language."""
    return Wording(0, "en", {"en": template})


def preview(
    wording: Wording,
    addressee: Customer | Addressee,
    item: str,
    amount: Decimal,
    currency: str,
    *,
    asked: bool,
) -> dict[str, Any]:
    """Return the text as written, which of its characters make it expensive, and the text as it would be sent (`folded`).

    `outcome` is `will_send`, or the reason why none would be sent now; `asked` is whether the order asks for a text. The order's
    code does not exist yet, and shows as `XXXX-XXXX`. The price is the least that the text as sent costs, by
    the configured price list, and null if the list has none for the number; without a number it is that of one in the
    shop's own country. The provider adds to a customer's first text, and does not publish how much.
    Raise Problem `customer_erased`.
    """
    if isinstance(addressee, Customer) and addressee.erased:
        raise Problem("customer_erased")
    config = settings()
    written = render(
        wording.created[wording.language_for(addressee.language)],
        name=addressee.name,
        item=item,
        currency=currency,
        amount=say_amount(amount, currency),
        code=NO_CODE,
    )
    sent = order_content(wording, addressee, None, item, amount, currency)
    number = addressee.phone_number or f"+{country(config.default_country).calling_code}"
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
        "outcome": _outcome(addressee, config) if asked else NOT_ASKED,
    }


def _outcome(addressee: Customer | Addressee, config: Settings) -> str:
    number = addressee.phone_number
    known = store().numbers.state(number) if number else NumberState()
    if number:
        # A number may have got another customer since, whom only the sender marks.
        opted_out = addressee.sms_opted_out or known.opted_out
        blocked = addressee.sms_blocked or store().sender in known.blocked_senders
        if reason := held_back(number, config.sms_allowed, opted_out=opted_out, blocked=blocked):
            return reason
    return LIMIT if is_used_up(store(), known, clock.now(), config) else "will_send"
