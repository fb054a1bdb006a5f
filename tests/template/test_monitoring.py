"""Alarms use metrics that exist and fire only when they should; the dashboard shows only metrics that exist."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bench import cost
from sales.runtime.metrics import METRICS
from tests.template.cloudwatch import Key, Series, key, metric_of, period_of, state_of
from tests.template.deployed import TEMPLATE, Deployed

ROOT = TEMPLATE.parent
# Metrics of AWS services by namespace and dimensions, and the resource that a dimension names.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
PUBLISHED = {
    ("AWS/ApiGateway", ("ApiId",)): {"4xx", "5xx", "Count", "DataProcessed", "IntegrationLatency", "Latency"},
    ("AWS/Lambda", ("FunctionName",)): {"Duration", "Errors", "Invocations", "IteratorAge", "Throttles"},
    ("AWS/Lambda", ("EventSourceMappingUUID",)): {"DroppedEventCount", "OnFailureDestinationDeliveredEventCount"},
    ("AWS/S3", ("BucketName", "StorageType")): {"NumberOfObjects"},
    ("AWS/DynamoDB", ("TableName",)): {"ReadThrottleEvents", "WriteThrottleEvents"},
}
NAMES = {
    "ApiId": "AWS::ApiGatewayV2::Api",
    "FunctionName": "AWS::Lambda::Function",
    "EventSourceMappingUUID": "AWS::Lambda::EventSourceMapping",
    "BucketName": "AWS::S3::Bucket",
    "TableName": "AWS::DynamoDB::Table",
}
PUBLISHED_EVERY = {"AWS/S3": 86400}
# Of these a sum means nothing.
STATES = {"Latency", "IteratorAge", "OldestQueued", "SmsBalance"}
BALANCE_LOW = 500


@cache
def deployed() -> Deployed:
    return Deployed()


def resolve(value: Any) -> str:
    """Return a reference as its name in braces, as the dashboard's text has it."""
    return f"${{{value['Ref']}}}" if isinstance(value, dict) else str(value)


def alarms() -> dict[str, dict[str, Any]]:
    """Return each alarm by the last part of its name."""
    found = (dict(each["Properties"]) for each in deployed().of_type("AWS::CloudWatch::Alarm").values())
    named = {each["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-"): each for each in found}
    assert named["sms-balance"]["Threshold"] == {"Ref": "SmsBalanceLow"}
    named["sms-balance"]["Threshold"] = BALANCE_LOW
    return named


