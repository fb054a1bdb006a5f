"""Characters outside GSM-7 replaced by their equals inside."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sales.domain.sms.folding import fold
from sales.domain.sms.segments import costly_characters, measure


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("“55” TV”", '"55" TV"'),
        ("a–b—c…", "a-b-c..."),
        ("a\u00a0b\tc", "a b c"),
        ("Wanjikũ", "Wanjiku"),
        ("₦500", "NGN 500"),
        ("₦ 500", "NGN 500"),
        ("a\u200bb\u00adc", "abc"),
        ("crème brûlée", "crème brulée"),
        ("Müller", "Müller"),
        ("fiﬁ", "fifi"),
        ("Jose\u0301 Wanjiku\u0303", "José Wanjiku"),
        ("Ɗanladi Ɓala, Kɔfi Ŋɛ", "Danladi Bala, Kofi Ne"),
        ("½ kg", "1/2 kg"),
        ("क\u093c", "क\u093c"),
        ("😀 漢", "😀 漢"),
        # The emoji keeps the text in UCS-2, so it gains nothing if the name is written another way.
        ("Wanjikũ 😀…", "Wanjikũ 😀…"),
    ],
)
def test_folding_replaces_only_costly_characters_with_an_equal_in_gsm_7(written: str, folded: str) -> None:
    assert fold(written) == folded


FOLDED = st.text(st.sampled_from("a ]…™₦ũ’é\u0301\u200b½⒇😀漢"), max_size=200)


@given(st.text(max_size=200) | FOLDED)
@example("😀" + "…" * 40)
@example("™" * 70)
@example("e\u0301" * 70 + "漢")
def test_folding_never_makes_a_text_dearer_and_a_second_time_changes_nothing(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert measure(folded).segments <= measure(text).segments
    assert len(costly_characters(folded)) <= len(costly_characters(text))
