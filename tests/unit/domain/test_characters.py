"""Control characters and characters without width."""

import re

from hypothesis import given
from hypothesis import strategies as st

from sales.domain.characters import CONTROLS, REFUSED, is_visible_ascii
from sales.schemas.common import PLAIN_PATTERN

ALL = "".join(map(chr, range(0x110000)))


def test_controls_are_c0_c1_separators_and_what_turns_the_direction_of_writing() -> None:
    assert set(re.findall(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]", ALL)) == CONTROLS


def test_a_field_refuses_controls_and_characters_without_width() -> None:
    assert set("\u200b\u2060\u2061\u2062\u2063\u2064\u2065\ufeff") == REFUSED - CONTROLS
    assert CONTROLS < REFUSED
    assert not {"\u200c", "\u200d"} & REFUSED


def test_the_contracts_pattern_refuses_exactly_these() -> None:
    # Between two letters: around them, space is cut off first.
    pattern = re.compile(PLAIN_PATTERN)
    assert {character for character in ALL if not pattern.match(f"a{character}b")} == REFUSED


@given(st.text(max_size=10) | st.text("k1~! \x7f\x1f\u200bé", max_size=10))
def test_visible_ascii_is_from_the_exclamation_mark_to_the_tilde(text: str) -> None:
    assert is_visible_ascii(text) == bool(re.fullmatch("[!-~]+", text))
