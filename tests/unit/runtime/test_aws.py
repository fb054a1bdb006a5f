"""Clients of AWS services: endpoints, and the certificates that they trust."""

from pathlib import Path
from typing import Any

import pytest
from botocore.handlers import BUILTIN_HANDLERS
from botocore.session import Session

from sales.runtime import aws

pytestmark = pytest.mark.usefixtures("environment")


def test_an_empty_endpoint_is_aws_itself() -> None:
    assert aws.aws_client("dynamodb", "").meta.endpoint_url == "https://dynamodb.eu-west-1.amazonaws.com"
    assert aws.aws_client("dynamodb", "http://127.0.0.1:8003").meta.endpoint_url == "http://127.0.0.1:8003"


@pytest.mark.parametrize(("region", "narrow"), [("eu-west-1", True), ("us-gov-west-1", True), ("cn-north-1", False)])
def test_amazons_roots_are_trusted_outside_china(
    region: str, narrow: bool, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    roots = tmp_path / "roots.pem"
    roots.touch()
    environment.setenv("AWS_DEFAULT_REGION", region)
    environment.setattr(aws, "_ROOTS", roots)
    aws._session.cache_clear()
    try:
        verify = aws.aws_client("dynamodb", "")._endpoint.http_session._verify
    finally:
        aws._session.cache_clear()
    assert (verify == str(roots)) is narrow


@pytest.mark.parametrize("service", ["dynamodb", "secretsmanager", "lambda"])
def test_clients_call_the_same_handlers_of_botocore_as_any_other_client(service: str) -> None:
    def handlers(client: Any) -> dict[str, list[str]]:
        model = client.meta.service_model
        stages = {event.partition(".")[0] for event, *_ in BUILTIN_HANDLERS} - {"docs"}
        events = [
            f"{stage}.{model.service_id.hyphenize()}.{name}" for stage in stages for name in model.operation_names
        ]
        found = {event: client.meta.events._emitter._handlers.prefix_search(event) for event in events}
        # Tests load libraries that add handlers of their own.
        return {
            event: [handler.__qualname__ for handler in them if handler.__module__.startswith("botocore.")]
            for event, them in found.items()
        }

    expected = handlers(Session().create_client(service))
    assert any(expected.values())
    assert handlers(aws.aws_client(service, "")) == expected
