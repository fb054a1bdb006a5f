"""Encoding and segments of an SMS (3GPP TS 23.038 and 23.040)."""

from typing import Literal, NamedTuple

__all__ = ["BASIC", "GSM_7", "Content", "costly_characters", "fewest_segments", "measure", "units"]

type Encoding = Literal["GSM-7", "UCS-2"]

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
    """The words of a text, their encoding, the number of segments they are billed as, and the language of their wording."""

    text: str
    encoding: Encoding
    segments: int
    language: str | None = None


def units(text: str, encoding: Encoding) -> int:
    """Return how many septets (GSM-7) or UTF-16 units (UCS-2) the text takes. For GSM-7 it must have no other character.

    A character of GSM-7's extension takes two septets, and a character beyond Unicode's basic plane takes two units.
    """
    return sum(_sizes(text, encoding))


def fewest_segments(total: int, encoding: Encoding) -> int:
    """Return the fewest segments that so many septets or units can take: what is never split may need one more."""
    return 1 if total <= _ONE[encoding] else -(-total // _PART[encoding])


def measure(text: str) -> Content:
    """Return the text with its encoding and number of segments.

    A character that takes two septets or units is never split between two segments.
    """
    encoding: Encoding = "GSM-7" if GSM_7.issuperset(text) else "UCS-2"
    sizes = _sizes(text, encoding)
    if sum(sizes) <= _ONE[encoding]:
        return Content(text, encoding, 1)
    segments, used = 1, 0
    for size in sizes:
        if used + size > _PART[encoding]:
            segments, used = segments + 1, 0
        used += size
    return Content(text, encoding, segments)


def _sizes(text: str, encoding: Encoding) -> list[int]:
    if encoding == "GSM-7":
        return [2 if character in _EXTENSION else 1 for character in text]
    return [2 if ord(character) > 0xFFFF else 1 for character in text]


def costly_characters(text: str) -> list[tuple[str, int]]:
    """Return each character that forces UCS-2, with its position in code points."""
    return [(character, position) for position, character in enumerate(text) if character not in GSM_7]
