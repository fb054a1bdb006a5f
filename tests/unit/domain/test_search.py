"""The meaning of a search: folded words, keys of index rows, and which customers fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.search import (
    MOST_NAMES,
    Readings,
    Row,
    name_keys,
    names_of,
    number_keys,
    number_prefix,
    words_of,
)
from sales.domain.sms.segments import GSM_7
from tests.support.orders import new_customer

EARLIER, LATER = "2026-01-01T00:00:00.000000Z", "2026-11-23T12:00:00.000001Z"
NAMES = st.text(alphabet=st.sampled_from("abAB éØ'’-\u0301\u200d字"), max_size=20) | st.text(max_size=20)


def test_folding_is_idempotent_for_every_character() -> None:
    # Planes 4 to 14 have nothing, or signs without a case or an accent.
    for first in [*range(0, 0x40000, 0x100), *range(0xE0000, 0xE0200, 0x100)]:
        folded = words_of(" ".join(f"a{chr(code)}b" for code in range(first, first + 0x100)))
        assert words_of(" ".join(folded)) == folded, hex(first)


@given(st.text())
def test_folding_is_idempotent(text: str) -> None:
    assert words_of(" ".join(words_of(text))) == words_of(text)


@given(st.text())
def test_case_and_decomposition_do_not_matter(text: str) -> None:
    from unicodedata import normalize

    assert words_of(normalize("NFD", text)) == words_of(normalize("NFC", text)) == words_of(text)
    assert words_of(text.casefold()) == words_of(text)


def test_each_latin_letter_of_gsm_7_folds_as_cldr_has_it() -> None:
    icu = pytest.importorskip("icu", reason="pyicu-wheels has no build for this platform")
    latin_ascii = icu.Transliterator.createInstance("Latin-ASCII")
    letters = [letter for letter in GSM_7 if letter.isalpha() and latin_ascii.transliterate(letter).isascii()]
    assert {"ø", "Æ", "ß", "é"} <= set(letters)
    for letter in letters:
        assert words_of(letter) == [latin_ascii.transliterate(letter).lower()]


def test_names_are_the_first_three_words_each_once() -> None:
    assert names_of("Ali ALI Hassan Omar") == ["ali", "hassan"]
    assert names_of("🌸") == []


@given(NAMES, st.sampled_from([EARLIER, LATER]))
def test_a_row_says_what_its_key_was_made_of(name: str, created_at: str) -> None:
    keys = list(name_keys(name, created_at))
    assert len(keys) <= MOST_NAMES
    assert [Row.read(key).words[0] for _, key in keys] == names_of(name)
    for partition, key in keys:
        row = Row.read(key)
        assert key.startswith(partition)
        assert sorted(row.words) == sorted(names_of(name))
        assert row.created == "".join(filter(str.isdigit, created_at))
        assert len(key.encode()) <= 1024


@given(st.text(alphabet="\U0001e900\ufdfa각Z ", min_size=150, max_size=150))
def test_a_key_of_the_longest_name_is_no_longer_than_dynamodb_takes(name: str) -> None:
    for partition, key in name_keys(name, LATER):
        assert len(partition.encode()) <= 4
        assert len(key.encode()) <= 1024


def test_whole_names_come_before_longer_ones_and_the_newest_first() -> None:
    rows = [key for name, at in (("Anna", LATER), ("Ann", EARLIER), ("Ann", LATER)) for _, key in name_keys(name, at)]
    assert [(Row.read(key).words[0], Row.read(key).created[:6]) for key in sorted(rows)] == [
        ("ann", "202611"),
        ("ann", "202601"),
        ("anna", "202611"),
    ]


def test_a_number_is_kept_whole() -> None:
    assert number_prefix("254704590344") == ("0344", "95407452")


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True), st.integers(4, 15))
def test_a_number_is_found_by_its_last_digits(digits: str, count: int) -> None:
    partition, key = number_keys(f"+{digits}", LATER)
    end, start = number_prefix(digits[-count:])
    assert partition == end
    assert key.startswith(start)
    # The whole number ends where the time begins.
    assert key.startswith(f"{number_prefix(digits)[1]} ")
    assert Row.read(key).created.startswith("20261123")


@given(st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=5), st.lists(st.text("ab", min_size=1)))
def test_the_longest_words_decide_as_all_words_do(words: list[str], names: list[str]) -> None:
    readings = Readings(words=tuple(words))
    assert readings.fit(names) == all(any(name.startswith(word) for name in names) for word in words)
    assert len(readings.longest_words) <= len(set(words))


def test_more_different_words_than_names_fit_nobody() -> None:
    assert len(Readings(words=("a", "ab", "b", "c", "d")).longest_words) == 4
    assert not Readings(words=("a", "b", "c", "d")).fit(["ax", "bx", "cx"])
    assert not Readings().fit(["a"])
    assert not Readings().are_whole(["a"])


@pytest.mark.parametrize(
    ("readings", "matches"),
    [
        (Readings(last_digits="0344"), True),
        (Readings(last_digits="0345"), False),
        (Readings(), False),
        (Readings(code="K7M2Q9XH"), True),
        (Readings(number="+254704590344"), True),
        (Readings(words=("do", "jo")), True),
        (Readings(words=("do", "x")), False),
    ],
)
def test_one_reading_that_fits_is_enough(readings: Readings, matches: bool) -> None:
    assert readings.match(new_customer()) is matches
    assert not readings.match(new_customer()._replace(erased=True))
