"""The GSM-7 alphabet, compared with a library's copy of 3GPP TS 23.038."""

import gsm0338

from sales.domain.sms.segments import BASIC, GSM_7

ESCAPE = 0x1B


def decoded(*septets: int) -> str:
    """Return the character of these septets, or nothing if GSM-7 has none there."""
    try:
        return str(gsm0338.Codec().decode(bytes(septets))[0])
    except UnicodeDecodeError:
        return ""


def test_the_alphabet_and_its_extension_are_the_published_ones() -> None:
    assert {decoded(code) for code in range(128) if code != ESCAPE} == BASIC
    assert {decoded(ESCAPE, code) for code in range(128)} - {""} == GSM_7 - BASIC
