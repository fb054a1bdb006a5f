"""Kinds of characters: controls, what displays are told not to show, and what every header can carry."""

from collections.abc import Iterable

__all__ = ["CONTROLS", "REFUSED", "is_visible_ascii"]


def _between(*ranges: tuple[str, str]) -> Iterable[str]:
    return (chr(code) for first, last in ranges for code in range(ord(first), ord(last) + 1))


# C0 and C1, line and paragraph separators, and what turns the direction of writing: in a log or an SMS they can pass for
# something else. Wording may not have them; in a value that goes into an SMS each becomes a space.
CONTROLS = frozenset(
    _between(
        ("\x00", "\x1f"),
        ("\x7f", "\x9f"),
        ("\u2028", "\u2029"),
        ("\u200e", "\u200f"),
        ("\u202a", "\u202e"),
        ("\u2066", "\u2069"),
    )
)

# Controls, and the characters without width that no language needs. A request's field may not have them. Wording may:
# folding drops them. A joiner (U+200D) is welcome, because emoji are made with it, and so is U+200C, which some scripts
# need; in a value that goes into an SMS `sales.domain.sms.content` decides about them.
REFUSED = CONTROLS | frozenset(_between(("\u200b", "\u200b"), ("\u2060", "\u2065"), ("\ufeff", "\ufeff")))


def is_visible_ascii(text: str) -> bool:
    """Tell whether the text has at least one character, and only visible ASCII characters: no space, no control."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
