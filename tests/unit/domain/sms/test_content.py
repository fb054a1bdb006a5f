"""The content of a text: values cleaned, folded and shortened into the wording."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sales.domain.sms.content import clean, compose, render
from sales.domain.sms.segments import costly_characters, measure
from sales.domain.sms.wording import DEFAULT_TEMPLATE, least_segments

ORDER = {"item": "macbook m2", "currency": "KES", "amount": "56000.68"}


def test_the_default_wording_is_the_originals_with_the_name_as_it_is_written() -> None:
    text = compose(DEFAULT_TEMPLATE, name="Ng'ang'a Kamau", max_segments=2, **ORDER)
    assert text.text == (
        "Dear Ng'ang'a Kamau, your order for macbook m2 costing KES 56000.68 has been created successfully. "
        "Thank you for choosing us!"
    )
    assert text.segments == 1


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
    ("given_name", "kept"),
    [
        ("John\nDoe", "John Doe"),
        ("a\u202eb\x00c", "a b c"),
        ("win at https://evil.example/x now", "win at now"),
        ("www.evil.example", ""),
        ("evil.example/free stuff", "stuff"),
        ("visit evil.example", "visit evil. example"),
        ("  spaced   out ", "spaced out"),
        ("St. John", "St. John"),
        ("J. M. Kamau, Esq.", "J. M. Kamau, Esq."),
        ("evilé.com", "evilé. com"),
        ("evil.com_", "evil. com_"),
        ("pay 41.90.1.2/mpesa now", "pay now"),
        ("41.90.1.2", ""),
        ("1.1.1.1:8080/x", ""),
        ("1.1.1.1, milk", ", milk"),
        ("1.1.1.1.evil.com/x", ""),
        ("１．１．１．１／ｘ", ""),
        ("evil.c0m/x", ""),
        ("evil.c0m", "evil. c0m"),
        ("evil.co.ke:8080/x", ""),
        ("evil.c\ufe0fom", "evil. com"),
        ("evil.c\u034fom", "evil. com"),
        ("evil.c\u200dom/x", ""),
        ("evil.\U000e0063com", "evil. com"),
        ("ｈｔｔｐ：／／evil", ""),
        ("сайт.рф/x", ""),
        ("see:https://evil", "see:"),
    ],
)
def test_customer_data_cannot_carry_lines_or_links_into_a_text(given_name: str, kept: str) -> None:
    assert clean(given_name) == kept


@pytest.mark.parametrize(
    "written",
    [
        "v2.0",
        "v1.2",
        "55.5",
        '55.5" TV',
        "2.0/3",
        "1.250",
        "1.250/=",
        "KES 1.250.000,00",
        "1.250.500.000",
        "2.5kg/bag",
        "1.5L/2",
        "No.12/3",
        "Cement 42.5N/50kg",
        "and/or, w/o, 24/7",
        "10:30",
        "2:1 ratio",
        "U.S.A",
        "iOS 17.1.2",
        "A.B.C/D",
        "Grace ❤️ 👩‍👩‍👧‍👦 🏳️‍🌈",
    ],
)
def test_items_that_customers_really_order_stay_as_they_are(written: str) -> None:
    assert clean(written) == written


@pytest.mark.parametrize(
    ("written", "kept"), [("Mr.Smith", "Mr. Smith"), ("Bread.Milk", "Bread. Milk"), ("No.B2", "No. B2")]
)
def test_a_dot_between_two_words_gets_a_space(written: str, kept: str) -> None:
    assert clean(written) == kept


@given(st.text(max_size=60) | st.text(st.sampled_from("evilcom.:/\u200b．․漢é\u0301 w\ufe0f\u200d😀0129"), max_size=40))
def test_a_clean_value_stays_as_it_is(value: str) -> None:
    assert clean(clean(value)) == clean(value)


@given(st.text(max_size=150), st.text(max_size=120), st.integers(1, 4))
def test_a_text_keeps_to_its_segments_for_every_name_and_item(name: str, item: str, most: int) -> None:
    text = compose(DEFAULT_TEMPLATE, name=name, item=item, currency="KES", amount="1.00", max_segments=most)
    assert text.segments <= most
    assert text == measure(text.text)


def test_a_long_item_is_cut_at_a_word_before_the_name_is() -> None:
    item = "a very long description of a thing " * 3
    text = compose(DEFAULT_TEMPLATE, name="John Doe", item=item, currency="KES", amount="1.00", max_segments=1)
    assert text.segments == 1
    assert "John Doe" in text.text
    cut = text.text.split("order for ")[1].split(" costing")[0]
    assert cut.endswith("...")
    assert item.startswith(cut.removesuffix("..."))
    assert item[len(cut) - 3] == " "


DISGUISED = [
    "ｅｖｉｌ．ｃｏｍ",
    "evil.\u200bcom",
    "evil\u2024com",
    "https:\u200b//evil.com/x",
    "evil.漢com",
    "evil.\u0301com",
    "evil.\u0301com 😀",
    "evil.ⓒⓞⓜ 😀",
    "evil.c\ufe0fom",
    "evil.c\u034fom",
    "evil.c\u200dom",
    "evil.\u3164com",
    "evil\u2024com 😀",
]


@pytest.mark.parametrize("name", DISGUISED, ids=ascii)
@pytest.mark.parametrize("most", [1, 2, 4])
def test_a_link_cannot_hide_in_characters_that_folding_changes_or_drops(name: str, most: int) -> None:
    text = compose("{name}" + "-" * 60, name=name, item="", currency="KES", amount="1", max_segments=most).text
    assert not re.search(r"evil\.com|://", text), text


# Four numbers with dots, a host with a path, a scheme, a dot before a word.
LINKS = re.compile(
    r"(?<!\d)(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?!\d)|\w\.[a-z]\w{2,}/|://|[^\s.]\.[^\W\d_]\w"
)
UNSEEN = "\u200b\u200c\u200d\u2060\u00ad\u034f\u3164\ufe0f\ufeff\U000e0061"


@given(
    st.text(st.sampled_from(f"evilcom.:/．․。漢é\u0301 w…😀0129②{UNSEEN}"), max_size=60)
    | st.lists(st.sampled_from([*"1../:m 漢", "25", "evil", "com", "://", "ⓒ", "…", *UNSEEN]), max_size=30).map(
        "".join
    ),
    st.integers(1, 3),
)
@example("1.1.1.1999" + "9" * 150, 1)
def test_no_name_carries_a_link_into_a_text(name: str, most: int) -> None:
    text = compose("{name} ordered {item}.", name=name, item=name, currency="KES", amount="1", max_segments=most).text
    seen = "".join(each for each in text if each not in UNSEEN)
    assert not LINKS.search(seen), text


def test_an_item_stays_whole_where_only_a_shorter_name_helps() -> None:
    text = compose(DEFAULT_TEMPLATE, name="John 😀 Doe", max_segments=1, **ORDER)
    assert text.text.startswith("Dear John..., your order for macbook m2 costing")


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
    st.sampled_from([LONG, DEFAULT_TEMPLATE, "漢" * 80 + "{name}{item}", "{name}"]),
    st.text(max_size=150),
    st.text(max_size=120),
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
