"""Where `make replay-orders` finds on AWS what it replays."""

from typing import Any

import pytest

from scripts.operate import replay_orders


class FakeSession:
    """A session whose one stack has these outputs and parameters."""

    def create_client(self, service: str, **_: Any) -> Any:
        return self if service == "cloudformation" else service

    def describe_stacks(self, **given: Any) -> dict[str, Any]:
        assert given == {"StackName": "shop"}
        outputs = [{"OutputKey": "ApiUrl", "OutputValue": "x"}, {"OutputKey": "OrdersTableName", "OutputValue": "o-1"}]
        parameters = [{"ParameterKey": "ListShards", "ParameterValue": "4"}]
        return {"Stacks": [{"Outputs": outputs, "Parameters": parameters}]}


def test_table_shards_and_function_are_those_of_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_orders, "Session", FakeSession)
    assert replay_orders.of_stack("shop") == ("dynamodb", "o-1", 4, "lambda", "shop-send_sms")
