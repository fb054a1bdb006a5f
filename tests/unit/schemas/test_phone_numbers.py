"""The reader of phone numbers, compared with libphonenumber."""

import re
from collections.abc import Iterator

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from sales.domain.countries import country
from sales.schemas.phone_numbers import read_form_number, read_number, read_reported_number
from tests.support.numbers import COUNTRIES, mobile, ways_of_writing

EVERY_REGION = sorted(phonenumbers.SUPPORTED_REGIONS)
TYPES = PhoneNumberType.values()
REACHABLE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


def e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


@pytest.mark.parametrize("region", COUNTRIES)
def test_a_mobile_number_is_read_however_it_is_written(region: str) -> None:
    ways = ways_of_writing(region)
    assert len(set(ways)) >= 20
    assert {written: read_number(written, region) for written in ways} == dict.fromkeys(ways, mobile(region))


@pytest.mark.parametrize("shop", COUNTRIES)
@pytest.mark.parametrize("region", COUNTRIES)
def test_a_foreign_number_is_read_as_the_shops_country_dials_it(shop: str, region: str) -> None:
    number = phonenumbers.parse(mobile(region))
    dialled = phonenumbers.format_out_of_country_calling_number(number, shop)
    assert read_number(dialled, shop) == e164(number)


def examples() -> Iterator[tuple[PhoneNumber, int]]:
    """Each country's example of each type of number."""
    for region in EVERY_REGION:
        for kind in TYPES:
            if (number := phonenumbers.example_number_for_type(region, kind)) and phonenumbers.is_valid_number(number):
                yield number, phonenumbers.number_type(number)


def test_mobile_and_landline_numbers_of_every_country_are_taken_and_no_others() -> None:
    for number, kind in examples():
        written = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
        if kind in REACHABLE:
            assert read_number(written, "KE") == e164(number)
        else:
            with pytest.raises(
                ValueError, match=r"must be a mobile or landline number: this one is [a-z ]+, which gets"
            ):
                read_number(written, "KE")


@pytest.mark.parametrize(
    ("written", "region", "reason"),
    [
        ("0704 59034", "KE", "must have nine digits after +254, as mobile numbers in Kenya do"),
        ("07045903444", "KE", "must have nine digits after +254, as mobile numbers in Kenya do"),
        ("", "UG", "must have nine digits after +256, as mobile numbers in Uganda do"),
        ("+22997000000", "KE", "must have ten digits after +229, as mobile numbers in Benin do"),
        # A plus sign without a calling code.
        ("+704590344", "KE", "must have ten digits after +7"),
        ("+110123456", "KE", "must have ten digits after +1"),
        ("+298123", "KE", "must have six digits after +298, as mobile numbers in Faroe Islands do"),
        ("12", "ZA", "must have five to nine digits after +27, as mobile numbers in South Africa do"),
        ("12", "GM", "must have seven or nine digits after +220, as mobile numbers in Gambia do"),
        ("+254 150 000 000", "KE", "must be a number in use: no mobile or landline number in Kenya begins like this"),
        ("+1 123 456 7890", "KE", "must be a number in use: no mobile or landline number with +1 begins like this"),
        ("+0", "KE", "must be a number in Kenya, or have + and another country's calling code in front"),
        ("+999 123 456", "KE", "must be a number in Kenya, or have + and another country's calling code in front"),
        ("+870 773 111 632", "KE", "must be a country's number: +870 belongs to satellites and services"),
        ("+870 1", "KE", "must be a country's number: +870 belongs to satellites and services"),
        ("+256 7", "KE", "must have nine digits after +256, as mobile numbers in Uganda do"),
        ("+", "KE", "must have nine digits after +254, as mobile numbers in Kenya do"),
        ("+2" + "5" * 30, "KE", "must have nine digits after +255, as mobile numbers in Tanzania do"),
        ("0800 222 333", "KE", "must be a mobile or landline number: this one is toll free, which gets no texts"),
    ],
)
def test_a_refusal_says_what_is_wrong(written: str, region: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}"):
        read_number(written, region)


@pytest.mark.parametrize(
    "written",
    [
        "call me", "0704590344 x5", "0704590344 ext. 5", "1-800-FLOWERS", "0704590344,0704590345", "0704590344;ext=5",
        "0704590344/5", "++254704590344", "254+704590344", "0704#590344", "*0704590344", "tel:tel:0704590344",
        "0704590344\x00", "0704²590344", "tel:",
    ],
)  # fmt: skip
def test_letters_extensions_and_second_numbers_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match="must have"):
        read_number(written, "KE")


