"""Names that are written in different ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.files.words import fold_words, same_words


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Jane Otieno", "JANE  otieno ", True),
        ("José", "Jose\u0301", True),
        ("Jane", "Ja\u200bne", True),
        ("ﬁona", "Fiona", True),
        ("Straße", "STRASSE", True),
        ("José", "Jose", False),
        ("Ng'ang'a", "Nganga", False),
        ("Jane Otieno", "Otieno Jane", False),
    ],
)
def test_case_spaces_and_unicode_forms_make_no_other_name(one: str, other: str, same: bool) -> None:
    assert same_words(one, other) is same


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold_words(fold_words(text)) == fold_words(text)
