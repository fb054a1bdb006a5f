"""Metrics in CloudWatch's embedded metric format."""

import json
from typing import Any

import pytest

from sales.runtime import log, metrics

pytestmark = pytest.mark.usefixtures("environment")


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_count_has_its_stack_request_and_order(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("FUNCTION_PREFIX", "shop-")
    log.bind("request-1")
    metrics.count("SmsState", orders=["o"], state="sent")
    [line] = written(capsys)
    [declared] = line["_aws"]["CloudWatchMetrics"]
    assert declared["Namespace"] == "Sales"
    assert declared["Dimensions"] == [["stack"], ["stack", "state"]]
    assert declared["Metrics"] == [{"Name": "SmsState", "Unit": "Count"}]
    assert (line["SmsState"], line["stack"], line["state"]) == ([1], "shop", "sent")
    assert (line["request_id"], line["order_id"]) == ("request-1", "o")


def test_several_orders_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.observe("ProviderLatency", [1.0, 2.0], orders=["o", "p"])
    [line] = written(capsys)
    assert line["order_ids"] == ["o", "p"]
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["stack"]]
