"""Request bodies of customers: numbers, and the pattern of e-mail addresses."""

import re

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat
from pydantic import BaseModel, ValidationError

from sales.domain.problems import Problem
from sales.schemas.common import parse
from sales.schemas.customers import CustomerChanges, Email, NewCustomer
from tests.support.numbers import COUNTRIES, mobile

EMAIL = re.compile(NewCustomer.model_json_schema()["properties"]["email"]["pattern"])


class OneEmail(BaseModel):
    email: Email


def accepts(text: str) -> bool:
    try:
        OneEmail.model_validate({"email": text})
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_number_without_a_calling_code_is_of_the_shops_country(country: str) -> None:
    national = phonenumbers.format_number(phonenumbers.parse(mobile(country)), PhoneNumberFormat.NATIONAL)
    assert parse(CustomerChanges, {"phone_number": national}, country=country).phone_number == mobile(country)


def test_a_number_that_cannot_be_reached_has_its_own_code_and_sentence() -> None:
    with pytest.raises(Problem) as refused:
        parse(CustomerChanges, {"phone_number": "0704 590"}, country="KE")
    [error] = refused.value.errors
    assert (error.pointer, error.code) == ("/phone_number", "number_not_reachable")
    assert error.detail == "must have nine digits after +254, as mobile numbers in Kenya do"


@given(st.one_of(st.text("a.@ -_\n", max_size=12), st.emails(), st.from_regex(EMAIL, fullmatch=True)))
def test_the_pattern_of_email_addresses(text: str) -> None:
    if len(text) <= 254:
        assert accepts(text) == bool(EMAIL.fullmatch(text))
