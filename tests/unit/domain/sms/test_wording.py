"""The shop's wording."""

import pytest

from sales.domain.sms.wording import DEFAULT_TEMPLATE, least_segments, text_template, validate_template


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
    ],
)
def test_a_template_that_cannot_work_is_refused_with_a_sentence(template: str) -> None:
    with pytest.raises(ValueError, match="SMS text"):
        validate_template(template)


@pytest.mark.parametrize("template", ["a\nb", "a\u200bb", "{{{name}}}", "{name}{item}{currency}{amount}"])
def test_line_breaks_braces_and_characters_that_folding_drops_are_allowed(template: str) -> None:
    validate_template(template)


def test_an_empty_template_means_the_default_and_a_valid_one_is_used() -> None:
    assert text_template("") == DEFAULT_TEMPLATE
    assert text_template("Hi {name}: {{ok}}") == "Hi {name}: {{ok}}"


@pytest.mark.parametrize(("template", "segments"), [("x" * 152 + "{name}{item}{amount}", 1), ("x" * 160 + "{name}", 2)])
def test_the_shortest_text_of_a_template_has_one_letter_for_each_value(template: str, segments: int) -> None:
    assert least_segments(template) == segments
