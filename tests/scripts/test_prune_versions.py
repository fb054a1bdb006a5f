"""`make prune` deletes old versions of a function and never one in use."""

from typing import Any

import pytest

from scripts.operate.prune_versions import prune, superfluous


class Lambda:
    """A function with five versions: 5 is live, a tenth of a canary goes to 4."""

    def __init__(self) -> None:
        self.deleted: list[tuple[str, str]] = []

    def get_paginator(self, operation: str) -> "Pages":
        if operation == "list_aliases":
            weights = {"RoutingConfig": {"AdditionalVersionWeights": {"4": 0.1}}}
            return Pages([{"Aliases": [{"FunctionVersion": "5", **weights}]}])
        return Pages(
            [{"Versions": [{"Version": each} for each in page]} for page in (["$LATEST", "1", "2"], ["3", "4", "5"])]
        )

    def delete_function(self, *, FunctionName: str, Qualifier: str) -> None:  # noqa: N803 - boto3's names
        self.deleted.append((FunctionName, Qualifier))


class CloudFormation:
    def get_paginator(self, operation: str) -> "Pages":
        kinds = [("AWS::Lambda::Function", "sales-one"), ("AWS::Lambda::Version", "sales-one:5")]
        summaries = [{"ResourceType": kind, "PhysicalResourceId": name} for kind, name in kinds]
        return Pages([{"StackResourceSummaries": summaries}])


class Pages:
    def __init__(self, pages: list[dict[str, Any]]) -> None:
        self._pages = pages

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        return self._pages


@pytest.mark.parametrize(
    ("versions", "aliased", "keep", "gone"),
    [
        ([1, 2, 3, 4, 5], {5}, 1, [1, 2, 3]),
        ([1, 2, 3, 4, 5], {5}, 0, [1, 2, 3, 4]),
        ([5, 1, 3], {1}, 1, [3]),
        ([1], {1}, 1, []),
        ([1, 2], set(), 5, []),
    ],
)
def test_versions_in_use_and_the_newest_others_stay(
    versions: list[int], aliased: set[int], keep: int, gone: list[int]
) -> None:
    assert superfluous(versions, aliased, keep) == gone


def test_both_sides_of_a_canary_stay_and_so_does_the_function() -> None:
    lambda_ = Lambda()
    assert prune(CloudFormation(), lambda_, "sales", keep=0, dry_run=False) == 3
    assert lambda_.deleted == [("sales-one", "1"), ("sales-one", "2"), ("sales-one", "3")]


def test_a_dry_run_deletes_nothing() -> None:
    lambda_ = Lambda()
    assert prune(CloudFormation(), lambda_, "sales", keep=1, dry_run=True) == 2
    assert lambda_.deleted == []
