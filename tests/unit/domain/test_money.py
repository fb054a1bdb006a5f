"""Amounts and currencies."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.money import CURRENCIES, LARGEST, AmountError, check_decimals, parse_amount, show_amount


@given(st.decimals(min_value="0.01", max_value="9999999999.99", places=2))
def test_an_amount_comes_back_exactly_as_it_was_written(amount: Decimal) -> None:
    assert show_amount(check_decimals(parse_amount(str(amount)), "KES"), "KES") == str(amount)


@given(st.one_of(st.text(max_size=30), st.integers(), st.decimals(allow_nan=True, allow_infinity=True)))
def test_a_parsed_amount_is_within_bounds(value: object) -> None:
    try:
        amount = parse_amount(value)
    except AmountError:
        return
    assert 0 < amount <= LARGEST


def test_a_float_is_never_money() -> None:
    with pytest.raises(AmountError):
        parse_amount(1.5)


def test_each_currency_has_its_decimals() -> None:
    assert (CURRENCIES["KES"], CURRENCIES["UGX"], CURRENCIES["KWD"]) == (2, 0, 3)
    assert show_amount(Decimal(5), "UGX") == "5"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (True, "invalid_type"),
        (None, "invalid_type"),
        ("1_000", "invalid_amount"),
        (" 1", "invalid_amount"),
        ("١", "invalid_amount"),
        ("x", "invalid_amount"),
        ("NaN", "invalid_amount"),
        ("Infinity", "invalid_amount"),
        (0, "too_small"),
        ("-1", "too_small"),
        ("10000000000", "too_large"),
    ],
)
def test_a_refused_amount_says_why(value: object, code: str) -> None:
    with pytest.raises(AmountError) as refusal:
        parse_amount(value)
    assert refusal.value.code == code


def test_the_largest_amount_is_an_amount() -> None:
    assert parse_amount("9999999999.99") == LARGEST


def test_an_amount_with_more_decimals_than_its_currency_is_refused() -> None:
    assert check_decimals(Decimal("1.500"), "KES") == Decimal("1.50")
    with pytest.raises(AmountError, match="at most 2 decimals in KES"):
        check_decimals(Decimal("1.505"), "KES")
