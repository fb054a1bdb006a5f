"""`make replay-failed` finds the batches of a stack and removes those that send_sms accepts."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from local.config import Config
from scripts.operate import replay_failed
from scripts.operate.stack import Sender, describe

BUCKET = "sales-unhandled"


class FakeLambda:
    """Answers as function and service do; fails the payloads it is given answers for."""

    def __init__(self, answers: dict[str, tuple[str, dict[str, str]]]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, str]] = []

    def invoke(self, **given: Any) -> dict[str, Any]:
        text = given["Payload"].decode()
        self.asked.append((given["FunctionName"], given["Qualifier"], text))
        payload, error = self.answers.get(text, ('{"batchItemFailures": []}', {}))
        return {"Payload": io.BytesIO(payload.encode()), **error}


@pytest.fixture(autouse=True)
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield client


def test_only_batches_that_send_sms_accepted_are_removed(bucket: Any) -> None:
    for name in ("good", "handed back", "raised"):
        bucket.put_object(Bucket=BUCKET, Key=f"aws/lambda/{name}", Body=json.dumps({"payload": name}))
    records = replay_failed.Bucket(bucket, BUCKET)
    client = FakeLambda({
        "handed back": ('{"batchItemFailures": [{"itemIdentifier": "1"}]}', {}),
        "raised": ('{"errorMessage": "broken"}', {"FunctionError": "Unhandled"}),
    })  # fmt: skip
    assert replay_failed.replay(records, Sender(client, "sales-send_sms")) == (1, 2)
    assert sorted(client.asked) == [
        ("sales-send_sms", "live", "good"),
        ("sales-send_sms", "live", "handed back"),
        ("sales-send_sms", "live", "raised"),
    ]
    assert list(records.names()) == ["aws/lambda/handed back", "aws/lambda/raised"]


def test_the_bucket_is_the_output_of_that_name_in_the_template(monkeypatch: pytest.MonkeyPatch, bucket: Any) -> None:
    config = Config(port=8000, state=Path(), settings={})
    assert "  UnhandledRecordsBucketName:\n" in config.template.read_text().partition("\nOutputs:\n")[2]
    bucket.put_object(Bucket=BUCKET, Key="a batch", Body="{}")
    client = boto3.client("cloudformation")
    outputs = [
        {"OutputKey": "ApiUrl", "OutputValue": "https://example"},
        {"OutputKey": "UnhandledRecordsBucketName", "OutputValue": BUCKET},
    ]
    stack = {"StackName": "sales", "CreationTime": datetime.now(UTC), "StackStatus": "UPDATE_COMPLETE"}
    with Stubber(client) as stub:
        stub.add_response("describe_stacks", {"Stacks": [stack | {"Outputs": outputs}]}, {"StackName": "sales"})
        stub.add_response("describe_stacks", {"Stacks": [stack | {"Outputs": outputs}]}, {"StackName": "sales"})
        assert describe(client, "sales").outputs["UnhandledRecordsBucketName"] == BUCKET
        clients = {"cloudformation": client, "s3": bucket, "lambda": "lambda"}
        monkeypatch.setattr(replay_failed, "Session", lambda: FakeSession(clients))
        records, sender = replay_failed.of_stack("sales")
    assert list(records.names()) == ["a batch"]
    assert sender == Sender("lambda", "sales-send_sms")


class FakeSession:
    """Returns the clients of the test."""

    def __init__(self, clients: dict[str, Any]) -> None:
        self._clients = clients

    def create_client(self, service: str, **_: Any) -> Any:
        return self._clients[service]
