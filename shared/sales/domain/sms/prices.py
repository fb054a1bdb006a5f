"""The likely cost of a text, by the shop's price list."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

__all__ = ["Price", "estimate", "parse_prices", "stated_price"]


class Price(NamedTuple):
    """An amount of money for a text, or for one segment of it."""

    amount: Decimal
    currency: str


def parse_prices(configured: str) -> dict[str, Price]:
    """Return the price of a segment by dialling prefix, from JSON such as `{"+254": "KES 0.80"}`.

    An empty string is an empty list. Raise ValueError for any other text.
    """
    try:
        return {_prefix(prefix): _price(price) for prefix, price in json.loads(configured or "{}").items()}
    except (ValueError, AttributeError):
        raise ValueError('the SMS prices are not JSON such as {"+254": "KES 0.80"}') from None


def stated_price(text: str) -> Price | None:
    """Return a price that the provider stated, such as `KES 0.8000`, or None if it cannot be read."""
    try:
        return _price(text)
    except ValueError:
        return None


def _prefix(prefix: str) -> str:
    if not (prefix[:1] == "+" and prefix[1:2] != "0" and _is_digits(prefix[1:], at_most=15)):
        raise ValueError
    return prefix


def _price(price: str) -> Price:
    currency, _, amount = price.partition(" ")
    whole, point, fraction = amount.partition(".")
    is_currency = len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()
    is_amount = _is_digits(whole, at_most=12) and (not point or _is_digits(fraction, at_most=6))
    if not (is_currency and is_amount):
        raise ValueError
    return Price(Decimal(amount), currency)


def _is_digits(text: str, *, at_most: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= at_most


def estimate(segments: int, number: str, prices: Mapping[str, Price]) -> Price | None:
    """Return the price of this many segments to the number, by its longest prefix in the list; None without one."""
    for length in range(len(number), 0, -1):
        if price := prices.get(number[:length]):
            return Price(price.amount * segments, price.currency)
    return None
