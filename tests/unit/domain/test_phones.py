"""E.164 and masked numbers."""

import re

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.phones import is_e164, mask
from tests.support.numbers import COUNTRIES, mobile


@given(st.text("+0129٢\n ", max_size=18) | st.from_regex(r"\+[0-9]{5,17}", fullmatch=True))
def test_e164_is_a_plus_and_7_to_15_digits_without_a_leading_zero(text: str) -> None:
    assert is_e164(text) == bool(re.fullmatch(r"\+[1-9][0-9]{6,14}", text))


@pytest.mark.parametrize("region", [*COUNTRIES, "US", "EG", "RU"])
def test_a_masked_number_shows_calling_code_one_digit_and_the_last_four(region: str) -> None:
    number = mobile(region)
    code = str(phonenumbers.country_code_for_region(region))
    assert mask(number) == f"+{code}{number[len(code) + 1]}****{number[-4:]}"


def test_a_masked_number_hides_two_digits_or_all() -> None:
    assert mask("+254704590344") == "+2547****0344"
    assert mask("+2547045903") == "+2547****5903"
    assert mask("+254704590") == "****"
    assert mask("") == "****"
