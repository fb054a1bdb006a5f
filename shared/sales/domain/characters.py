"""Which characters people see. One rule, for what comes in (names, items, references) and for what texts say.

A character is a *control* (refused), a *space* (any of them is written as one space), *invisible* (displays are told not
to show it), or visible. The classes are Unicode's own; a test compares them with ICU's.
"""

from collections.abc import Iterable, Iterator

__all__ = [
    "CONTROLS",
    "REFUSED",
    "CharacterError",
    "is_invisible",
    "is_visible_ascii",
    "read_words",
    "shown",
    "without_invisible",
]

type _Ranges = tuple[tuple[str, str], ...]


def _between(ranges: _Ranges) -> Iterable[str]:
    return (chr(code) for first, last in ranges for code in range(ord(first), ord(last) + 1))


# Cc, Zl, Zp and Bidi_Control: they break lines or turn the direction of writing, so in a log or a text they can pass for
# something else. Wording may not have them; in a value that goes into a text each becomes a space.
CONTROLS = frozenset(
    _between(
        (
            ("\x00", "\x1f"),
            ("\x7f", "\x9f"),
            ("\u061c", "\u061c"),
            ("\u200e", "\u200f"),
            ("\u2028", "\u2029"),
            ("\u202a", "\u202e"),
            ("\u2066", "\u2069"),
        )
    )
)
# Controls but the tab, and the characters without width that no language needs. A request's field may have them at its
# ends only, where they are dropped. Joiners (U+200C, U+200D) and the like are welcome: emoji and some scripts need them.
REFUSED = (CONTROLS - {"\t"}) | frozenset(
    _between((("\u200b", "\u200b"), ("\u2060", "\u2065"), ("\ufeff", "\ufeff"))),
)
# Default_Ignorable_Code_Point.
_INVISIBLE: _Ranges = (
    ("\u00ad", "\u00ad"),
    ("\u034f", "\u034f"),
    ("\u061c", "\u061c"),
    ("\u115f", "\u1160"),
    ("\u17b4", "\u17b5"),
    ("\u180b", "\u180f"),
    ("\u200b", "\u200f"),
    ("\u202a", "\u202e"),
    ("\u2060", "\u206f"),
    ("\u3164", "\u3164"),
    ("\ufe00", "\ufe0f"),
    ("\ufeff", "\ufeff"),
    ("\uffa0", "\uffa0"),
    ("\ufff0", "\ufff8"),
    ("\U0001bca0", "\U0001bca3"),
    ("\U0001d173", "\U0001d17a"),
    ("\U000e0000", "\U000e0fff"),
)
# Zs and the tab; then the symbols and letters that Unicode names blank or null, because nothing of them is drawn.
_SPACES = "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_BLANKS = "\u2800\U0001d159\U00013441\U00013442"
_TO_SPACE = dict.fromkeys(map(ord, _SPACES + _BLANKS), " ")
_NON_JOINER, _JOINER = "\u200c", "\u200d"
# A black flag with tags is the flag of a region, such as England.
_BLACK_FLAG, _FIRST_TAG, _LAST_TAG = "\U0001f3f4", "\U000e0020", "\U000e007f"
_FIRST_SELECTOR, _LAST_SELECTOR, _KEYCAP = "\ufe00", "\ufe0f", "\u20e3"
_VIRAMA = 9  # the canonical combining class of the signs that join consonants


class CharacterError(ValueError):
    """The text cannot be used. `code` and `detail` tell the caller why; the code is one of FIELD_ERRORS."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def is_invisible(character: str) -> bool:
    """Tell whether displays are told not to show the character (Default_Ignorable_Code_Point)."""
    return character >= "\u00ad" and any(first <= character <= last for first, last in _INVISIBLE)


def read_words(text: str) -> str:
    """Return a person's words as they are stored: each odd space is a space, and the ends have neither space nor format.

    Raise CharacterError for a control character inside, and if nothing of the text can be seen.
    """
    text = text.translate(_TO_SPACE)
    visible = [position for position in _seen(text) if not text[position].isspace()]
    if not visible:
        raise CharacterError("required", "must have at least one visible character")
    text = text[visible[0] : visible[-1] + 1]
    for character in text:
        if character in REFUSED:
            raise CharacterError("control_character", f"must not have the invisible character U+{ord(character):04X}")
    return text


def shown(text: str) -> str:
    """Return the text as phones show it: controls and odd spaces are spaces, and nothing is invisible.

    An invisible character stays where it changes what is seen around it: in an emoji, or between letters that it joins.
    """
    text = text.translate(_TO_SPACE)
    return without_invisible("".join(" " if character in CONTROLS else character for character in text))


def without_invisible(text: str) -> str:
    """Return the text without the characters that are not shown, but with those that `shown` keeps."""
    return text if text.isascii() else "".join(text[position] for position in _seen(text))


def _seen(text: str) -> Iterator[int]:
    """Yield the positions of the characters that are not invisible, or change what is seen."""
    last = ""
    for position, character in enumerate(text):
        if not is_invisible(character) or (last and _changes(last, character, text[position + 1 : position + 2])):
            last = character
            yield position


def _changes(last: str, character: str, after: str) -> bool:
    """Tell whether an invisible character is part of what is seen: of an emoji, or of the spelling of a word."""
    from unicodedata import bidirectional, combining

    if is_invisible(after):
        # Nothing is joined to it.
        after = ""
    if _FIRST_TAG <= character <= _LAST_TAG:
        return last == _BLACK_FLAG or _FIRST_TAG <= last <= _LAST_TAG
    if _FIRST_SELECTOR <= character <= _LAST_SELECTOR:
        return _is_symbol(last) or (last.isascii() and after == _KEYCAP)
    if character in {_NON_JOINER, _JOINER} and combining(last) == _VIRAMA:
        return True
    if character == _NON_JOINER:
        return bool(after) and bidirectional(last) == bidirectional(after) == "AL"
    is_in_emoji = bool(after) and _is_symbol(after) and (_is_symbol(last) or last == _LAST_SELECTOR)
    return character == _JOINER and is_in_emoji


def _is_symbol(character: str) -> bool:
    from unicodedata import category

    # An emoji that is newer than Python's tables is unassigned there.
    return category(character)[0] == "S" or category(character) == "Cn"


def is_visible_ascii(text: str) -> bool:
    """Tell whether the text has at least one character, and only visible ASCII characters: no space, no control."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
