"""Languages: one reader for customers' and for those of the wording."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.schemas.languages import LANGUAGE_PATTERN, LONGEST_LANGUAGE, read_language


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("en", "en"), ("SW", "sw"), ("sw-ke", "sw-KE"), ("luo", "luo"), ("AR-latn-eg", "ar-Latn-EG"), ("es-419", "es-419"),
        ("de-CH-1996", "de-CH-1996"), ("SL-ROZAJ-BISKE", "sl-rozaj-biske"), ("sr-LATN", "sr-Latn"),
    ],
)  # fmt: skip
def test_a_tag_is_kept_in_its_usual_case(written: str, read: str) -> None:
    assert read_language(written) == read
    assert read_language(read) == read


@pytest.mark.parametrize(
    "written",
    [
        "",
        "e",
        "english",
        "en_GB",
        "en-",
        "-en",
        "en--GB",
        " en",
        "en\n",
        "i-klingon",
        "en-x-shop",
        "en-u-nu-latn",
        "ßw",
        "é-KE",
        f"en{'-variant' * 5}",
    ],
)
def test_anything_else_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="BCP 47"):
        read_language(written)


@given(st.one_of(st.text(max_size=12), st.from_regex(LANGUAGE_PATTERN), st.text("aZ-01", max_size=40)))
def test_the_contracts_pattern_is_what_the_reader_accepts(text: str) -> None:
    try:
        read_language(text)
        accepted = True
    except ValueError:
        accepted = False
    # JavaScript's `$` does not match before a line break at the end.
    matches = re.fullmatch(LANGUAGE_PATTERN.removesuffix("$"), text)
    assert accepted == bool(matches and len(text) <= LONGEST_LANGUAGE)
