"""Every code that a field at fault may have is one that the contract lists with what to do about it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.document import build
from sales.domain.problems import FIELD_ERRORS, FieldError, Problem
from sales.schemas import customers as customer_inputs
from sales.schemas import orders as order_inputs
from sales.schemas import sms as sms_inputs
from sales.schemas.common import Input, parse

MODELS: list[type[Input]] = [
    customer_inputs.NewCustomer,
    customer_inputs.CustomerChanges,
    order_inputs.NewOrder,
    sms_inputs.SmsPreview,
    sms_inputs.Resend,
]
FIELDS = sorted({field for model in MODELS for field in model.model_fields} | {"id", "version", "colour", "", "a/b~c"})
# Whatever a JSON body can hold, as it is parsed: numbers with a point are Decimal, and a string may be no Unicode.
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


def test_what_to_do_about_each_code_is_a_sentence_and_stands_in_the_contract() -> None:
    code = build()["components"]["schemas"]["FieldProblem"]["properties"]["code"]
    assert code["enum"] == list(FIELD_ERRORS)
    for name, action in FIELD_ERRORS.items():
        assert action.endswith(".")
        assert f"* `{name}`: {action}" in code["description"]


@pytest.mark.parametrize("model", MODELS)
@given(BODIES)
def test_whatever_a_body_holds_each_code_is_listed(model: type[Input], body: dict[str, Any]) -> None:
    errors = _errors(model, body)
    assert {error.code for error in errors} <= FIELD_ERRORS.keys()
    assert all(error.pointer == "" or error.pointer.startswith("/") for error in errors)
    assert "invalid" not in {error.code for error in errors}, "a kind that nobody thought of"


def _errors(model: type[Input], body: dict[str, Any]) -> list[FieldError]:
    try:
        parse(model, body, currency="KES")
    except Problem as problem:
        return problem.errors
    return []


def test_every_field_of_a_body_of_ours_is_one_of_these_models() -> None:
    assert _below(Input) - {order_inputs.Priced} == set(MODELS)


def _below(model: type[Input]) -> set[type[Input]]:
    return {each for child in model.__subclasses__() for each in (child, *_below(child))}
