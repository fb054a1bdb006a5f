"""Errors of fields: the contract lists every code, with advice."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from contract.document import build
from sales.domain.characters import REFUSED, shown
from sales.domain.problems import FIELD_ERRORS, FieldError, Problem
from sales.schemas import customers as customer_inputs
from sales.schemas import orders as order_inputs
from sales.schemas import previews as preview_inputs
from sales.schemas import sms as sms_inputs
from sales.schemas import wording as wording_inputs
from sales.schemas.common import Input, Name, parse

MODELS: list[type[Input]] = [
    customer_inputs.NewCustomer,
    customer_inputs.CustomerChanges,
    order_inputs.NewOrder,
    preview_inputs.SmsPreview,
    sms_inputs.Resend,
    wording_inputs.NewWording,
]
FIELDS = sorted({field for model in MODELS for field in model.model_fields} | {"id", "version", "colour", "", "a/b~c"})
# Any parsed JSON: numbers with a point are Decimal, and strings may be invalid Unicode.
TEXT = st.text(max_size=300) | st.text(st.characters(categories=["Cs", "Cc", "Cf"]), min_size=1, max_size=5)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.sampled_from(["x" * 41, "x" * 65, "x" * 151, "KES", "KE", "XXXX", "1.2345", "-1", "1e400", "a@b", " "])
)
VALUES = st.recursive(SCALARS, lambda each: st.lists(each, max_size=3) | st.dictionaries(TEXT, each, max_size=3))
BODIES = st.dictionaries(st.sampled_from(FIELDS) | TEXT, VALUES, max_size=8)


def test_the_contract_lists_each_code_with_a_sentence_of_advice() -> None:
    code = build()["components"]["schemas"]["FieldProblem"]["properties"]["code"]
    assert code["enum"] == list(FIELD_ERRORS)
    for name, action in FIELD_ERRORS.items():
        assert action.endswith(".")
        assert f"* `{name}`: {action}" in code["description"]


@pytest.mark.parametrize("model", MODELS)
@given(BODIES)
def test_any_body_only_gets_listed_codes(model: type[Input], body: dict[str, Any]) -> None:
    errors = _errors(model, body)
    assert {error.code for error in errors} <= FIELD_ERRORS.keys()
    assert all(error.pointer == "" or error.pointer.startswith("/") for error in errors)
    assert "invalid" not in {error.code for error in errors}, "an error of pydantic's without a code of ours"


def _errors(model: type[Input], body: dict[str, Any]) -> list[FieldError]:
    try:
        parse(model, body, currency="KES")
    except Problem as problem:
        return problem.errors
    return []


def test_these_are_all_request_bodies() -> None:
    assert _below(Input) - {order_inputs.Priced} == set(MODELS)


def _below(model: type[Input]) -> set[type[Input]]:
    return {each for child in model.__subclasses__() for each in (child, *_below(child))}


PLAIN = re.compile(customer_inputs.NewCustomer.model_json_schema()["properties"]["name"]["pattern"])


class OneName(BaseModel):
    name: Name


def accepts(text: str) -> bool:
    try:
        OneName.model_validate({"name": text})
    except ValidationError:
        return False
    return True


ODD = st.text(" \t\n\x1f\x85a\u200b\ufeff\u2028\u00a0\u3164\u00ad\u200d\u202e\u2800\ufe0f", max_size=6)


@given(st.one_of(st.text(max_size=9), ODD))
def test_the_pattern_of_names(text: str) -> None:
    # The pattern that was released also allows invisible names.
    if accepts(text) or any(shown(character).strip() and character not in REFUSED for character in text):
        assert accepts(text) == bool(PLAIN.fullmatch(text))
