"""Request bodies of orders: amounts and currencies."""

from typing import Any

import pytest

from sales.domain.problems import Problem
from sales.schemas.common import parse
from sales.schemas.orders import NewOrder

BODY = {"customer": "5XQ2M7KD", "item": "macbook m2", "amount": "56000.68"}


def codes(changes: dict[str, Any], currency: str = "KES") -> dict[str, str]:
    """Return the code of each field at fault."""
    with pytest.raises(Problem) as refused:
        parse(NewOrder, BODY | changes, currency=currency)
    return {error.pointer: error.code for error in refused.value.errors}


def test_the_currency_decides_how_many_decimals_an_amount_may_have() -> None:
    assert codes({"currency": "UGX"}) == {"/amount": "too_many_decimals"}
    assert codes({"amount": "1.234"}) == {"/amount": "too_many_decimals"}
    assert str(parse(NewOrder, BODY | {"amount": "1.234", "currency": "KWD"}, currency="KES").amount) == "1.234"


def test_the_default_currency_counts_if_the_body_names_none() -> None:
    assert codes({}, currency="UGX") == {"/amount": "too_many_decimals"}
    assert codes({"currency": None}, currency="UGX") == {"/amount": "too_many_decimals"}


def test_an_unknown_currency_is_the_only_error_of_its_order() -> None:
    assert codes({"currency": "ABC", "amount": "1.234"}) == {"/currency": "unknown_currency"}


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("0", "too_small"),
        (-1, "too_small"),
        ("10000000000", "too_large"),
        ("1,500", "invalid_amount"),
        (True, "invalid_type"),
    ],
)
def test_each_bad_amount_has_its_code(amount: Any, code: str) -> None:
    assert codes({"amount": amount}) == {"/amount": code}
