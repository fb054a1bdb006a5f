"""`make doctor STAGE=prod` says how old a stack's secrets are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scripts.operate.secret_ages import ages
from tests.scripts.aws import Answer, Aws, refused

NOW = datetime(2026, 11, 29, tzinfo=UTC)
PARAMETERS = {"WebhookSecretName": "shop/webhook", "SmsSecretName": "shop/key"}
STACK = {
    "StackName": "shop",
    "StackStatus": "CREATE_COMPLETE",
    "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in PARAMETERS.items()],
}


def found(versions: Answer, stack: Answer | None = None) -> list[str]:
    answers = {"cloudformation.DescribeStacks": stack or {"Stacks": [STACK]}}
    return [str(each) for each in ages(Aws(answers | {"secretsmanager.ListSecretVersionIds": versions}), "shop", NOW)]


def version(days: int, *stages: str) -> dict[str, Any]:
    return {"CreatedDate": NOW - timedelta(days=days), "VersionStages": list(stages)}


@pytest.mark.parametrize(("days", "old"), [(0, False), (365, False), (366, True)])
def test_a_secret_that_is_older_than_a_year_is_a_warning_with_its_command(days: int, old: bool) -> None:
    said = found({"Versions": [version(days + 400, "AWSPREVIOUS"), version(days, "AWSCURRENT")]})
    assert [f"is {days} days old" in line for line in said] == [True, True]
    assert [line.startswith("warning") for line in said] == [old, old]
    assert ("make rotate-webhook-secret STACK=shop" in said[0]) is old
    assert ("make set-sms-key STACK=shop" in said[1]) is old


def test_a_missing_secret_is_a_problem_and_a_missing_stack_is_not() -> None:
    said = found(refused("ResourceNotFoundException"))
    assert [line.startswith("PROBLEM") for line in said] == [True, True]
    missing = refused("ValidationError", "Stack with id shop does not exist")
    assert found({}, missing) == ["-        secrets: the stack shop does not exist"]
