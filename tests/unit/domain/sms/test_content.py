"""The content of a text: values cleaned, folded and shortened into the wording."""

import re
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sales.domain.ids import ALPHABET, show_code
from sales.domain.sms import content, shortening
from sales.domain.sms.content import clean
from sales.domain.sms.folding import fold_all
from sales.domain.sms.segments import costly_characters, measure
from sales.domain.sms.wording import DEFAULT_TEMPLATE, NO_CODE, least_segments
from tests.support.texts import CODE, compose, render

ORDER = {"item": "macbook m2", "currency": "KES", "amount": "56,000.68"}


def test_the_default_wording_is_the_originals_with_the_name_as_it_is_written() -> None:
    text = compose(DEFAULT_TEMPLATE, name="Ng'ang'a Kamau", max_segments=2, **ORDER)
    assert text.text == (
        "Dear Ng'ang'a Kamau, your order 7KQ2-M9XA for macbook m2 costing KES 56,000.68 has been created successfully. "
        "Thank you for choosing us!"
    )
    assert text.segments == 1


ORDINARY = """
import sys
from sales.domain.sms.content import compose
text = compose("{name} {item}", name="x" * 152, item="Vol.II" + "x" * 140, currency="", amount="", code="", max_segments=2)
assert (text.encoding, text.segments) == ("GSM-7", 2)
print(*sys.modules)
"""


def test_a_text_in_gsm_7_that_fits_imports_no_table_and_no_search() -> None:
    run = subprocess.run([sys.executable, "-c", ORDINARY], capture_output=True, text=True, check=True)
    late = {f"sales.domain.sms.{name}" for name in ("shortening", "graphemes", "folds")} | {"unicodedata"}
    assert not late & set(run.stdout.split())


def test_a_curly_apostrophe_costs_nothing_once_it_is_folded() -> None:
    written = render(DEFAULT_TEMPLATE, name="Ng’ang’a", **ORDER)
    assert (written.encoding, written.segments) == ("UCS-2", 2)
    assert costly_characters(written.text) == [("’", 7), ("’", 11)]
    sent = compose(DEFAULT_TEMPLATE, name="Ng’ang’a", max_segments=2, **ORDER)
    assert (sent.encoding, sent.segments) == ("GSM-7", 1)
    assert "Ng'ang'a" in sent.text


FOLDED = st.text(st.sampled_from("a ]…™₦ũ’é\u0301\u200b½⒇😀漢"), max_size=200)


@given(FOLDED, FOLDED)
def test_a_text_that_fits_is_never_dearer_than_as_it_was_written(name: str, item: str) -> None:
    fields = {"name": name, "item": item, "currency": "KES", "amount": "1.00"}
    assert compose("{name}… {item}", max_segments=99, **fields).segments <= render("{name}… {item}", **fields).segments


def test_a_text_that_an_emoji_keeps_in_ucs_2_is_sent_as_it_is_written() -> None:
    text = compose("{name}… {item}", name="Wanjikũ 😀", item="“55” TV", currency="KES", amount="1", max_segments=1)
    assert text.text == "Wanjikũ 😀… “55” TV"


