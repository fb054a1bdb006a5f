"""The tables of template.yaml, in moto."""

from functools import cache
from pathlib import Path
from typing import Any

from deployment.template import load
from sales.runtime.aws import aws_client

_TEMPLATE = Path(__file__).parents[2] / "template.yaml"
_PARAMETERS = {
    "OktaIssuer": "https://example.okta.com/oauth2/default",
    "ConsoleClientId": "console",
    "Architecture": "x86_64",
}
# Moto's transactions copy a table with its stream, which holds every write so far; nothing in moto reads it.
_NO_STREAM = {"StreamEnabled": False}


@cache
def _definitions() -> dict[str, dict[str, Any]]:
    return load(_TEMPLATE, _PARAMETERS).tables


def create_tables() -> None:
    """Create both tables, empty."""
    for logical_id, name in (("CustomersTable", "customers"), ("OrdersTable", "orders")):
        definition = _definitions()[logical_id] | {"TableName": name, "StreamSpecification": _NO_STREAM}
        aws_client("dynamodb", "").create_table(**definition)
