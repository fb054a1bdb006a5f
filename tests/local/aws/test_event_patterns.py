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
        ({"eventName": [{"equals-ignore-case": "insert"}]}, True),
        ({"eventName": [{"prefix": "INS"}]}, True),
        ({"eventName": [{"suffix": "ERT"}]}, True),
        ({"eventName": [{"suffix": "INS"}]}, False),
        ({"eventName": [{"anything-but": "INSERT"}]}, False),
        ({"eventName": [{"anything-but": ["REMOVE", "MODIFY"]}]}, True),
        ({"eventName": [{"anything-but": {"prefix": "RE"}}]}, True),
        ({"eventName": ["INSERT"]} | image(sms={"M": {"status": {"S": ["queued"]}}}), True),
        ({"eventName": ["INSERT"]} | image(sms={"M": {"status": {"S": ["sent"]}}}), False),
        (image(sms={"M": {"status": {"S": [{"exists": True}]}}}), True),
        (image(sms={"M": {"reason": {"S": [{"exists": True}]}}}), False),
        (image(sms={"M": {"reason": {"S": [{"exists": False}]}}}), True),
        (image(other={"M": {"status": {"S": ["queued"]}}}), False),
        (image(n={"N": ["5"]}), True),
        (image(n={"N": [5]}), False),
        ({"$or": [{"eventName": ["REMOVE"]}, image(n={"N": ["5"]})]}, True),
        ({"$or": [{"eventName": ["REMOVE"]}, image(n={"N": ["6"]})]}, False),
    ],
)
def test_a_pattern_lets_through_what_has_all_its_fields(pattern: dict[str, Any], expected: bool) -> None:
    check(pattern)
    assert matches(pattern, EVENT) is expected


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        (["=", 5], 5, True),
        ([">", 0, "<=", 5], 5, True),
        ([">", 0, "<", 5], 5, False),
        ([">=", 5], "5", False),
        ([">", 0], True, False),
    ],
)
def test_numbers_are_compared_with_each_bound(rule: list[Any], value: Any, expected: bool) -> None:
    assert matches({"amount": [{"numeric": rule}]}, {"amount": value}) is expected


def test_a_list_matches_if_one_of_its_elements_does() -> None:
    assert matches({"tags": ["b"]}, {"tags": ["a", "b"]})
    assert not matches({"tags": ["c"]}, {"tags": ["a", "b"]})


@pytest.mark.parametrize(
    "pattern", [{"a": "INSERT"}, {"a": []}, {"a": [{"cidr": "10.0.0.0/8"}]}, {"a": [{"numeric": ["~", 5]}]}]
)
def test_a_pattern_that_is_not_understood_is_refused_and_not_ignored(pattern: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        check(pattern)
