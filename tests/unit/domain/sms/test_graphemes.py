"""Pieces that must not be cut, compared with ICU's extended grapheme clusters."""

import unicodedata
from itertools import accumulate, pairwise, product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sales.domain.sms.graphemes import graphemes


def ends(pieces: list[str]) -> set[int]:
    """Return where pieces end, in code points."""
    return set(accumulate(map(len, pieces)))


def clusters(text: str) -> list[str]:
    icu = pytest.importorskip("icu", reason="pyicu-wheels has no build for this platform")
    breaks = icu.BreakIterator.createCharacterInstance(icu.Locale.getRoot())
    breaks.setText(icu.UnicodeString(text))
    units = text.encode("utf-16-le")
    places = [0, *breaks]
    return [units[2 * start : 2 * end].decode("utf-16-le") for start, end in pairwise(places)]


# Characters that join others, by ICU's classes and by script, next to letters and emoji.
JOINING = [
    "\u200d", "\u200c", "\ufe0f", "\u0301", "\u0903", "\u094d", "\u0d4d", "\u0600", "\u0d4e", "\u0e33", "\uff9e", "🏽", "🇰", "🇪",
    "\U000e0067", "\U000e007f", "\u1100", "\u1161", "\u11a8", "각", "가", "\ua960", "\ud7b0", "\u1e00", "\u20e3", "\U000110bd",
    "👩", "🚒", "❤", "🏴", "क", "ष", "ക", "ശ", "ก", "漢", "a", "1", " ", "ع", "ቡ",
]  # fmt: skip
ASSIGNED = st.characters(exclude_categories=["Cs", "Cn", "Cc"])


@given(st.lists(st.sampled_from(JOINING) | ASSIGNED, max_size=25).map("".join))
@example("🇰🇪🇰🇪🇰")
@example("👩🏽\u200d🚒👍🏽")
@example("\u200d🇰🇰")
@example("\u0600🇰🇪🇰🇪")
def test_no_piece_ends_inside_a_cluster(text: str) -> None:
    assert "".join(graphemes(text)) == text
    assert ends(graphemes(text)) <= ends(clusters(text)), ascii(text)


@pytest.mark.parametrize(
    "text",
    [
        "Wanjiku Kamau",
        "🇰🇪🇺🇬🇹🇿",
        "👩\u200d👩\u200d👧\u200d👦👍🏽❤\ufe0f1\ufe0f\u20e3",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿 jersey",
        "Jose\u0301 Wanjiku\u0303",
        "अंबिका नमस्ते क्षत्रिय",
        "ቡና አበበ",
        "محمد",
        "\u1112\u1161\u11ab\u1100\u1173\u11af",
        "한글 漢字",
        "กำก็",
    ],
    ids=ascii,
)
def test_pieces_are_the_clusters_of_what_people_write(text: str) -> None:
    assert graphemes(text) == clusters(text)


def test_no_cut_falls_inside_any_hangul_syllable_or_flag() -> None:
    icu = pytest.importorskip("icu", reason="pyicu-wheels has no build for this platform")
    letters = list(icu.UnicodeSet("[[:hst=L:][:hst=V:][:hst=T:]]"))
    some = [
        *(each for kind in "LVT" for each in list(icu.UnicodeSet(f"[:hst={kind}:]"))[::20]),
        "가",
        "각",
        "힣",
        "힢",
        "a",
        "漢",
    ]
    halves = [chr(code) for code in range(0x1F1E6, 0x1F200)]
    for first, second in [*product(letters, some), *product(some, letters), *product(halves, halves)]:
        assert ends(graphemes(first + second)) <= ends(clusters(first + second)), ascii(first + second)
    assert graphemes("漢字aА가각") == ["漢", "字", "a", "А", "가", "각"]


def test_a_pile_of_marks_is_cut_after_thirty() -> None:
    pieces = graphemes("漢" + "\u0301" * 70)
    assert [len(piece) for piece in pieces] == [31, 31, 9]


def test_every_letter_that_unicode_prepends_is_known() -> None:
    icu = pytest.importorskip("icu", reason="pyicu-wheels has no build for this platform")
    for letter in icu.UnicodeSet("[:Grapheme_Cluster_Break=Prepend:]"):
        if unicodedata.category(letter) != "Cn":
            assert graphemes(f"{letter}a") == [f"{letter}a"], ascii(letter)
