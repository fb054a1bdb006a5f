"""`make rotate-webhook-secret` and `make set-sms-key` store the secrets of a stack."""

import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from scripts.operate import rotate_secret
from tests.scripts.aws import Aws

NAMES = {"WebhookSecretName": "shop/webhook", "SmsSecretName": "shop/key"}
STACK = {
    "StackName": "shop",
    "StackStatus": "CREATE_COMPLETE",
    "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in NAMES.items()],
    "Outputs": [{"OutputKey": "ApiUrl", "OutputValue": "https://api.example.com"}],
}


class Session(Aws):
    """CloudFormation with one stack (moto's needs packages that are not installed here), and moto's secrets."""

    def __init__(self) -> None:
        super().__init__({"cloudformation.DescribeStacks": {"Stacks": [STACK]}})

    def create_client(self, service: str, *given: Any, **named: Any) -> Any:
        return boto3.client(service) if service == "secretsmanager" else super().create_client(service, *given, **named)


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setattr(rotate_secret, "Session", Session)
    with mock_aws():
        yield boto3.client("secretsmanager")


def versions(secrets: Any, name: str) -> list[str]:
    """Return the secret's current and previous value: the only ones with a label."""
    return [
        secrets.get_secret_value(SecretId=name, VersionStage=stage)["SecretString"]
        for stage in ("AWSCURRENT", "AWSPREVIOUS")
    ]


def rotate(monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    monkeypatch.setattr(sys, "argv", ["rotate_secret", *options, "--stack", "shop"])
    rotate_secret.main()


@pytest.mark.parametrize(("kind", "name"), [("webhook", "shop/webhook"), ("sms-key", "shop/key")])
def test_a_new_secret_of_a_stack_keeps_the_previous_version(secrets: Any, kind: str, name: str) -> None:
    put = rotate_secret.of_stack("shop")
    assert put(kind, "first") == "https://api.example.com"
    put(kind, "second")
    assert versions(secrets, name) == ["second", "first"]
    assert [each["Name"] for each in secrets.list_secrets()["SecretList"]] == [name]


def test_a_rotation_keeps_the_secret_before_it_and_one_after_a_leak_keeps_none(
    secrets: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for secret in ("older", "old"):
        rotate_secret.of_stack("shop")("webhook", secret)
    rotate(monkeypatch, "webhook")
    current, previous = versions(secrets, "shop/webhook")
    assert (current not in {"old", "older"}, previous) == (True, "old")
    assert "previous ones work" in capsys.readouterr().out
    rotate(monkeypatch, "webhook", "--leaked")
    after = versions(secrets, "shop/webhook")
    assert after[0] == after[1] not in {"old", "older", current}
    said, *callbacks = capsys.readouterr().out.splitlines()
    assert "Enter these callbacks at Africa's Talking now" in said
    assert callbacks == [
        f"https://api.example.com/webhooks/africastalking/{name}/{after[0]}" for name in ("delivery", "optout")
    ]


def test_a_leaked_api_key_is_not_ended_here(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="2"):
        rotate(monkeypatch, "sms-key", "--leaked")
