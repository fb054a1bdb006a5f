"""`make replay-orders` finds the orders of a stack."""

from typing import Any

import pytest

from scripts.operate import replay_orders
from scripts.operate.stack import Sender


class FakeSession:
    """A session with one stack."""

    def create_client(self, service: str, **_: Any) -> Any:
        return self if service == "cloudformation" else service

    def describe_stacks(self, **given: Any) -> dict[str, Any]:
        assert given == {"StackName": "shop"}
        outputs = [{"OutputKey": "ApiUrl", "OutputValue": "x"}, {"OutputKey": "OrdersTableName", "OutputValue": "o-1"}]
        parameters = [{"ParameterKey": "ListShards", "ParameterValue": "4"}]
        return {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "Outputs": outputs, "Parameters": parameters}]}


def test_table_shards_and_function_come_from_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_orders, "Session", FakeSession)
    assert replay_orders.of_stack("shop") == (
        replay_orders.Orders("dynamodb", "o-1", 4),
        Sender("lambda", "shop-send_sms"),
    )
