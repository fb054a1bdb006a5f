"""The store in moto, with the tables of template.yaml."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from local.template import load
from sales.store import aws_client

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
PARAMETERS = {"OktaIssuer": "https://example.okta.com/oauth2/default", "Architecture": "x86_64"}


@pytest.fixture(scope="session")
def table_definitions() -> dict[str, dict[str, Any]]:
    """The CreateTable requests that template.yaml asks for."""
    return load(TEMPLATE, PARAMETERS).tables


@pytest.fixture
def tables(environment: pytest.MonkeyPatch, table_definitions: dict[str, dict[str, Any]]) -> Iterator[None]:
    """Empty tables and the two secrets."""
    with mock_aws():
        client = aws_client("dynamodb", "")
        for logical_id, name in (("CustomersTable", "customers"), ("OrdersTable", "orders")):
            client.create_table(**table_definitions[logical_id] | {"TableName": name})
        vault = aws_client("secretsmanager", "")
        vault.create_secret(Name="sales/africastalking-api-key", SecretString="api-key")
        vault.create_secret(Name="sales/webhook-secret", SecretString="webhook-secret")
        yield


@pytest.fixture
def rows(tables: None) -> Callable[[str], list[dict[str, Any]]]:
    """Everything a table holds, as it is stored."""

    def scan(table: str) -> list[dict[str, Any]]:
        return list(aws_client("dynamodb", "").scan(TableName=table)["Items"])

    return scan
