"""Which characters people see: the classes are Unicode's, and doors and texts share one rule."""

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sales.domain.characters import (
    CONTROLS,
    REFUSED,
    CharacterError,
    is_invisible,
    is_visible_ascii,
    read_words,
    shown,
)
from sales.schemas.common import PLAIN_PATTERN

ALL = "".join(map(chr, range(0x110000)))
INVISIBLE = "\u3164\u115f\u1160\uffa0\u00ad\u200b\u200c\u200d\u2060\u061c\u200e\u200f\ufeff\u034f\u180e\ufe0f\U000e0041\U000e0100"


def unicode_set(pattern: str) -> set[str]:
    icu = pytest.importorskip("icu", reason="pyicu-wheels has no build for this platform")
    return set(icu.UnicodeSet(pattern))


def test_controls_are_unicodes() -> None:
    assert unicode_set("[[:Cc:][:Zl:][:Zp:][:Bidi_Control:]]") == CONTROLS


def test_invisible_characters_are_unicodes() -> None:
    found = {character for character in ALL if is_invisible(character)}
    assert found == unicode_set("[:Default_Ignorable_Code_Point:]")


def test_every_space_of_unicode_is_written_as_a_space() -> None:
    for space in unicode_set("[:Zs:]") | {"\t"}:
        assert read_words(f"a{space}b") == shown(f"a{space}b") == "a b"


@pytest.mark.parametrize("blank", ["\u2800", "\U0001d159", "\U00013441", "\U00013442"], ids=ascii)
def test_what_unicode_names_blank_is_a_space(blank: str) -> None:
    assert re.search("BLANK|NULL", unicodedata.name(blank))
    assert read_words(f"a{blank}b") == shown(f"a{blank}b") == "a b"
    with pytest.raises(CharacterError):
        read_words(blank)


def test_a_field_refuses_controls_and_characters_without_width() -> None:
    assert set("\u200b\u2060\u2061\u2062\u2063\u2064\u2065\ufeff") == REFUSED - CONTROLS
    assert {"\t"} == CONTROLS - REFUSED
    for character in REFUSED:
        with pytest.raises(CharacterError, match=f"U\\+{ord(character):04X}") as refused:
            read_words(f"a{character}b")
        assert refused.value.code == "control_character"


def test_the_contracts_pattern_refuses_exactly_these() -> None:
    # Between two letters: at the ends some are dropped. The released pattern allows U+061C.
    pattern = re.compile(PLAIN_PATTERN)
    assert {character for character in ALL if not pattern.match(f"a{character}b")} == REFUSED - {"\u061c"}


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("محمد\u200f", "محمد"),
        ("\u202bمحمد علي\u202c", "محمد علي"),
        ("\u2067محمد\u2069", "محمد"),
        ("\ufeffJane", "Jane"),
        ("Jane\u200b \u2060", "Jane"),
        ("\u00adJane\u200d", "Jane"),
        ("Jane\U000e0041\U000e0042", "Jane"),
        ("Jane\ufe0f", "Jane"),
        ("Jane\tDoe", "Jane Doe"),
        ("\tJane\u00a0Doe\u3000", "Jane Doe"),
        ("\nJane\r\n", "Jane"),
        # At the end of an emoji or a word these change what is seen.
        ("Grace ❤️", "Grace ❤️"),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
        ("ശങ്കര്\u200d", "ശങ്കര്\u200d"),
        ("micro\u00adwave", "micro\u00adwave"),
    ],
    ids=ascii,
)
def test_format_characters_at_the_ends_are_dropped(written: str, stored: str) -> None:
    assert read_words(written) == stored


@given(st.text(st.sampled_from(f"{INVISIBLE} \t\n\u00a0\u2800"), max_size=8))
def test_words_that_nobody_can_see_are_refused(text: str) -> None:
    with pytest.raises(CharacterError, match="at least one visible character") as refused:
        read_words(text)
    assert refused.value.code == "required"
    assert shown(text).strip() == ""


WORDS = st.text(max_size=9) | st.text(st.sampled_from(f"{INVISIBLE}\u2066\u2028 \t\n\x00\u00a0a1ع👩❤🏴"), max_size=9)


@given(WORDS)
@example("\u061b\u200c\u061c")
@example("❤\u200d\u2065")
def test_words_that_are_stored_are_seen_and_read_again_unchanged(text: str) -> None:
    try:
        stored = read_words(text)
    except CharacterError:
        return
    assert read_words(stored) == stored
    assert shown(stored).strip()
    assert not {" ", *CONTROLS} & {stored[0], stored[-1]}


@pytest.mark.parametrize(
    "written",
    [
        "Grace ❤️ 👩‍👩‍👧‍👦 🏳️‍🌈 👩🏽‍🚒 ❤️‍🔥",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿 jersey",
        "1️⃣ #️⃣",
        "\U0001f9d1\u200d\U0001fac6",  # the second is newer than Python's tables
        "علی\u200cرضا",
        "ශ්\u200dරී",
        "क्\u200cष",
    ],
    ids=ascii,
)
def test_an_invisible_character_stays_where_it_changes_what_is_seen(written: str) -> None:
    assert shown(written) == written


def test_every_tag_stays_in_a_flag_and_every_selector_behind_a_symbol() -> None:
    for code in range(0xE0000, 0xE0100):
        flag = f"🏴{chr(code)}\U000e007f"
        assert (shown(flag) == flag) == (0xE0020 <= code <= 0xE007F), hex(code)
        assert shown(f"🏴{chr(code)}") == (f"🏴{chr(code)}" if 0xE0020 <= code <= 0xE007F else "🏴")
    for code in range(0xFE00, 0xFE10):
        assert shown(f"❤{chr(code)}") == f"❤{chr(code)}"
        assert shown(f"a{chr(code)}") == "a"
    assert shown("❤\u180f\uffa0") == "❤"


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("a\u00adb\u3164c\u115fd", "abcd"),
        ("a\u200db", "ab"),
        ("a\ufe0fb", "ab"),
        ("1\ufe0f.2", "1.2"),
        ("a\U000e0062b", "ab"),
        ("❤\u200da", "❤a"),
        ("a\u200d❤", "a❤"),
        ("❤\u200d", "❤"),
        ("❤\u200c❤", "❤❤"),
        ("a\u200cb", "ab"),
        ("ع\u200ca", "عa"),
        ("ع\u200dع", "عع"),
        ("a\u200eb", "a b"),
        ("\u034fa", "a"),
        ("𠀀\ufe0f", "𠀀"),
        ("𠀀\u200d𠀀", "𠀀𠀀"),
    ],
    ids=ascii,
)
def test_an_invisible_character_goes_where_it_shows_nothing(written: str, seen: str) -> None:
    assert shown(written) == seen


@given(st.text(max_size=10) | st.text("k1~! \x7f\x1f\u200bé", max_size=10))
def test_visible_ascii_is_from_the_exclamation_mark_to_the_tilde(text: str) -> None:
    assert is_visible_ascii(text) == bool(re.fullmatch("[!-~]+", text))
