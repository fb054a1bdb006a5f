"""Request bodies of previews: they name either a customer or a name, and a number only with a name."""

from typing import Any

import pytest

from sales.domain.problems import Problem
from sales.schemas.common import parse
from sales.schemas.previews import SmsPreview

BODY = {"item": "macbook m2", "amount": "1"}


@pytest.mark.parametrize("who", [{}, {"customer": "5XQ2M7KD", "name": "john doe"}, {"customer": None, "name": None}])
def test_a_preview_needs_exactly_one_of_customer_and_name(who: dict[str, Any]) -> None:
    with pytest.raises(Problem) as refused:
        parse(SmsPreview, BODY | who, currency="KES")
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("", "one_of")]


@pytest.mark.parametrize("who", [{"customer": "5XQ2M7KD"}, {"name": "john doe", "customer": None}])
def test_a_preview_accepts_either(who: dict[str, Any]) -> None:
    assert parse(SmsPreview, BODY | who, currency="KES").item == "macbook m2"


def test_missing_fields_are_reported_with_the_missing_customer() -> None:
    with pytest.raises(Problem) as refused:
        parse(SmsPreview, {}, currency="KES")
    assert {error.pointer for error in refused.value.errors} == {"", "/item", "/amount"}


def test_a_number_is_read_as_a_new_customers_is() -> None:
    body = BODY | {"name": "john doe", "phone_number": "0704 590 344"}
    assert parse(SmsPreview, body, currency="KES", country="KE").phone_number == "+254704590344"
    with pytest.raises(Problem) as refused:
        parse(SmsPreview, body | {"phone_number": "0704"}, currency="KES", country="KE")
    assert [(error.pointer, error.code) for error in refused.value.errors] == [
        ("/phone_number", "number_not_reachable")
    ]


def test_a_customer_has_a_number_already() -> None:
    with pytest.raises(Problem) as refused:
        parse(
            SmsPreview, BODY | {"customer": "5XQ2M7KD", "phone_number": "+254704590344"}, currency="KES", country="KE"
        )
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/phone_number", "one_of")]
