"""At any log level, the local logs hold the metrics that alarms watch, as CloudWatch would get them."""

import json
from typing import Any

import pytest

from tests.support.system import System, running, until
from tests.template.cloudwatch import Key, embedded, metric_of
from tests.template.deployed import Deployed

pytestmark = pytest.mark.local
FUNCTIONS = {"create_order", "send_sms", "sweep_sms"}
# API Gateway's access log has the first of these; the functions that count the others are called in
# tests/integration/test_misuse.py.
ELSEWHERE = {"RequestsRefused", "CustomerPages", "Erasures", "Exports", "OptOuts", "OptOutsLifted", "WebhooksRefused"}


def watched() -> set[Key]:
    """Return our own metrics that the template's alarms watch."""
    metrics = set()
    for alarm in Deployed().of_type("AWS::CloudWatch::Alarm").values():
        properties = alarm["Properties"]
        parts = [each["MetricStat"]["Metric"] for each in properties.get("Metrics", []) if "MetricStat" in each]
        for definition in parts or [properties]:
            if definition["Namespace"] == "Sales" and definition["MetricName"] not in ELSEWHERE:
                metrics.add(metric_of(definition, lambda value: "sales" if isinstance(value, dict) else str(value)))
    return metrics


def lines(system: System) -> list[str]:
    """Return the complete lines of the functions' logs."""
    logs = (system.state / f"logs/{name}.log" for name in FUNCTIONS)
    return [line for log in logs for line in log.read_text().rpartition("\n")[0].splitlines()]


def answered(system: System, order: dict[str, Any]) -> bool:
    """Whether the provider has answered an attempt to send the order's text."""
    sms = system.sms(order)
    return sms["attempts"] >= 1 and sms["status"] != "sending"


def test_at_log_level_error_the_alarms_metrics_are_logged_and_other_lines_are_not() -> None:
    with running(LOG_LEVEL="ERROR", SMS_PER_NUMBER_DAY="1") as system:
        system.behave(delivery="none")
        twice = system.customer(phone_number="+254700000699")
        first = system.order(twice)
        until(lambda: answered(system, first))
        second = system.order(twice)
        until(lambda: system.sms(second)["reason"] == "limit")
        # A lost answer, no money, a review by the provider, a block; the refused key comes last, since it pauses sending.
        for number, answer in enumerate(("http503_after", "status:405", "status:401", "status:406", "bad_key")):
            system.behave(script=[answer], delivery="none")
            order = system.order(system.customer(phone_number=f"+2547000006{number:02}"))
            until(lambda order=order: answered(system, order))

        def complete() -> bool:
            return watched() <= embedded(lines(system)).keys()

        until(complete)
        # Metrics and the audit trail are written at any level.
        logged = [line for line in map(json.loads, lines(system)) if "_aws" not in line and line["message"] != "audit"]
        assert {line["level"] for line in logged} == {"ERROR"}