def definitions(alarm: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Yield each metric of an alarm with its statistic."""
    if "Metrics" not in alarm:
        return [(alarm, alarm.get("Statistic") or alarm["ExtendedStatistic"])]
    stats = (each["MetricStat"] for each in alarm["Metrics"] if "MetricStat" in each)
    return [(each["Metric"], each["Stat"]) for each in stats]


def dashboard() -> Iterator[dict[str, Any]]:
    """Return the dashboard's widgets."""
    (board,) = deployed().of_type("AWS::CloudWatch::Dashboard").values()
    yield from json.loads(board["Properties"]["DashboardBody"]["Fn::Sub"])["widgets"]


def dashboard_metrics() -> Iterator[Key]:
    for widget in dashboard():
        for namespace, name, *rest in widget["properties"]["metrics"]:
            pairs = [part for part in rest if isinstance(part, str)]
            yield key(namespace, name, zip(pairs[::2], pairs[1::2], strict=True))


def filtered() -> dict[str, tuple[str, ...]]:
    """Return the metrics that CloudWatch Logs counts in log lines, each with its dimensions."""
    filters = [each["Properties"] for each in deployed().of_type("AWS::Logs::MetricFilter").values()]
    metrics = [metric for each in filters for metric in each["MetricTransformations"]]
    assert {metric["MetricNamespace"] for metric in metrics} == {"Sales"}
    return {metric["MetricName"]: tuple(each["Key"] for each in metric["Dimensions"]) for metric in metrics}


def access_log() -> str:
    """Return the format of the HTTP API's access log."""
    (stage,) = deployed().of_type("AWS::ApiGatewayV2::Stage").values()
    text: str = stage["Properties"]["AccessLogSettings"]["Format"]
    return text


def check_exists(metric: Key) -> None:
    namespace, name, dimensions = metric
    names = tuple(sorted(each for each, _ in dimensions))
    if name in filtered():
        assert names == filtered()[name]
        assert dict(dimensions)["ApiId"] == "${HttpApi}"
        return
    if namespace == "Sales":
        assert dict(dimensions)["stack"] == "${AWS::StackName}"
        assert set(names) - {"stack"} in ({*METRICS[name][1]}, set())
        return
    assert name in PUBLISHED[namespace, names]
    for dimension, value in dimensions:
        if dimension in NAMES:
            assert deployed().resources[value[2:-1]]["Type"] == NAMES[dimension], value


# Alarms


@pytest.mark.parametrize("name", sorted(alarms()))
def test_an_alarms_metrics_exist_with_these_dimensions(name: str) -> None:
    alarm = alarms()[name]
    for definition, statistic in definitions(alarm):
        check_exists(metric_of(definition, resolve))
        every = PUBLISHED_EVERY.get(definition["Namespace"], 60)
        assert period_of(alarm) >= every, "CloudWatch would find nothing in most of its periods"
        # The average of a count of errors means nothing.
        if definition["Namespace"] != "AWS/S3" and definition["MetricName"] not in STATES:
            assert statistic == "Sum"


@pytest.mark.parametrize("name", sorted(alarms()))
def test_an_alarm_tells_the_topic_when_it_starts_and_ends(name: str) -> None:
    alarm = alarms()[name]
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]
    assert alarm.get("ActionsEnabled", True) is True
    assert 1 <= alarm["DatapointsToAlarm"] <= alarm["EvaluationPeriods"]
    assert alarm["TreatMissingData"] in {"breaching", "notBreaching"}
    assert alarm["AlarmDescription"].endswith(".")
    assert alarm["EvaluationPeriods"] * period_of(alarm) <= 86400  # CloudWatch's own limit
    assert len(alarm.get("Metrics", [])) <= 11  # ten metrics and one expression


def test_every_function_has_one_alarm_for_errors_and_one_for_throttles() -> None:
    for metric in ("Errors", "Throttles"):
        watched = [
            dict(found[2])["FunctionName"][2:-1]
            for alarm in alarms().values()
            for definition, _ in definitions(alarm)
            if (found := metric_of(definition, resolve))[:2] == ("AWS/Lambda", metric)
        ]
        assert sorted(watched) == sorted(deployed().functions())


def test_the_cost_of_alarms_counts_each_of_their_metrics() -> None:
    metrics = sum(len(definitions(alarm)) for alarm in alarms().values())
    assert cost.deployed()["alarm_metrics"] == metrics > len(alarms())


