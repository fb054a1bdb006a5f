"""The shop's wording."""

import pytest

from sales.domain.sms.wording import (
    DEFAULT_TEMPLATE,
    Wording,
    check_template,
    least_segments,
    shipped_wording,
    text_template,
)
from tests.support.texts import compose


@pytest.mark.parametrize(
    "template",
    [
        "",
        "  ",
        "{phone}",
        "{name",
        "name}",
        "{name!r}",
        "{amount:>10}",
        "{0}",
        "{}",
        "{name.upper}",
        "a\x00b",
        "a\u202eb",
        "a\u2028b",
        "\u200b",
    ],
)
def test_a_template_that_cannot_work_is_refused_with_a_sentence(template: str) -> None:
    with pytest.raises(ValueError, match="SMS text"):
        check_template(template, 10)


@pytest.mark.parametrize("template", ["a\nb", "a\u200bb", "{{{name}}}", "{name}{item}{currency}{amount}{code}"])
def test_line_breaks_braces_and_characters_that_folding_drops_are_allowed(template: str) -> None:
    check_template(template, 1)


def test_a_template_has_at_most_a_thousand_characters() -> None:
    check_template("x" * 1000, 10)
    with pytest.raises(ValueError, match="more than 1,000 characters"):
        check_template("x" * 1001, 10)


def test_an_empty_template_means_the_default_and_a_valid_one_is_used() -> None:
    assert text_template("") == DEFAULT_TEMPLATE
    assert text_template("Hi {name}: {{ok}}") == "Hi {name}: {{ok}}"


@pytest.mark.parametrize(
    ("template", "segments"),
    [
        ("x" * 152 + "{name}{item}{amount}", 1),
        ("x" * 160 + "{name}", 2),
        ("x" * 151 + "{code}", 1),
        ("x" * 152 + "{code}", 2),
    ],
)
def test_the_shortest_text_of_a_template_has_one_letter_for_each_value_and_a_whole_code(
    template: str, segments: int
) -> None:
    assert least_segments(template) == segments


def test_a_template_that_needs_more_segments_than_allowed_is_refused_with_both_numbers() -> None:
    check_template("x" * 160, 1)
    check_template("x" * 161, 2)
    with pytest.raises(ValueError, match="takes at least 2 segments, more than the 1 of SmsMaxSegments"):
        check_template("x" * 161, 1)


def test_english_and_swahili_ship_and_the_setting_replaces_the_english_one() -> None:
    assert shipped_wording("").created["en"] == DEFAULT_TEMPLATE
    own = shipped_wording("Hi {name}")
    assert (own.version, own.default_language, own.created["en"]) == (1, "en", "Hi {name}")
    assert own.created["sw"] == shipped_wording("").created["sw"]
    for template in shipped_wording("").created.values():
        check_template(template, 1)


@pytest.mark.parametrize("name", ["Wanjiru Kamau", "Naserian Ole Sankale"])
@pytest.mark.parametrize(("item", "amount"), [("Solar lamp", "3,450.00"), ("Bicycle tube 26 inch", "1,186,000.00")])
def test_an_ordinary_text_in_swahili_is_one_segment_and_no_longer_than_in_english(
    name: str, item: str, amount: str
) -> None:
    texts = {
        language: compose(template, name=name, item=item, currency="KES", amount=amount, max_segments=2)
        for language, template in shipped_wording("").created.items()
    }
    assert (texts["sw"].encoding, texts["sw"].segments) == ("GSM-7", 1)
    assert len(texts["sw"].text) <= len(texts["en"].text)
    for value in (name, item, f"KES {amount}", "7KQ2-M9XA"):
        assert value in texts["sw"].text


def test_a_language_without_wording_gets_the_default_one() -> None:
    wording = Wording(3, "sw", {"en": "{name}", "sw": "{name}"})
    assert [wording.language_for(language) for language in ("en", "sw", "fr", None)] == ["en", "sw", "sw", "sw"]
