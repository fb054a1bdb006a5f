"""Pieces of a text that people see as one character: UAX #29's extended grapheme clusters.

A late import: only a word that is too long for its text is cut.
"""

from unicodedata import category, combining

from sales.domain.characters import is_invisible

__all__ = ["graphemes"]

# A base and thirty marks: more is nothing that people see (UAX #15's stream-safe text has no more).
_LONGEST = 31
_ZERO_WIDTH_JOINER, _VIRAMA = "\u200d", 9
# The letters that Unicode calls Prepend; other characters of this kind are visible format characters.
_PREPENDED = (
    "\u0d4e\U000111c2\U000111c3\U0001193f\U00011941\U00011a3a\U00011a84\U00011a85\U00011a86\U00011a87\U00011a88\U00011a89"
    "\U00011d46\U00011f02"
)
# Hangul letters that begin a syllable, the letters that follow in it, and whole syllables.
_FIRST = (("\u1100", "\u115f"), ("\ua960", "\ua97c"))
_NEXT = (("\u1160", "\u11ff"), ("\ud7b0", "\ud7fb"))
_SYLLABLES = (("\uac00", "\ud7a3"),)
_FLAG_HALVES = "".join(map(chr, range(0x1F1E6, 0x1F200)))
# Marks by their Grapheme_Cluster_Break that are letters or symbols by their category.
_MARKS = "\u0e33\u0eb3\uff9e\uff9f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"


def graphemes(text: str) -> list[str]:
    """Return the text in pieces that must not be cut: Unicode's clusters, or in some scripts a few of them together."""
    pieces: list[str] = []
    for character in text:
        if pieces and len(pieces[-1]) < _LONGEST and _belongs(pieces[-1], character):
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def _belongs(piece: str, character: str) -> bool:
    last = piece[-1]
    if character in _FLAG_HALVES:
        halves = len(piece) - len(piece.rstrip(_FLAG_HALVES))
        return halves == 1 or _is_prepended(last)  # a second half completes a flag, a third begins another
    if category(character)[0] == "M" or character in _MARKS or is_invisible(character) or last == _ZERO_WIDTH_JOINER:
        return True
    if combining(last) == _VIRAMA:
        return category(character)[0] == "L"
    return _is_prepended(last) or _are_one_syllable(last, character)


def _is_prepended(last: str) -> bool:
    return last in _PREPENDED or (category(last) == "Cf" and not is_invisible(last))


def _are_one_syllable(last: str, character: str) -> bool:
    """Tell whether a Hangul letter or syllable may belong to the letter before it."""
    return _is_in(character, _NEXT) or (_is_in(last, _FIRST) and _is_in(character, _FIRST + _SYLLABLES))


def _is_in(character: str, ranges: tuple[tuple[str, str], ...]) -> bool:
    return any(first <= character <= last for first, last in ranges)
