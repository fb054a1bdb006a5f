"""`make rollback` moves the aliases of a stack, in moto's Lambda."""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from sales.api.unmatched import ALIAS
from scripts.operate import prune_versions, rollback
from scripts.operate.stack import releases

OLD, GOOD, BAD = "2611200800-aaaaaaa", "2611210800-bbbbbbb", "2611220800-ccccccc"
FUNCTIONS = ("sales-create_order", "sales-send_sms")


class Stack:
    """CloudFormation's list of a stack's resources (moto's needs packages that are not installed here)."""

    def __init__(self, *more: tuple[str, str]) -> None:
        self.resources = [*(("AWS::Lambda::Function", name) for name in FUNCTIONS), *more]

    def get_paginator(self, operation: str) -> "Stack":
        assert operation == "list_stack_resources"
        return self

    def paginate(self, **given: str) -> list[dict[str, Any]]:
        assert given == {"StackName": "sales"}
        listed = [{"ResourceType": kind, "PhysicalResourceId": name} for kind, name in self.resources]
        return [{"StackResourceSummaries": listed}]


class CodeDeploy:
    """Deployments of two groups; those of the first may be running."""

    def __init__(self, *under_way: str) -> None:
        self.under_way = list(under_way)
        self.stopped: list[str] = []

    def list_deployments(self, **given: Any) -> dict[str, list[str]]:
        assert "InProgress" in given["includeOnlyStatuses"]
        assert "Succeeded" not in given["includeOnlyStatuses"]
        return {"deployments": self.under_way if given["deploymentGroupName"] == "group-1" else []}

    def stop_deployment(self, *, deploymentId: str, autoRollbackEnabled: bool) -> None:  # noqa: N803 - boto3's names
        assert autoRollbackEnabled
        self.stopped.append(deploymentId)


@pytest.fixture
def lambda_(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield boto3.client("lambda")


def create(lambda_: Any, name: str) -> None:
    role = boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as file:
        file.writestr("app.py", "")
    given = {"Runtime": "python3.13", "Handler": "app.handler", "Code": {"ZipFile": code.getvalue()}}
    lambda_.create_function(FunctionName=name, Role=role, **given)


def deploy(lambda_: Any, *releases: str, functions: tuple[str, ...] = FUNCTIONS) -> None:
    """Publish a version for each release and point the alias to the last one, as CloudFormation does."""
    for name in functions:
        try:
            lambda_.get_function(FunctionName=name)
        except lambda_.exceptions.ResourceNotFoundException:
            create(lambda_, name)
        for release in releases:
            lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": {"RELEASE": release}})
            version = lambda_.publish_version(FunctionName=name, Description=release)["Version"]
            try:
                lambda_.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)
            except lambda_.exceptions.ResourceNotFoundException:
                lambda_.create_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)


def live(lambda_: Any, name: str) -> str:
    """Return the release that the alias of a function names."""
    version = lambda_.get_alias(FunctionName=name, Name=ALIAS)["FunctionVersion"]
    release: str = lambda_.get_function(FunctionName=name, Qualifier=version)["Configuration"]["Description"]
    return release


def roll_back(lambda_: Any, to: str = "", *, stack: Stack | None = None, dry_run: bool = False) -> None:
    rollback.roll_back(stack or Stack(), lambda_, CodeDeploy(), "sales", to, dry_run=dry_run)


def test_each_rollback_moves_every_alias_one_release_back(lambda_: Any) -> None:
    deploy(lambda_, OLD, GOOD, BAD)
    for expected in (GOOD, OLD):
        roll_back(lambda_)
        assert [live(lambda_, name) for name in FUNCTIONS] == [expected] * 2
    with pytest.raises(rollback.RollbackError, match=f"No release before {OLD}"):
        roll_back(lambda_)


def test_an_interrupted_rollback_is_finished_by_the_next(lambda_: Any) -> None:
    deploy(lambda_, GOOD, BAD)
    lambda_.update_alias(FunctionName=FUNCTIONS[0], Name=ALIAS, FunctionVersion="1")
    roll_back(lambda_)
    assert [live(lambda_, name) for name in FUNCTIONS] == [GOOD] * 2


def test_to_may_name_any_release_even_a_later_one(lambda_: Any) -> None:
    deploy(lambda_, OLD, GOOD, BAD)
    for release in (OLD, BAD, GOOD):
        roll_back(lambda_, release)
        assert [live(lambda_, name) for name in FUNCTIONS] == [release] * 2
    with pytest.raises(rollback.RollbackError, match=f"Choose one of {OLD}, {GOOD}, {BAD}"):
        roll_back(lambda_, "2611230800-ddddddd")


def test_a_function_that_the_later_release_added_stays(lambda_: Any, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(lambda_, GOOD, BAD)
    deploy(lambda_, BAD, functions=("sales-new",))
    roll_back(lambda_, stack=Stack(("AWS::Lambda::Function", "sales-new")))
    assert [live(lambda_, name) for name in FUNCTIONS] == [GOOD] * 2
    assert live(lambda_, "sales-new") == BAD
    assert "sales-new stays" in capsys.readouterr().out


def test_if_one_function_has_lost_the_release_no_alias_moves(lambda_: Any) -> None:
    deploy(lambda_, OLD, GOOD, BAD)
    lambda_.delete_function(FunctionName=FUNCTIONS[1], Qualifier="2")
    with pytest.raises(rollback.RollbackError, match=f"sales-send_sms has no version of {GOOD}"):
        roll_back(lambda_)
    assert [live(lambda_, name) for name in FUNCTIONS] == [BAD] * 2


def test_a_dry_run_moves_nothing(lambda_: Any, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(lambda_, GOOD, BAD)
    roll_back(lambda_, dry_run=True)
    assert [live(lambda_, name) for name in FUNCTIONS] == [BAD] * 2
    assert f"Would move {FUNCTIONS[0]} from 2 to 1" in capsys.readouterr().out


def test_a_running_canary_is_stopped_and_no_alias_moves(lambda_: Any) -> None:
    deploy(lambda_, GOOD, BAD)
    groups = [("AWS::CodeDeploy::DeploymentGroup", f"group-{number}") for number in (1, 2)]
    stack, codedeploy = Stack(("AWS::CodeDeploy::Application", "sales"), *groups), CodeDeploy("d-1", "d-2")
    rollback.roll_back(stack, lambda_, codedeploy, "sales", dry_run=True)
    assert codedeploy.stopped == []
    rollback.roll_back(stack, lambda_, codedeploy, "sales", dry_run=False)
    assert codedeploy.stopped == ["d-1", "d-2"]
    assert [live(lambda_, name) for name in FUNCTIONS] == [BAD] * 2


def test_prune_keeps_enough_to_go_back_after_a_rollback(lambda_: Any) -> None:
    deploy(lambda_, OLD, GOOD, BAD)
    roll_back(lambda_)
    repaired = "2611230800-ddddddd"
    deploy(lambda_, repaired)
    prune_versions.prune(Stack(), lambda_, "sales", keep=prune_versions.KEEP, dry_run=False)
    assert set(releases(lambda_, FUNCTIONS[0]).values()) == {GOOD, BAD, repaired}
    roll_back(lambda_, GOOD)
    assert [live(lambda_, name) for name in FUNCTIONS] == [GOOD] * 2
