"""`make rotate-webhook-secret` and `make set-sms-key` store the secrets of a stack."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from scripts.operate import rotate_secret

NAMES = {"WebhookSecretName": "shop/webhook", "SmsSecretName": "shop/key"}


class Stacks:
    """CloudFormation with one stack (moto's needs packages that are not installed here)."""

    def describe_stacks(self, **given: str) -> dict[str, Any]:
        assert given == {"StackName": "shop"}
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in NAMES.items()]
        outputs = [{"OutputKey": "ApiUrl", "OutputValue": "https://api.example.com"}]
        return {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "Parameters": parameters, "Outputs": outputs}]}


class FakeSession:
    """Creates the clients of the test."""

    def create_client(self, service: str) -> Any:
        return Stacks() if service == "cloudformation" else boto3.client(service)  # type: ignore[call-overload]


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setattr(rotate_secret, "Session", FakeSession)
    with mock_aws():
        yield boto3.client("secretsmanager")


@pytest.mark.parametrize(("kind", "name"), [("webhook", "shop/webhook"), ("sms-key", "shop/key")])
def test_a_new_secret_of_a_stack_keeps_the_previous_version(secrets: Any, kind: str, name: str) -> None:
    put = rotate_secret.of_stack("shop")
    assert put(kind, "first") == "https://api.example.com"
    put(kind, "second")
    versions = [
        secrets.get_secret_value(SecretId=name, VersionStage=stage)["SecretString"]
        for stage in ("AWSCURRENT", "AWSPREVIOUS")
    ]
    assert versions == ["second", "first"]
    assert [each["Name"] for each in secrets.list_secrets()["SecretList"]] == [name]
