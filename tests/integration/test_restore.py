"""`make restore` on AWS: the tables it restores, and the items it copies; DynamoDB is moto's."""

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from sales.domain.ids import code_of
from sales.runtime.settings import settings
from scripts.operate import restore
from tests.integration.api import create_customer, get

pytestmark = pytest.mark.usefixtures("tables")
WHEN = datetime(2026, 11, 23, 18, tzinfo=UTC)


@pytest.fixture
def dynamodb() -> Any:
    return boto3.client("dynamodb", region_name="eu-west-1")


def test_a_table_is_restored_once_and_supplies_missing_items(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore, "PATIENCE", {"Delay": 0, "MaxAttempts": 3})
    table = restore.Table(settings().customers_table, "code")
    recovery = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName=table.name, PointInTimeRecoverySpecification=recovery)
    kept, gone = create_customer().body, create_customer().body
    for _ in range(2):
        assert restore.recovered(dynamodb, table, WHEN) == f"{table.name}-at-20261123T180000Z"
    dynamodb.delete_item(TableName=table.name, Key={"code": {"S": code_of(gone["id"])}})
    results = list(restore.missing(dynamodb, table.at(WHEN), table))
    assert sorted(results) == ["copied", "there"]
    for customer in (kept, gone):
        assert get("get_customer", "customer", customer["id"]).body == customer
