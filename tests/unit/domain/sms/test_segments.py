"""Encoding and segments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.sms.segments import costly_characters, fewest_segments, measure, units


def counted(text: str) -> int:
    """Count segments another way: lay the text out in parts."""
    gsm = set(
        "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnop"
        "qrstuvwxyzäöñüà"
    )
    extended = set("\f^{}\\[~]|€")
    if set(text) <= gsm | extended:
        units = ["e" + character if character in extended else character for character in text]
        one, part = 160, 153
    else:
        units = [character.encode("utf-16-be") for character in text]  # type: ignore[misc]
        units = ["x" * (len(unit) // 2) for unit in units]
        one, part = 70, 67
    if sum(map(len, units)) <= one:
        return 1
    parts = [0]
    for unit in units:
        if parts[-1] + len(unit) > part:
            parts.append(0)
        parts[-1] += len(unit)
    return len(parts)


ALPHABET = st.text(st.sampled_from("aZ é€]^😀ũ漢\n|@"), max_size=400)


@given(ALPHABET)
def test_segments_agree_with_an_independent_count(text: str) -> None:
    assert measure(text).segments == counted(text)


@given(ALPHABET)
def test_a_text_has_the_fewest_segments_for_its_size_or_one_more_for_each_boundary(text: str) -> None:
    measured = measure(text)
    fewest = fewest_segments(units(text, measured.encoding), measured.encoding)
    assert fewest <= measured.segments <= fewest + 1


@pytest.mark.parametrize(
    ("text", "encoding", "segments"),
    [
        ("", "GSM-7", 1),
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        # Two full segments: the last character still fits the second.
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("a" * 304 + "]", "GSM-7", 2),
        ("a" * 305 + "]", "GSM-7", 3),
        ("ũ" * 134, "UCS-2", 2),
        ("ũ" * 135, "UCS-2", 3),
        ("]" * 80, "GSM-7", 1),
        ("]" * 81, "GSM-7", 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 3),
        ("ũ" * 70, "UCS-2", 1),
        ("\uffff" * 70, "UCS-2", 1),
        ("\U00010000" * 35, "UCS-2", 1),
        ("\U00010000" * 36, "UCS-2", 2),
        ("ũ" * 71, "UCS-2", 2),
        ("😀" * 35, "UCS-2", 1),
        ("😀" * 36, "UCS-2", 2),
        ("a" * 66 + "😀" + "a" * 66, "UCS-2", 3),
        # In UCS-2 an extension character is one unit like any other.
        ("]" * 71 + "😀", "UCS-2", 2),
        ("]" * 68 + "😀", "UCS-2", 1),
    ],
)
def test_known_texts_have_their_known_segments(text: str, encoding: str, segments: int) -> None:
    measured = measure(text)
    assert (measured.encoding, measured.segments) == (encoding, segments)


def test_costly_characters_are_those_that_force_ucs_2_with_their_positions() -> None:
    assert costly_characters("a’€😀ũ") == [("’", 1), ("😀", 3), ("ũ", 4)]
