"""Clients of AWS services: endpoints, and the certificates that they trust."""

from pathlib import Path

import pytest

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
