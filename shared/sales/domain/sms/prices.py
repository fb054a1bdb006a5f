"""What a text costs, by the shop's price list."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

__all__ = ["Price", "estimate", "parse_prices"]

_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")


_CURRENCY = re.compile(r"[A-Z]{3}")


_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Price:
    """What a text is likely to cost."""

    amount: Decimal
    currency: str


def parse_prices(configured: str) -> dict[str, Price]:
    """The price of a segment by dialling prefix, from JSON such as `{"+254": "KES 0.80"}`. Raises ValueError."""
    try:
        found = json.loads(configured or "{}")
        prices = {}
        for prefix, price in found.items():
            currency, _, amount = price.partition(" ")
            if not (_PREFIX.fullmatch(prefix) and _CURRENCY.fullmatch(currency) and _AMOUNT.fullmatch(amount)):
                raise ValueError
            prices[prefix] = Price(Decimal(amount), currency)
    except (ValueError, AttributeError):
        raise ValueError('the SMS prices are not JSON such as {"+254": "KES 0.80"}') from None
    return prices


def estimate(segments: int, number: str, prices: Mapping[str, Price]) -> Price | None:
    """The price of that many segments to this number, by the longest prefix that has one."""
    for length in range(len(number), 0, -1):
        if price := prices.get(number[:length]):
            return Price(price.amount * segments, price.currency)
    return None
