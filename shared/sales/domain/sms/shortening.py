"""The best text that fits: what is replaced, left out or cut, where a text costs too much as it is written.

A late import: most texts are in GSM-7 and fit.
"""

from collections.abc import Iterator
from itertools import count as count_from
from typing import NamedTuple
from unicodedata import bidirectional, category

from sales.domain.characters import is_invisible
from sales.domain.sms.content import clean
from sales.domain.sms.folding import fold_all
from sales.domain.sms.graphemes import graphemes
from sales.domain.sms.segments import GSM_7, Content, fewest_segments, measure, units

__all__ = ["ITEM", "NAME", "best_text"]

# Where the wording has the values: neither wording nor values can have these characters.
NAME, ITEM = "\x00", "\x01"
_MARK = "..."


class _Form(NamedTuple):
    """One way to write a text."""

    wording: str
    name: str
    item: str


class _Option(NamedTuple):
    """A name or an item, whole or cut."""

    text: str
    letters: int
    sizes: tuple[int | None, int]


class _Candidate(NamedTuple):
    """A text that fits. The greatest is the best; `likeness` is to what was written."""

    letters: int  # and digits, of name and item
    saved: int  # segments, below zero
    whole: int  # how many of the two values are whole
    likeness: int
    length: int
    content: Content


def best_text(wording: str, name: str, item: str, max_segments: int) -> Content:
    """Return the best text, as `sales.domain.sms.content.compose` defines it. Name and item are clean.

    The wording has NAME and ITEM where they stand.
    """
    name, item = _without_hidden_link(name), _without_hidden_link(item)
    folded = _Form(fold_all(wording), clean(fold_all(name)), clean(fold_all(item)))
    simple = measure(_filled(*folded))
    if (simple.encoding, simple.segments) == ("GSM-7", 1):
        return simple  # nothing is better
    # Equal forms count once, as the most like.
    forms = {form: likeness for likeness, form in enumerate(_forms(wording, name, item, folded))}
    wholes = [_whole(form, likeness) for form, likeness in forms.items()]
    all_letters = max(whole.letters for whole in wholes)
    for most in count_from(max_segments):
        fitting = [whole for whole in wholes if whole.content.segments <= most]
        # Only a text that does not fit is cut.
        if all(candidate.letters < all_letters for candidate in fitting):
            fitting += filter(None, (_cut(form, likeness, most) for form, likeness in forms.items()))
        if fitting:
            return max(fitting).content
    raise AssertionError


def _without_hidden_link(value: str) -> str:
    """Return the value, folded where only folding would show a link: letters in circles, an accent on a dot."""
    folded = fold_all(value)
    cleaned = clean(folded)
    return value if cleaned == " ".join(folded.split()) else cleaned


def _forms(wording: str, name: str, item: str, folded: _Form) -> Iterator[_Form]:
    """Yield the ways to write a text, those that lose most first."""
    short = _Form(min(wording, folded.wording, key=_units), _short(name), _short(item))
    short_folded = _Form(folded.wording, clean(fold_all(short.name)), clean(fold_all(short.item)))
    in_gsm_7 = _Form(folded.wording, _in_gsm_7(short_folded.name), _in_gsm_7(short_folded.item))
    if GSM_7.issuperset(_filled(*in_gsm_7)):
        yield in_gsm_7
    # Signs are left out.
    yield short_folded
    yield short
    # Signs are replaced by their equals, and left out if they have none.
    yield _Form(folded.wording, _without_signs(folded.name), _without_signs(folded.item))
    yield folded
    yield _Form(wording, name, item)


def _without_signs(value: str) -> str:
    """Return a folded value without its costly signs, unless it has nothing else."""
    return _still_said(_stripped(value), value)


def _in_gsm_7(value: str) -> str:
    """Return a folded value without the words that GSM-7 cannot write, unless it has no others."""
    return _still_said(" ".join(word for word in value.split(" ") if GSM_7.issuperset(word)), value)


def _short(value: str) -> str:
    """Return the value without its costly signs, unless it has nothing else; each letter as short as UCS-2 has it."""
    pieces = (
        min(piece, _stripped(fold_all(piece)), key=_units) if _letters(piece) else _stripped(piece)
        for piece in graphemes(value)
    )
    return _still_said("".join(pieces), value)