@pytest.mark.parametrize(
    "hidden", ["\u200b", "\u200e", "\u202a", "\u2066", "\ufeff", "\u00ad", "\u2060", "\ufe00", "\ufe0f"]
)
def test_a_character_that_nobody_sees_does_not_count(hidden: str) -> None:
    number = mobile("KE")
    assert read_number(hidden + hidden.join(number) + hidden, "KE") == number


@pytest.mark.parametrize("space", ["\t", "\n", "\u00a0", "\u2009", "\u202f", "\u3000"])
@pytest.mark.parametrize(
    "dash", ["\u2010", "\u2011", "\u2013", "\u2212", "\uff0d", ".", "\u00b7", "\u2024", "\uff0e", "[", "\uff09"]
)
def test_any_space_dash_dot_or_bracket_may_separate_the_digits(space: str, dash: str) -> None:
    number = mobile("KE")
    assert read_number(f"{number[:4]}{space}{number[4:7]}{dash}{number[7:]}", "KE") == number


@pytest.mark.parametrize("plus", ["+", "\uff0b", "\ufe62", "00", "tel:+", "TEL: 00"])
def test_a_plus_sign_of_any_width_or_its_equal_may_be_in_front(plus: str) -> None:
    assert read_number(f" {plus}{mobile('UG')[1:]}", "KE") == mobile("UG")


def test_a_country_that_dials_another_prefix_than_00_may_use_either() -> None:
    number = mobile("KE").removeprefix("+")
    assert [read_number(prefix + number, "US") for prefix in ("00", "011")] == [f"+{number}"] * 2
    assert [read_number(prefix + number, "KE") for prefix in ("00", "000")] == [f"+{number}"] * 2


DIGITS = "0123456789"
WRITTEN = (
    st.text(max_size=30)
    | st.text(f"+{DIGITS} -.()", max_size=20)
    | st.builds(
        "{}{}{}".format,
        st.sampled_from(["+", "00", "", "tel:+", "+0"]),
        st.sampled_from(sorted({country(region).calling_code for region in EVERY_REGION})),
        st.text(DIGITS, min_size=4, max_size=14),
    )
)


@given(WRITTEN, st.sampled_from(EVERY_REGION))
@example("+49 201 00000000000", "DE")
def test_a_number_that_was_read_is_read_as_itself(written: str, region: str) -> None:
    try:
        number = read_number(written, region)
    except ValueError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert refusal.startswith("must ")
        return
    assert re.fullmatch(r"\+[1-9][0-9]{6,14}", number)
    assert read_number(number, region) == number
    assert phonenumbers.is_valid_number(phonenumbers.parse(number))


@pytest.mark.parametrize("region", COUNTRIES)
def test_a_plus_sign_that_became_a_space_is_read_as_a_plus_sign(region: str) -> None:
    number = mobile(region)
    assert read_form_number(number.replace("+", " "), "KE") == number
    assert read_form_number(number, "KE") == number


def test_a_space_in_front_of_a_national_number_is_only_a_space() -> None:
    national = phonenumbers.format_number(phonenumbers.parse(mobile("KE")), PhoneNumberFormat.NATIONAL)
    assert read_form_number(f" {national}", "KE") == mobile("KE")
    with pytest.raises(ValueError, match="must have"):
        read_form_number(" call me", "KE")


@pytest.mark.parametrize("region", COUNTRIES)
def test_a_reported_number_is_read_with_or_without_its_plus_sign(region: str) -> None:
    number = mobile(region)
    for shop in ("KE", "US"):
        for reported in (number, f" {number[1:]}", number[1:]):
            assert read_reported_number(reported, shop) == number
    national = phonenumbers.format_number(phonenumbers.parse(number), PhoneNumberFormat.NATIONAL)
    assert read_reported_number(national, region) == number


def test_a_reported_number_that_the_library_does_not_know_stands() -> None:
    # We may have stored it with an older library.
    unknown = f"+254{150_000_000}"
    with pytest.raises(ValueError, match="must be a number in use"):
        read_number(unknown, "KE")
    assert read_reported_number(unknown, "KE") == unknown
    for text in ("somebody", "", "+", "+12", "+1234567890123456"):
        with pytest.raises(ValueError, match="must be a phone number"):
            read_reported_number(text, "KE")
