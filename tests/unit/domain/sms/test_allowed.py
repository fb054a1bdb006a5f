"""Which numbers may be texted, and from which sender ids."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samtranslator.yaml_helper import yaml_parse

from deployment import ROOT
from sales.domain.sms.allowed import allowed_prefixes, check_sender_id, is_allowed
from tests.support.numbers import COUNTRIES, mobile

PARAMETERS = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]


@pytest.mark.parametrize("region", COUNTRIES)
def test_without_a_list_the_shops_own_country_is_allowed_and_no_other(region: str) -> None:
    prefixes = allowed_prefixes("", region)
    assert [other for other in COUNTRIES if is_allowed(mobile(other), prefixes)] == [region]


def test_a_list_has_prefixes_and_whole_numbers() -> None:
    prefixes = allowed_prefixes(f" +254 , {mobile('UG')}", "KE")
    assert is_allowed(mobile("KE"), prefixes)
    assert is_allowed(mobile("UG"), prefixes)
    assert not is_allowed(mobile("UG")[:-1] + "0", prefixes)
    assert not is_allowed(mobile("TZ"), prefixes)


@pytest.mark.parametrize("region", ["US", "KZ", "GB"])
def test_a_country_that_shares_its_calling_code_must_list_its_prefixes(region: str) -> None:
    with pytest.raises(ValueError, match=r"must list the prefixes of the numbers to text, because .* shares \+"):
        allowed_prefixes(" ", region)
    assert allowed_prefixes("+1202", region) == ("+1202",)


def test_the_message_names_the_other_countries() -> None:
    with pytest.raises(ValueError, match=r"Kazakhstan shares \+7 with Russia$"):
        allowed_prefixes("", "KZ")
    with pytest.raises(ValueError, match=r"Canada shares \+1 with .+ and 23 others$"):
        allowed_prefixes("", "CA")


@pytest.mark.parametrize(
    "configured", ["254", "+", "+254,", "+0254", "+254 +256", "Kenya", "+254x", ",", "+1234567890123456"]
)
def test_a_list_with_anything_else_is_refused(configured: str) -> None:
    with pytest.raises(ValueError, match="must be a list of prefixes or numbers"):
        allowed_prefixes(configured, "KE")


@given(
    st.text("+0129, x", max_size=20)
    | st.from_regex(r"\+[1-9][0-9]{0,15}( ?, ?\+[1-9][0-9]{0,15}){0,3}", fullmatch=True)
)
def test_the_templates_pattern_of_allowed_numbers_is_the_same_rule(configured: str) -> None:
    if configured.strip() != configured:
        return
    try:
        allowed_prefixes(configured, "KE")
    except ValueError:
        assert not re.fullmatch(PARAMETERS["SmsAllowed"]["AllowedPattern"], configured)
    else:
        assert re.fullmatch(PARAMETERS["SmsAllowed"]["AllowedPattern"], configured)


@given(st.text(max_size=13) | st.text("Aa9 ._-é/", max_size=13))
def test_the_templates_pattern_of_sender_ids_is_the_same_rule(sender_id: str) -> None:
    try:
        check_sender_id(sender_id)
    except ValueError:
        assert not re.fullmatch(PARAMETERS["SmsSender"]["AllowedPattern"], sender_id)
    else:
        assert re.fullmatch(PARAMETERS["SmsSender"]["AllowedPattern"], sender_id)


def test_a_sender_id_has_at_most_eleven_characters() -> None:
    check_sender_id("")
    check_sender_id("MAMA KESHO.")
    for sender_id in ("Mama Kesho Supermarket", "MAMA KESHO.1", "Dukaé", "A+B"):
        with pytest.raises(ValueError, match="at most 11"):
            check_sender_id(sender_id)
