"""The contract's pattern of a wording, and faults of languages taken together."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.problems import Problem
from sales.domain.sms.wording import LONGEST_TEMPLATE, MOST_LANGUAGES, check_template
from sales.schemas.common import parse
from sales.schemas.wording import TEMPLATES_SCHEMA, NewWording

PATTERN = re.compile(TEMPLATES_SCHEMA["additionalProperties"]["pattern"].removesuffix("$"))
PARTS = st.sampled_from(
    [
        "{name}",
        "{code}",
        "{item}",
        "{currency}",
        "{amount}",
        "{{",
        "}}",
        "{",
        "}",
        "x",
        " ",
        "\n",
        "\t",
        "\u2028",
        "é",
        "{x}",
        "{name!r}",
    ]
)


@given(st.lists(PARTS, max_size=12).map("".join))
def test_the_contracts_pattern_is_what_can_be_composed(template: str) -> None:
    try:
        check_template(template, 10)
        accepted = True
    except ValueError:
        accepted = False
    assert accepted == bool(PATTERN.fullmatch(template))


def errors(body: dict[str, Any]) -> dict[str, str]:
    try:
        parse(NewWording, body, max_segments=2)
    except Problem as problem:
        return {error.pointer: error.code for error in problem.errors}
    return {}


TEXT = "{name}"


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({"default_language": "EN", "created": {"en": TEXT, "sw-ke": TEXT}}, {}),
        ({}, {"/default_language": "required", "/created": "required"}),
        ({"default_language": "en", "created": {}}, {"/default_language": "unknown_language", "/created": "too_short"}),
        ({"default_language": "fr", "created": {"en": TEXT}}, {"/default_language": "unknown_language"}),
        ({"default_language": 1, "created": []}, {"/default_language": "invalid_type", "/created": "invalid_type"}),
        ({"default_language": "en", "created": {"en": TEXT, "EN": TEXT}}, {"/created/EN": "invalid_language"}),
        (
            {"default_language": "en", "created": {"en": "{nam}", "s/w": TEXT, "fr": 5, "sw": "x" * 307, "luo": " "}, "version": 1},
            {
                "/created/en": "invalid_wording", "/created/s~1w": "invalid_language", "/created/fr": "invalid_type",
                "/created/sw": "invalid_wording", "/created/luo": "invalid_wording", "/version": "read_only",
            },
        ),
        (
            {"default_language": "en", "created": {f"aa-{number:03}": TEXT for number in range(MOST_LANGUAGES)} | {"en": TEXT}},
            {"/created": "too_long"},
        ),
        ({"default_language": "en", "created": {"en": "x" * (LONGEST_TEMPLATE + 1)}}, {"/created/en": "invalid_wording"}),
    ],
)  # fmt: skip
def test_every_language_and_wording_at_fault_is_named(body: dict[str, Any], faults: dict[str, str]) -> None:
    assert errors(body) == faults


def test_languages_are_stored_in_their_usual_case() -> None:
    parsed = parse(NewWording, {"default_language": "SW-ke", "created": {"sw-KE": TEXT, "EN": TEXT}}, max_segments=1)
    assert (parsed.default_language, set(parsed.created)) == ("sw-KE", {"sw-KE", "en"})
