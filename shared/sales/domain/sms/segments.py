"""Encoding and segments of an SMS (3GPP TS 23.038 and 23.040)."""

from typing import Literal, NamedTuple

__all__ = ["BASIC", "GSM_7", "Content", "costly_characters", "measure"]

# The characters of GSM-7: those of its basic table take one septet each, those of its extension two.
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
GSM_7 = BASIC | _EXTENSION
# Septets or UTF-16 units in a text of one segment, and in each segment of a longer text.
_ONE, _PART = {"GSM-7": 160, "UCS-2": 70}, {"GSM-7": 153, "UCS-2": 67}


class Content(NamedTuple):
    """The words of a text, their encoding, and the number of segments they are billed as."""

    text: str
    encoding: Literal["GSM-7", "UCS-2"]
    segments: int


def measure(text: str) -> Content:
    """Return the text with its encoding and number of segments.

    A character of GSM-7's extension takes two septets, and a character beyond Unicode's basic plane takes two UTF-16
    units. Neither is ever split between two segments.
    """
    encoding: Literal["GSM-7", "UCS-2"]
    if GSM_7.issuperset(text):
        encoding = "GSM-7"
        sizes = [2 if character in _EXTENSION else 1 for character in text]
    else:
        encoding = "UCS-2"
        sizes = [2 if ord(character) > 0xFFFF else 1 for character in text]
    if sum(sizes) <= _ONE[encoding]:
        return Content(text, encoding, 1)
    segments, used = 1, 0
    for size in sizes:
        if used + size > _PART[encoding]:
            segments, used = segments + 1, 0
        used += size
    return Content(text, encoding, segments)


def costly_characters(text: str) -> list[tuple[str, int]]:
    """Return each character that forces UCS-2, with its position in code points."""
    return [(character, position) for position, character in enumerate(text) if character not in GSM_7]