def test_every_mapping_and_its_bucket_are_watched() -> None:
    watched = {metric_of(each, resolve) for alarm in alarms().values() for each, _ in definitions(alarm)}
    for name, mapping in deployed().of_type("AWS::Lambda::EventSourceMapping").items():
        given_up = key(
            "AWS/Lambda", "OnFailureDestinationDeliveredEventCount", [("EventSourceMappingUUID", f"${{{name}}}")]
        )
        assert given_up in watched
        assert mapping["Properties"]["MetricsConfig"] == {"Metrics": ["EventCount"]}, "else there is no such metric"
        bucket = mapping["Properties"]["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
        stored = [("BucketName", f"${{{bucket}}}"), ("StorageType", "AllStorageTypes")]
        assert key("AWS/S3", "NumberOfObjects", stored) in watched


NOW = 1_800_000_000.0


def series(alarm: dict[str, Any], value: float, *, last: int, only: int = 0, every: float = 60) -> Series:
    """Return this value of the alarm's metrics, or of one, for each interval of the last periods."""
    times = [NOW - every * number - 1 for number in range(int(last * period_of(alarm) / every))]
    metrics = [metric_of(definition, resolve) for definition, _ in definitions(alarm)]
    return {metric: [(at, value) for at in times] for metric in metrics[only : only + 1]}


# Alarm, the smallest value that must raise it, the largest that must not, and for how many periods.
SAMPLES = [
    ("api-errors", 1, 2, 0, 5),
    ("api-latency", 3000, 2, 2999, 3),
    *((f"{group}-errors", 1, 2, 0, 5) for group in ("customers", "orders", "sending", "public")),
    *((f"{group}-throttles", 5, 2, 4, 5) for group in ("customers", "orders", "sending", "public")),
    ("stream-age", 300_000, 3, 299_999, 5),
    ("stream-gave-up", 1, 1, 0, 1),
    ("unhandled-records", 1, 1, 0, 1),
    ("oldest-queued", 900, 5, 899, 10),
    ("sms-configuration", 1, 1, 0, 1),
    ("sms-account", 1, 1, 0, 1),
    ("sms-limit", 1, 1, 0, 1),
    ("sms-balance", BALANCE_LOW - 0.01, 1, BALANCE_LOW, 1),
    ("tokens-refused", 100, 1, 99, 1),
    ("scopes-refused", 10, 1, 9, 1),
    ("requests-throttled", 100, 1, 99, 1),
    ("webhooks-refused", 10, 1, 9, 1),
    ("opt-outs", 10, 1, 9, 1),
    ("opt-outs-lifted", 5, 1, 4, 1),
    ("customers-read", 100, 1, 99, 1),
    ("exports", 5, 1, 4, 1),
    ("erasures", 5, 1, 4, 1),
]


def test_every_alarm_has_a_sample() -> None:
    assert {name for name, *_ in SAMPLES} | {"sms-unknown", "sms-blocked"} == set(alarms())


@pytest.mark.parametrize(("name", "bad", "periods", "good", "good_periods"), SAMPLES, ids=[each[0] for each in SAMPLES])
def test_an_alarm_fires_at_its_threshold_and_not_below(
    name: str, bad: float, periods: int, good: float, good_periods: int
) -> None:
    alarm = alarms()[name]
    every = max(period_of(alarm), 60)
    # For each of its metrics.
    for only in range(len(definitions(alarm))):
        assert state_of(alarm, series(alarm, bad, last=periods, only=only, every=every), resolve, NOW) == "ALARM"
        quiet = series(alarm, good, last=good_periods + 2, only=only, every=every)
        assert state_of(alarm, quiet, resolve, NOW) == "OK"
        if periods > 1 and alarm["TreatMissingData"] == "notBreaching":
            blip = series(alarm, bad, last=periods - 1, only=only, every=every)
            assert state_of(alarm, blip, resolve, NOW) == "OK"


def test_missing_data_is_an_alarm_only_if_the_sweep_has_stopped() -> None:
    silent = {name for name, alarm in alarms().items() if state_of(alarm, {}, resolve, NOW) == "ALARM"}
    assert silent == {"oldest-queued"}


@pytest.mark.parametrize(
    ("unknown", "attempts", "state"),
    [(0, 100, "OK"), (2, 2, "OK"), (3, 60, "ALARM"), (3, 61, "OK"), (100, 1000, "ALARM"), (3, 0, "ALARM")],
)
def test_the_share_of_unknown_texts_is_an_alarm(unknown: int, attempts: int, state: str) -> None:
    alarm = alarms()["sms-unknown"]
    metrics = [metric_of(definition, resolve) for definition, _ in definitions(alarm)]
    points = [(NOW - 5, float(unknown))], [(NOW - 9, float(attempts))]
    sample = {metric: each for metric, each in zip(metrics, points, strict=True) if each[0][1]}
    assert state_of(alarm, sample, resolve, NOW) == state


@pytest.mark.parametrize(
    ("blocked", "attempts", "state"),
    [(0, 100, "OK"), (2, 2, "OK"), (3, 6, "ALARM"), (3, 7, "OK"), (9, 19, "OK"), (10, 1000, "ALARM"), (3, 0, "ALARM")],
)
def test_many_blocked_numbers_are_an_alarm(blocked: int, attempts: int, state: str) -> None:
    alarm = alarms()["sms-blocked"]
    metrics = [metric_of(definition, resolve) for definition, _ in definitions(alarm)]
    points = [(NOW - 5, float(blocked))], [(NOW - 9, float(attempts))]
    sample = {metric: each for metric, each in zip(metrics, points, strict=True) if each[0][1]}
    assert state_of(alarm, sample, resolve, NOW) == state


def test_an_address_is_subscribed_only_if_there_is_one() -> None:
    (subscription,) = deployed().of_type("AWS::SNS::Subscription").values()
    assert subscription["Condition"] == "HasAlarmEmail"
    assert subscription["Properties"] == {
        "TopicArn": {"Ref": "AlarmTopic"},
        "Protocol": "email",
        "Endpoint": {"Ref": "AlarmEmail"},
    }


def test_the_balance_is_watched_only_if_there_is_a_limit() -> None:
    [condition] = {
        each.get("Condition")
        for each in deployed().of_type("AWS::CloudWatch::Alarm").values()
        if each["Properties"]["AlarmName"]["Fn::Sub"].endswith("-sms-balance")
    }
    assert deployed().source["Conditions"][condition] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "SmsBalanceLow"}, 0]}]}
    assert deployed().source["Parameters"]["SmsBalanceLow"]["Default"] == 0


