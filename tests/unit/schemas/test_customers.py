"""The contract's patterns of customers accept what the checks accept."""

import re

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from sales.domain.phones import parse_phone_number
from sales.schemas.customers import PHONE_NUMBER_PATTERN, Email, NewCustomer

PHONE = re.compile(PHONE_NUMBER_PATTERN)
EMAIL = re.compile(NewCustomer.model_json_schema()["properties"]["email"]["pattern"])


class OneEmail(BaseModel):
    email: Email


def accepts(text: str) -> bool:
    try:
        OneEmail.model_validate({"email": text})
    except ValidationError:
        return False
    return True


@given(st.one_of(st.text("+0123456789 ().-x\u0663", max_size=24), st.from_regex(PHONE, fullmatch=True)))
def test_the_pattern_of_phone_numbers(text: str) -> None:
    try:
        parse_phone_number(text)
    except ValueError:
        assert not PHONE.fullmatch(text)
    else:
        assert PHONE.fullmatch(text)


@given(st.one_of(st.text("a.@ -_\n", max_size=12), st.emails(), st.from_regex(EMAIL, fullmatch=True)))
def test_the_pattern_of_email_addresses(text: str) -> None:
    if len(text) <= 254:
        assert accepts(text) == bool(EMAIL.fullmatch(text))
