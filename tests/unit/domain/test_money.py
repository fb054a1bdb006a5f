"""Amounts and currencies."""

import re
from decimal import Decimal
from importlib.resources import files
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samtranslator.yaml_helper import yaml_parse

from deployment import ROOT
from sales.domain.money import (
    CURRENCIES,
    LARGEST,
    WITHDRAWN,
    AmountError,
    active_currency,
    check_decimals,
    parse_amount,
    say_amount,
    show_amount,
)
from sales.schemas.orders import NewOrder

# The amount as a string, in the contract.
PATTERN = NewOrder.model_json_schema()["properties"]["amount"]["anyOf"][0]["pattern"]
# In ISO's list without being a country's money: a unit of account, and a fund that ISO does not mark as one.
NO_MONEY = {"XAD", "UYW"}


@given(st.decimals(min_value="0.01", max_value="9999999999.99", places=2))
def test_an_amount_comes_back_exactly_as_it_was_written(amount: Decimal) -> None:
    assert show_amount(check_decimals(parse_amount(str(amount)), "KES"), "KES") == str(amount)


def published() -> dict[str, int]:
    """Return the currencies in ISO's list one with their decimals; metals and tests have none."""
    table = ET.fromstring((files("iso4217") / "table.xml").read_text())
    currencies = {}
    for entry in table.iter("CcyNtry"):
        code, decimals, name = entry.findtext("Ccy"), entry.findtext("CcyMnrUnts", ""), entry.find("CcyNm")
        if code and decimals.isdigit() and name is not None and name.get("IsFund") != "true":
            currencies[code] = int(decimals)
    return currencies


def test_the_currencies_are_isos_with_isos_decimals() -> None:
    assert {code: places for code, places in published().items() if code not in NO_MONEY} == CURRENCIES


def test_the_template_offers_the_same_currencies() -> None:
    parameters = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]
    assert parameters["DefaultCurrency"]["AllowedValues"] == sorted(CURRENCIES)


def test_a_withdrawn_currency_is_shown_and_not_accepted() -> None:
    assert not WITHDRAWN.keys() & CURRENCIES.keys()
    assert [show_amount(Decimal(5), code) for code in ("ANG", "BGN", "UYI")] == ["5.00", "5.00", "5"]
    for code in WITHDRAWN:
        with pytest.raises(ValueError, match="ISO 4217"):
            active_currency(code)
    assert active_currency("XCG") == "XCG"


@given(
    st.text("0159.,+-_eE ", max_size=14)
    | st.from_regex(PATTERN, fullmatch=True)
    | st.from_regex(r"[0-9]{1,12}(\.[0-9]{0,5})?", fullmatch=True)
)
def test_an_amount_is_written_as_the_contract_says(text: str) -> None:
    is_written_so = bool(re.fullmatch(PATTERN, text)) and 0 < Decimal(text) <= LARGEST
    try:
        amount = parse_amount(text)
    except AmountError:
        assert not is_written_so
    else:
        assert is_written_so
        assert amount == Decimal(text)


@given(st.one_of(st.text(max_size=30), st.integers(), st.decimals(allow_nan=True, allow_infinity=True)))
def test_a_parsed_amount_is_within_bounds(value: object) -> None:
    try:
        amount = parse_amount(value)
    except AmountError:
        return
    assert 0 < amount <= LARGEST


def test_a_float_is_never_money() -> None:
    with pytest.raises(AmountError, match="written out"):
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
        ("", "invalid_amount"),
        ("5.60007E+04", "invalid_amount"),
        ("1e3", "invalid_amount"),
        ("+5", "invalid_amount"),
        (".5", "invalid_amount"),
        ("5.", "invalid_amount"),
        ("--5", "invalid_amount"),
        ("00000000001", "invalid_amount"),
        ("1.0000", "too_many_decimals"),
        (Decimal("0.0001"), "too_many_decimals"),
        ("NaN", "invalid_amount"),
        ("Infinity", "invalid_amount"),
        ("-Infinity", "invalid_amount"),
        ("1e400", "too_large"),
        (float("inf"), "too_large"),
        (5.60007e4, "invalid_amount"),
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


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        ("56000.68", "KES", "56,000.68"),
        ("999.9", "KES", "999.90"),
        ("1000", "KES", "1,000.00"),
        ("185000", "UGX", "185,000"),
        ("1234.567", "KWD", "1,234.567"),
        ("9999999999.99", "KES", "9,999,999,999.99"),
    ],
)
def test_a_text_says_amounts_in_groups_of_thousands(amount: str, currency: str, said: str) -> None:
    assert say_amount(Decimal(amount), currency) == said
