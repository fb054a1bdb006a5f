"""The content of an order's SMS."""

from decimal import Decimal
from typing import NamedTuple

from sales.domain.customers import Customer
from sales.domain.ids import code_of, show_code
from sales.domain.money import say_amount
from sales.domain.sms.content import compose
from sales.domain.sms.segments import Content
from sales.domain.sms.wording import NO_CODE, Wording
from sales.runtime.settings import settings

__all__ = ["Addressee", "order_content"]


class Addressee(NamedTuple):
    """A person whom an order would text before they are a customer; the number is empty until it is known."""

    name: str
    language: str | None = None
    phone_number: str = ""
    sms_opted_out: bool = False
    sms_blocked: bool = False


def order_content(
    wording: Wording, addressee: Customer | Addressee, order_id: str | None, item: str, amount: Decimal, currency: str
) -> Content:
    """Return the content of an order's SMS: always the same for the same wording, addressee and order.

    Without an id the order does not exist yet.
    """
    language = wording.language_for(addressee.language)
    content = compose(
        wording.created[language],
        name=addressee.name,
        item=item,
        currency=currency,
        amount=say_amount(amount, currency),
        code=show_code(code_of(order_id)) if order_id else NO_CODE,
        max_segments=settings().sms_max_segments,
    )
    return content._replace(language=language)
