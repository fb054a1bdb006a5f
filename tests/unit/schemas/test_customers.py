"""The contract's patterns are what the checks take."""

import re

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from sales.domain.phones import parse_phone_number
from sales.schemas import common as inputs
from sales.schemas import customers as customer_inputs

PHONE = re.compile(customer_inputs.PHONE_NUMBER_PATTERN)
PLAIN = re.compile(customer_inputs.NewCustomer.model_json_schema()["properties"]["name"]["pattern"])
EMAIL = re.compile(customer_inputs.NewCustomer.model_json_schema()["properties"]["email"]["pattern"])


class OneName(BaseModel):
    name: inputs.Name


class OneEmail(BaseModel):
    email: customer_inputs.Email


def takes(model: type[BaseModel], field: str, text: str) -> bool:
    try:
        model.model_validate({field: text})
    except ValidationError:
        return False
    return True


@given(st.one_of(st.text("+0123456789 ().-x\u0663", max_size=24), st.from_regex(PHONE, fullmatch=True)))
def test_the_phone_number_s_pattern(text: str) -> None:
    try:
        parse_phone_number(text)
    except ValueError:
        assert not PHONE.fullmatch(text)
    else:
        assert PHONE.fullmatch(text)


@given(st.one_of(st.text(max_size=9), st.text(" \t\n\x1f\x85a\u200b\ufeff\u2028\u00a0", max_size=6)))
def test_the_name_s_pattern(text: str) -> None:
    assert takes(OneName, "name", text) == bool(PLAIN.fullmatch(text))


@given(st.one_of(st.text("a.@ -_\n", max_size=12), st.emails(), st.from_regex(EMAIL, fullmatch=True)))
def test_the_e_mail_address_s_pattern(text: str) -> None:
    if len(text) <= 254:
        assert takes(OneEmail, "email", text) == bool(EMAIL.fullmatch(text))
