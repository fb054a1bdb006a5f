"""The price of a text."""

import json
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.sms.prices import Price, estimate, parse_prices


def test_the_longest_prefix_sets_the_price() -> None:
    prices = parse_prices('{"+254": "KES 0.80", "+2547000": "KES 1.00", "+1": "USD 0.01"}')
    assert estimate(2, "+254704590344", prices) == Price(Decimal("1.60"), "KES")
    assert estimate(1, "+254700000001", prices) == Price(Decimal("1.00"), "KES")
    assert estimate(1, "+256700000001", prices) is None
    assert parse_prices("") == {}


@pytest.mark.parametrize(
    "prices",
    [
        "[]",
        "x",
        '{"+254": 1}',
        '{"+254": "KES"}',
        '{"+254": "0.80 KES"}',
        '{"254": "KES 0.80"}',
        '{"+254": "KES NaN"}',
        '{"+254": "KES -1"}',
        '{"+254": "kes 1"}',
    ],
)
def test_a_text_that_is_not_a_price_list_is_refused(prices: str) -> None:
    with pytest.raises(ValueError, match="SMS prices"):
        parse_prices(prices)


PREFIX = r"\+[1-9][0-9]{0,14}"
PRICE = r"[A-Z]{3} [0-9]{1,12}(\.[0-9]{1,6})?"


@given(
    st.text("+019٢", max_size=18) | st.from_regex(r"\+[0-9]{1,17}", fullmatch=True),
    st.from_regex(PRICE, fullmatch=True)
    | st.from_regex(r"[A-Za-z]{2,4} ?[0-9]{0,14}\.?[0-9]{0,8}", fullmatch=True)
    | st.text("KESÉß 0.٢\n", max_size=20),
)
def test_a_price_list_has_prefixes_and_prices_of_this_form(prefix: str, price: str) -> None:
    configured = json.dumps({prefix: price})
    if re.fullmatch(PREFIX, prefix) and re.fullmatch(PRICE, price):
        assert parse_prices(configured) == {prefix: Price(Decimal(price[4:]), price[:3])}
    else:
        with pytest.raises(ValueError, match="SMS prices"):
            parse_prices(configured)
