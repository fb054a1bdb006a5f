"""Encoding and segments of an SMS (3GPP TS 23.038 and 23.040)."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Content", "costly_characters", "measure"]

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)


_EXTENSION = frozenset("\f^{}\\[~]|€")


_GSM_7 = _BASIC | _EXTENSION


_ONE, _PART = {"GSM-7": 160, "UCS-2": 70}, {"GSM-7": 153, "UCS-2": 67}


@dataclass(frozen=True, slots=True)
class Content:
    """A text, its encoding, and how many segments it is billed as."""

    text: str
    encoding: Literal["GSM-7", "UCS-2"]
    segments: int


def measure(text: str) -> Content:
    """The text with its encoding and segments.

    A character of GSM-7's extension takes two septets and one beyond the basic plane two UTF-16 units; neither is
    ever split over two segments.
    """
    encoding: Literal["GSM-7", "UCS-2"]
    if _GSM_7.issuperset(text):
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
    """Each character that forces UCS-2, with its position in code points."""
    return [(character, position) for position, character in enumerate(text) if character not in _GSM_7]
