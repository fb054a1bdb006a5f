"""Phone numbers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.phones import is_e164, mask, parse_phone_number, reported_number


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0704590344", "+254704590344"),
        ("0110000000", "+254110000000"),
        ("+254110000000", "+254110000000"),
        ("+2540704590344", "+254704590344"),
        ("+12025550123", "+12025550123"),
        ("0012025550123", "+12025550123"),
    ],
)
def test_the_usual_forms_of_a_number_are_one_number(written: str, number: str) -> None:
    assert parse_phone_number(written) == number


@pytest.mark.parametrize(
    "written",
    [
        "", "+", "call me", "0704 59034", "07045903444", "0204590344", "+254204590344", "+2547045903440", "0704590344 x5",
        "1-800-FLOWERS", "+0704590344", "٠٧٠٤٥٩٠٣٤٤", "0704590344,0704590345", "+12", "+1234567890123456", "12025550123",
        "0704590344\n", "++254704590344",
    ],
)  # fmt: skip
def test_a_text_that_is_not_a_number_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_phone_number(written)


@pytest.mark.parametrize(
    ("reported", "number"),
    [
        ("+254704590344", "+254704590344"),
        (" 254704590344", "+254704590344"),
        ("254704590344", "+254704590344"),
        ("0704590344", "+254704590344"),
        (" 12025550123", "+12025550123"),
        ("12025550123", "+12025550123"),
        ("somebody", ""),
        ("", ""),
        ("+", ""),
    ],
)
def test_a_webhooks_number_is_read_even_if_its_plus_is_lost(reported: str, number: str) -> None:
    assert reported_number(reported) == number


@given(st.text(max_size=30) | st.text("+0125479 -", max_size=20))
def test_a_parsed_number_is_e164_and_parses_to_itself(written: str) -> None:
    try:
        number = parse_phone_number(written)
    except ValueError:
        return
    assert re.fullmatch(r"\+[1-9][0-9]{6,14}", number)
    assert parse_phone_number(number) == number


# All the forms that are read, as one pattern; before it come the separators that are dropped, and 00 for +.
KENYAN = re.compile(r"(?:\+?254|0)?0?([71][0-9]{8})")
DIALLED = st.text("+0125479", max_size=18) | st.from_regex(KENYAN, fullmatch=True)


@given(DIALLED)
def test_a_number_is_kenyan_by_the_forms_that_kenyans_write(written: str) -> None:
    compact = "+" + written[2:] if written.startswith("00") else written
    if kenyan := KENYAN.fullmatch(compact):
        assert parse_phone_number(written) == "+254" + kenyan[1]
    elif compact.startswith("+254") or not re.fullmatch(r"\+[1-9][0-9]{6,14}", compact):
        with pytest.raises(ValueError, match="must"):
            parse_phone_number(written)
    else:
        assert parse_phone_number(written) == compact


@given(st.text("+0129٢\n ", max_size=18) | st.from_regex(r"\+[0-9]{5,17}", fullmatch=True))
def test_e164_is_a_plus_and_7_to_15_digits_without_a_leading_zero(text: str) -> None:
    assert is_e164(text) == bool(re.fullmatch(r"\+[1-9][0-9]{6,14}", text))


def test_a_masked_number_shows_its_two_ends_and_a_short_one_nothing() -> None:
    assert mask("+254704590344") == "+2547****0344"
    assert mask("+254704590") == "+2547****4590"
    assert mask("+25470459") == "****"
    assert mask("+2547") == "****"