def test_a_reading_lasts_until_the_next_one_that_is_late() -> None:
    alarm = alarms()["sms-balance"]
    [metric] = [metric_of(definition, resolve) for definition, _ in definitions(alarm)]
    low, enough = BALANCE_LOW - 1.0, BALANCE_LOW + 1.0
    for before, last, state in ((enough, low, "ALARM"), (low, enough, "OK")):
        readings = [(NOW - 9500.0, before), (NOW - 5500.0, last)]
        assert state_of(alarm, {metric: readings}, resolve, NOW) == state


# Dashboard


def test_two_regions_of_an_account_can_have_a_dashboard_each() -> None:
    (board,) = deployed().of_type("AWS::CloudWatch::Dashboard").values()
    assert board["Properties"]["DashboardName"] == {"Fn::Sub": "${AWS::StackName}-${AWS::Region}"}


def test_everything_on_the_dashboard_exists() -> None:
    found = list(dashboard_metrics())
    assert found
    for metric in found:
        check_exists(metric)


def test_all_our_metrics_are_on_the_dashboard() -> None:
    shown = {name for namespace, name, _ in dashboard_metrics() if namespace == "Sales"}
    assert shown == {*METRICS, *filtered()}


def test_the_dashboards_widgets_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in dashboard():
        assert widget["x"] + widget["width"] <= 24
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken, widget["properties"]["title"]
        taken |= cells


# Our own metrics


def test_no_dimension_has_many_values() -> None:
    for unit, dimensions in METRICS.values():
        assert set(dimensions) <= {"state", "reason", "finding"}
        assert unit in {"Count", "Milliseconds", "None", "Seconds"}
    assert set(filtered().values()) == {("ApiId", "status")}


def test_one_module_writes_metrics() -> None:
    for path in [*ROOT.glob("functions/*/*.py"), *ROOT.glob("shared/sales/*.py")]:
        if path.name != "metrics.py":
            assert not re.search(r"_aws\b|single_metric|put_metric_data", Path(path).read_text()), path
