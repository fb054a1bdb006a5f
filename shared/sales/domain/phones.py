"""Phone numbers: E.164 in the store and in every answer, taken in the ways Kenyans write them."""

import re

__all__ = ["mask", "parse_phone_number", "reported_number"]

_SEPARATORS = re.compile(r"[ ().\-]")
# Structural on purpose: new 01xx ranges appear faster than any list of them, and the gateway knows which exist.
_KENYAN = re.compile(r"(?:\+?254|0)?0?([71][0-9]{8})")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def parse_phone_number(text: str) -> str:
    """The number in E.164: `0704590344`, `254704590344` and `+254 704 590 344` are all `+254704590344`.

    A number without a country is Kenyan and must be a mobile one. Raises ValueError for anything else that is not a
    whole international number (ITU-T E.164: at most 15 digits).
    """
    if not text.isascii():
        raise ValueError("must have only the digits 0 to 9")
    compact = _SEPARATORS.sub("", text)
    if compact.startswith("00"):
        compact = "+" + compact[2:]
    if kenyan := _KENYAN.fullmatch(compact):
        return "+254" + kenyan[1]
    if compact.startswith("+254"):
        raise ValueError("must be a mobile number: +254 and 9 digits that begin with 7 or 1")
    if not _E164.fullmatch(compact):
        raise ValueError("must be a phone number such as +254704590344")
    return compact


def reported_number(text: str) -> str:
    """The number that a webhook is about, in E.164; empty where it is none.

    A form that was written without care has no `+` left: an unencoded one is read as a space.
    """
    for written in (text, f"+{text.strip()}"):
        try:
            return parse_phone_number(written)
        except ValueError:
            continue
    return ""


def mask(number: str) -> str:
    """The number as logs and answers may show it: `+2547****0344`."""
    return number[:5] + "****" + number[-4:] if len(number) > 9 else "****"  # shorter would show it all
