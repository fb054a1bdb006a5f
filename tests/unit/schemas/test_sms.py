"""Request bodies of texts: previews name either a customer or a name."""

from typing import Any

import pytest

from sales.domain.problems import Problem
from sales.schemas.common import parse
from sales.schemas.sms import Resend, SmsPreview

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


def test_a_reason_loses_its_surrounding_space_and_may_not_be_empty() -> None:
    assert parse(Resend, {"reason": " lost phone "}).reason == "lost phone"
    with pytest.raises(Problem, match="validation_failed"):
        parse(Resend, {"reason": " "})
