"""Filters of event source mappings."""

from typing import Any

import pytest

from local.aws.event_patterns import check, matches

EVENT = {"eventName": "INSERT", "dynamodb": {"NewImage": {"sms": {"M": {"status": {"S": "queued"}}}, "n": {"N": "5"}}}}


def image(**rules: Any) -> dict[str, Any]:
    return {"dynamodb": {"NewImage": rules}}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({}, True),
        ({"eventName": ["INSERT"]}, True),
        ({"eventName": ["MODIFY", "INSERT"]}, True),
        ({"eventName": ["REMOVE"]}, False),
        ({"eventName": ["insert"]}, False),
        ({"eventName": ["INSERT"]} | image(sms={"M": {"status": {"S": ["queued"]}}}), True),
        ({"eventName": ["INSERT"]} | image(sms={"M": {"status": {"S": ["sent"]}}}), False),
        (image(other={"M": {"status": {"S": ["queued"]}}}), False),
        (image(n={"N": ["5"]}), True),
        (image(n={"N": [5]}), False),
    ],
)
def test_a_pattern_matches_an_event_with_all_its_fields(pattern: dict[str, Any], expected: bool) -> None:
    check(pattern)
    assert matches(pattern, EVENT) is expected


def test_a_list_in_the_event_matches_if_one_element_does() -> None:
    assert matches({"tags": ["b"]}, {"tags": ["a", "b"]})
    assert not matches({"tags": ["c"]}, {"tags": ["a", "b"]})


@pytest.mark.parametrize(
    "pattern",
    [
        {"a": "INSERT"},
        {"a": []},
        {"a": [{"cidr": "10.0.0.0/8"}]},
        {"a": [{"numeric": [">", 5]}]},
        {"a": [{"exists": False}]},
        {"a": {"b": [{"prefix": "x"}]}},
        {"$or": [{"a": ["INSERT"]}]},
    ],
)
def test_a_pattern_with_an_unknown_rule_is_refused_not_ignored(pattern: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="the filter's"):
        check(pattern)
