"""The content of an order's SMS."""

from decimal import Decimal

from sales.domain.money import say_amount
from sales.domain.sms.content import compose
from sales.domain.sms.segments import Content
from sales.domain.sms.wording import text_template
from sales.runtime.settings import settings

__all__ = ["order_content"]


def order_content(name: str, item: str, amount: Decimal, currency: str) -> Content:
    """Return the content of an order's SMS: always the same for the same order."""
    config = settings()
    return compose(
        text_template(config.sms_text),
        name=name,
        item=item,
        currency=currency,
        amount=say_amount(amount, currency),
        max_segments=config.sms_max_segments,
    )