def _still_said(kept: str, value: str) -> str:
    # Cleaned once more: the characters that went may be all that kept two halves of a link apart.
    kept = clean(kept)
    return kept if _letters(kept) else value


def _stripped(text: str) -> str:
    """Return the text without its costly signs: whole emoji, and what encloses a digit."""
    kept = ""
    for piece in graphemes(text):
        if piece[0] in GSM_7:
            kept += "".join(each for each in piece if each in GSM_7 or not (_is_sign(each) or is_invisible(each)))
        elif not _is_sign(piece[0]):
            kept += piece
    return kept


def _is_sign(character: str) -> bool:
    """Tell whether a character belongs to no script's words: an emoji, a symbol, a sign that all scripts share."""
    kind = category(character)
    if kind[0] == "P":
        return bidirectional(character) in {"ON", "ET"}
    return kind in {"Sm", "Sk", "So", "Me", "Cn", "Co"}  # a currency is a word


def _filled(wording: str, name: str, item: str) -> str:
    return wording.replace(NAME, name).replace(ITEM, item)


def _units(text: str) -> int:
    return units(text, "UCS-2")


def _letters(text: str) -> int:
    """Return how many letters and digits the text has, folded: a letter counts the same however it is written."""
    return sum(map(str.isalnum, fold_all(text)))


def _whole(form: _Form, likeness: int) -> _Candidate:
    return _candidate(form, _letters(form.name) + _letters(form.item), 2, likeness)


def _candidate(form: _Form, letters: int, whole: int, likeness: int) -> _Candidate:
    content = measure(_filled(*form))
    return _Candidate(letters, -content.segments, whole, likeness, len(content.text), content)


def _cut(form: _Form, likeness: int, most: int) -> _Candidate | None:
    """Return the best text of a form with a shorter name or item that has at most so many segments, or None."""
    times = (1, form.wording.count(NAME), form.wording.count(ITEM))
    rest = _sizes(_filled(form.wording, "", ""))
    items = list(_options(form.item))
    best: _Candidate | None = None
    for name in _options(form.name):
        for item in items:
            letters = name.letters + item.letters
            if best and letters < best.letters:
                break  # each further item has at most as many
            # Not every text is measured: this is quicker.
            if _fewest_segments(times, (rest, name.sizes, item.sizes)) <= most:
                whole = (name.text == form.name) + (item.text == form.item)
                found = _candidate(_Form(form.wording, name.text, item.text), letters, whole, likeness)
                # Of equals, the one with the longer name comes first.
                if found.content.segments <= most and (best is None or found[:5] > best[:5]):
                    best = found
    return best


def _options(value: str) -> Iterator[_Option]:
    """Yield the value, then shorter ones: without its last words, then without the first word's last letters.

    Each keeps a letter, unless the value has none.
    """
    words, whole = value.split(" "), _letters(value)
    yield _Option(value, whole, _sizes(value))
    for pieces, joint in ((words, " "), (graphemes(words[0]), "")):
        letters = [_letters(piece) for piece in pieces]
        for count in range(len(pieces) - 1, 0, -1):
            if (kept := sum(letters[:count])) or not whole:
                text = joint.join(pieces[:count]) + _MARK
                yield _Option(text, kept, _sizes(text))


def _sizes(text: str) -> tuple[int | None, int]:
    """Return the text's septets, or None outside GSM-7, and its units in UCS-2."""
    return units(text, "GSM-7") if GSM_7.issuperset(text) else None, _units(text)


def _fewest_segments(times: tuple[int, ...], sizes: tuple[tuple[int | None, int], ...]) -> int:
    """Return the fewest segments that a text of these parts can take, each so many times in it."""
    parts = list(zip(times, sizes, strict=True))
    if any(septets is None for septets, _ in sizes):
        return fewest_segments(sum(count * in_ucs_2 for count, (_, in_ucs_2) in parts), "UCS-2")
    return fewest_segments(sum(count * (septets or 0) for count, (septets, _) in parts), "GSM-7")