@pytest.mark.parametrize(
    ("written", "cleaned"),
    [
        ("John\nDoe", "John Doe"),
        ("a\u202eb\x00c", "a b c"),
        ("  spaced \u00a0\u2800 out ", "spaced out"),
        ("evil.c\ufe0fom", "evil. com"),
        ("evil.c\u034fom", "evil. com"),
        ("evil.c\u200dom/x", "evil. com/x"),
        ("evil.\U000e0063com", "evil. com"),
        ("Grace ❤️ 👩‍👩‍👧‍👦 🏳️‍🌈 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "Grace ❤️ 👩‍👩‍👧‍👦 🏳️‍🌈 🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
        ("\u3164", ""),
    ],
    ids=ascii,
)
def test_a_value_is_one_line_with_nothing_invisible(written: str, cleaned: str) -> None:
    assert clean(written) == cleaned


@given(st.text(max_size=60) | st.text(st.sampled_from("evilcom.:/\u200b．․漢é\u0301 w\ufe0f\u200d😀0129"), max_size=40))
def test_a_clean_value_stays_as_it_is(value: str) -> None:
    assert clean(clean(value)) == clean(value)


WRITABLE = st.text(st.sampled_from("abzũŒ€é…★😀 "), max_size=120).map("a{}".format)


@given(WRITABLE, WRITABLE, st.integers(1, 4))
def test_a_text_that_gsm_7_can_write_keeps_to_its_segments(name: str, item: str, most: int) -> None:
    text = compose(DEFAULT_TEMPLATE, name=name, item=item, currency="KES", amount="1.00", max_segments=most)
    assert text.segments <= most
    assert text == measure(text.text)


@given(st.text(max_size=150), st.text(max_size=120), st.integers(1, 4))
def test_a_text_in_any_script_has_no_more_than_the_second_segment_that_it_needs(
    name: str, item: str, most: int
) -> None:
    text = compose(DEFAULT_TEMPLATE, name=name, item=item, currency="KES", amount="1.00", max_segments=most)
    assert text.segments <= max(most, 2)
    assert text == measure(text.text)


SAID = re.compile(rf"Dear (.+), your order (?:{CODE} )?for (.+) costing KES 1\.00 has been", re.DOTALL)
# A wording needs no code.
SHORT_TEMPLATE = DEFAULT_TEMPLATE.replace(" {code}", "")


@given(st.text(max_size=150), st.text(max_size=120), st.integers(1, 4))
@example("አበበ", "macbook m2", 1)
@example("አበበ", "ቡና", 1)
@example("محمد", "macbook m2", 1)
@example("www.mamakesho.co.ke", "Vol.II/III", 1)
@example("😀", "★", 1)
@example("", "\u3164", 2)
@example("x 漢", "- 漢", 1)
def test_no_text_has_an_empty_name_or_item(name: str, item: str, most: int) -> None:
    text = compose(DEFAULT_TEMPLATE, name=name, item=item, currency="KES", amount="1.00", max_segments=most).text
    said = SAID.match(text)
    assert said
    for value, kept in zip((name, item), said.groups(), strict=True):
        assert kept == kept.strip()
        assert has_letters(kept) or not has_letters(clean(value))


def has_letters(text: str) -> bool:
    return any(map(str.isalnum, fold_all(text)))


def test_values_that_were_stored_before_nobody_could_see_them_have_a_word() -> None:
    text = compose(DEFAULT_TEMPLATE, name="\u3164", item="\u00ad", currency="KES", amount="1", max_segments=2).text
    assert text.startswith(f"Dear customer, your order {CODE} for goods costing KES 1 ")


@pytest.mark.parametrize(
    ("name", "item", "said"),
    [
        (
            "Wanjiku Kamau",
            "★Ankara dress, size M, with matching headwrap and bag, Kitenge cotton",
            ("Wanjiku Kamau", "Ankara dress, size M, with matching headwrap and bag, Kitenge cotton"),
        ),
        (
            "Wanjiku Kamau ❤️",
            "Ankara dress, size M, with matching headwrap and bag, Kitenge cotton",
            ("Wanjiku Kamau", "Ankara dress, size M, with matching headwrap and bag, Kitenge cotton"),
        ),
        (
            "Wanjiku Kamau",
            "Fridge 4°C to 10°C, 138 litres, double door, frost free, free delivery Nairobi",
            ("Wanjiku Kamau", "Fridge 4C to 10C, 138 litres, double door, frost free, free delivery Nairobi"),
        ),
        (
            "Wanjiku Kamau",
            "Samsung 20L microwave, 230V, max 80°C, black, two years guarantee, model MS23",
            ("Wanjiku Kamau", "Samsung 20L microwave, 230V, max 80C, black, two years guarantee, model MS23"),
        ),
        (
            "Kɔfi Ʋ. Mensah",
            "Wax print 6 yards, blue and gold, with lining, thread and zip, Accra pick-up",
            ("Kofi V. Mensah", "Wax print 6 yards, blue and gold, with lining, thread and zip, Accra pick-up"),
        ),
        ("አበበ ከበደ", "ቡና ☕ 2 ኪሎ", ("አበበ ከበደ", "ቡና ☕ 2 ኪሎ")),
        ("محمد علي", "حليب، ٢ لتر", ("محمد علي", "حليب، ٢ لتر")),
        ("አበበ ☕", "coffee " * 7, ("አበበ ☕", "coffee coffee coffee coffee...")),
        ("አበበ ከበደ " * 5, "tea ☕", ("አበበ ከበደ አበበ ከበደ አበበ ከበደ አበበ ከበደ...", "tea")),
        ("አበበ" * 9 + " " + "ከበደ" * 9, "tea " + "☕" * 12, ("አበበ" * 9 + "...", "tea")),
        ("Amina", "★ Omega 3+6, 5 < 8 kg", ("Amina", "Omega 3+6, 5 < 8 kg")),
        ("Mohamed محمد Ali", "mattress 5x6, " * 6, ("Mohamed Ali", ("mattress 5x6, " * 6).strip())),
    ],
    ids=ascii,
)
def test_words_are_kept_and_signs_go_first(name: str, item: str, said: tuple[str, str]) -> None:
    text = compose(SHORT_TEMPLATE, name=name, item=item, currency="KES", amount="1.00", max_segments=2)
    match = SAID.match(text.text)
    assert match
    assert match.groups() == said


def test_nothing_is_cut_from_a_text_that_fits_even_to_save_a_segment() -> None:
    fields = {"name": "-", "currency": "", "amount": "", "max_segments": 2}
    assert compose("ж" * 66 + "{item}", item="b -----", **fields).text == "ж" * 66 + "b -----"


def test_of_texts_that_keep_as_much_the_cheaper_is_sent() -> None:
    item = "aa " + "-" * 150 + " bbbb"
    text = compose("x" * 150 + "{item}", name="-", item=item, currency="", amount="", max_segments=2)
    assert text.text == "x" * 150 + "aa..."


def test_the_item_is_cut_where_cutting_the_name_would_keep_as_much() -> None:
    fields = {"name": "aa bb", "item": "cc dd", "currency": "", "amount": "", "max_segments": 1}
    assert compose("x" * 149 + "{name}|{item}", **fields).text == "x" * 149 + "aa bb|c..."
    assert compose("x" * 149 + "{item}|{name}", **fields).text == "x" * 149 + "c...|aa bb"


@pytest.mark.parametrize(
    ("name", "item", "most"),
    [("a" * 150, "b" * 120, 2), ("ж" * 150, "漢" * 120, 3), ("a " * 75, "ж " * 60, 2), ("€ " * 75, "é" * 120, 1)],
    ids=ascii,
)
def test_few_texts_are_measured_to_find_the_best(
    name: str, item: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = list[str]()
    monkeypatch.setattr(shortening, "measure", lambda text: measured.append(text) or measure(text))
    compose(DEFAULT_TEMPLATE, name=name, item=item, currency="KES", amount="1", max_segments=most)
    assert 0 < len(measured) < 1_000


def test_an_emoji_stays_where_it_costs_nothing() -> None:
    fields = {"name": "Grace ❤️", "item": "tea", "currency": "KES", "amount": "1", "max_segments": 2}
    assert compose("{name}: {item}", **fields).text == "Grace ❤️: tea"
    assert compose("{name}: {item}" + "x" * 60, **fields).text == "Grace: tea" + "x" * 60


@pytest.mark.parametrize(
    ("words", "most", "kept"),
    [
        ("x" * 160, 1, "x" * 160),
        ("x" * 161, 1, "x" * 157 + "..."),
        ("x" * 158 + "€", 1, "x" * 158 + "€"),
        ("x" * 159 + "€", 1, "x" * 157 + "..."),
        ("x" * 306, 2, "x" * 306),
        ("x" * 307, 2, "x" * 303 + "..."),
        # The euro sign does not fit at the end of the first segment, which stays one septet short.
        ("x" * 152 + "€" + "x" * 151, 2, "x" * 152 + "€" + "x" * 151),
        ("x" * 152 + "€" + "x" * 152, 2, "x" * 152 + "€" + "x" * 148 + "..."),
        ("漢" * 70, 1, "漢" * 70),
        ("漢" * 71, 1, "漢" * 67 + "..."),
        ("漢" * 134, 2, "漢" * 134),
        ("漢" * 135, 2, "漢" * 131 + "..."),
        ("漢" * 66 + "𠀀" + "漢" * 65, 2, "漢" * 66 + "𠀀" + "漢" * 65),
        ("漢" * 66 + "𠀀" + "漢" * 66, 2, "漢" * 66 + "𠀀" + "漢" * 62 + "..."),
    ],
    ids=lambda value: f"{len(value)} {value[-1]}" if isinstance(value, str) else str(value),
)
def test_a_value_is_cut_where_its_last_segment_ends(words: str, most: int, kept: str) -> None:
    assert compose("{item}", name="-", item=words, currency="", amount="", max_segments=most).text == kept


@pytest.mark.parametrize(
    "sign", ["🇰🇪", "👩\u200d👩\u200d👧\u200d👦", "👍🏽", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "漢\u0301", "क्षि", "\u1100\u1161\u11a8", "ก็"], ids=ascii
)
def test_no_cut_falls_inside_what_people_see_as_one_character(sign: str) -> None:
    kept = compose("{item}", name="-", item=sign * 60, currency="", amount="", max_segments=1)
    assert kept.text == sign * kept.text.count(sign) + "..."
    assert kept.segments == 1


def test_a_long_item_is_cut_at_a_word_before_the_name_is() -> None:
    item = "a very long description of a thing " * 3
    text = compose(DEFAULT_TEMPLATE, name="John Doe", item=item, currency="KES", amount="1.00", max_segments=1)
    assert text.segments == 1
    assert "John Doe" in text.text
    cut = text.text.split(f"order {CODE} for ")[1].split(" costing")[0]
    assert cut.endswith("...")
    assert item.startswith(cut.removesuffix("..."))
    assert item[len(cut) - 3] == " "


def test_an_emoji_goes_before_a_word_of_name_or_item_does() -> None:
    text = compose(DEFAULT_TEMPLATE, name="John 😀 Doe", max_segments=1, **ORDER)
    assert text.text.startswith(f"Dear John Doe, your order {CODE} for macbook m2 costing")


def test_a_template_longer_than_allowed_stays_whole() -> None:
    text = compose("x" * 200, name="a", item="b", currency="KES", amount="1", max_segments=1)
    assert text.text == "x" * 200


LONG = "x" * 200 + " {name} {item}"


def test_a_text_has_no_more_segments_than_a_template_that_is_too_long() -> None:
    fields = {"name": "Wanjikũ wa " * 13, "item": "a long thing " * 9, "currency": "KES", "amount": "1"}
    assert render(LONG, **fields).segments > 4
    text = compose(LONG, max_segments=1, **fields)
    assert text.segments == least_segments(LONG) == 2
    assert text.text.startswith("x" * 200 + " Wanjiku wa Wanjiku wa")


@given(
    st.sampled_from([LONG, DEFAULT_TEMPLATE, "漢" * 60 + "{name}{item}", "{name}"]),
    WRITABLE,
    WRITABLE,
    st.integers(1, 4),
)
def test_a_text_never_has_more_segments_than_allowed_or_than_its_template(
    template: str, name: str, item: str, most: int
) -> None:
    text = compose(template, name=name, item=item, currency="KES", amount="1", max_segments=most)
    assert text.segments <= max(most, least_segments(template))


WORDS = st.lists(st.text(st.sampled_from("abcũ😀"), min_size=1, max_size=30), min_size=1, max_size=12).map(" ".join)


@given(WORDS, WORDS)
def test_a_cut_is_marked_and_never_inside_a_word_unless_it_is_the_only_word(name: str, item: str) -> None:
    text = compose("{name}|{item}", name=name, item=item, currency="KES", amount="1", max_segments=1).text
    for whole, kept in zip((name, item), text.split("|"), strict=True):
        if kept not in {whole, _gsm(whole)}:
            assert kept.endswith("...")
            words, of = kept.removesuffix("...").split(" "), (whole.split(" "), _gsm(whole).split(" "))
            assert words in [each[: len(words)] for each in of] or len(words) == 1


def _gsm(text: str) -> str:
    return " ".join(text.replace("ũ", "u").replace("😀", "").split())


def test_a_short_word_is_not_cut_to_a_longer_one() -> None:
    assert compose("x" * 159 + "{name}", name="Ann", item="", currency="", amount="", max_segments=1).text.endswith(
        "xAnn"
    )


# How `clean` may treat a control character: as one space, however many stand together.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


@given(st.text(st.sampled_from("evilcom.:/ \n\x00\x85\u200e\u202e\u2066\u2069\ufe0f\u200d😀0129"), max_size=40))
def test_control_characters_are_a_space_to_everything_that_is_cleaned(value: str) -> None:
    assert clean(value) == clean(CONTROL.sub(" ", value))


@given(
    st.sampled_from(
        ["{code}", DEFAULT_TEMPLATE, "{name}{code}{item}", "ũ{code}😀{name} {item}", "x" * 150 + "{item}{code}"]
    ),
    WRITABLE,
    WRITABLE,
    st.text(ALPHABET, min_size=8, max_size=8).map(show_code),
    st.integers(1, 3),
)
def test_the_code_is_whole_in_every_text(template: str, name: str, item: str, code: str, most: int) -> None:
    fields = {"name": name, "item": item, "currency": "KES", "amount": "1.00", "max_segments": most}
    text = content.compose(template, code=code, **fields)
    assert code in text.text
    # A code that does not exist yet takes as much room.
    pending = content.compose(template, code=NO_CODE, **fields)
    assert text.text == pending.text.replace(NO_CODE, code) or "X" in name + item
    assert (text.encoding, text.segments) == (pending.encoding, pending.segments)
