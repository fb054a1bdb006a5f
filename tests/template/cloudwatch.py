"""Evaluates CloudWatch alarms and metric filters: just enough to see that each alarm fires when it should.

Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html (M out of N, missing data),
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html, and the specification of the
embedded metric format.
"""

import ast
import json
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

type Key = tuple[str, str, frozenset[tuple[str, str]]]
# Values with the second of their measurement.
type Series = Mapping[Key, list[tuple[float, float]]]

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_ARITHMETIC: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.GtE: operator.ge,
    ast.Gt: operator.gt,
}
# How many more periods CloudWatch looks at if data points are missing.
_EXTRA_PERIODS = 2


def key(namespace: str, name: str, dimensions: Iterable[tuple[str, str]]) -> Key:
    return namespace, name, frozenset(dimensions)


def embedded(lines: Iterable[str]) -> dict[Key, list[float]]:
    """Return the values that CloudWatch extracts from log lines in the embedded metric format."""
    found: dict[Key, list[float]] = {}
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        for directive in entry.get("_aws", {}).get("CloudWatchMetrics", []) if isinstance(entry, dict) else []:
            for names in directive["Dimensions"]:
                assert len(names) <= 30
                dimensions = [(name, entry[name]) for name in names]
                assert all(isinstance(value, str) and value for _, value in dimensions), line
                for metric in directive["Metrics"]:
                    value = entry[metric["Name"]]
                    values = value if isinstance(value, list) else [value]
                    assert 0 < len(values) <= 100
                    found.setdefault(key(directive["Namespace"], metric["Name"], dimensions), []).extend(values)
    return found


def counts(pattern: str, line: str) -> bool:
    """Return whether a metric filter's pattern matches a line: comparisons of text, with && and || between them.

    A field that a metric takes as a dimension must be in the pattern. Text equals text only, so a number needs quotes on both
    sides. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    """
    entry = json.loads(line)

    def compare(found: re.Match[str]) -> str:
        value = entry.get(found[1])
        return str(isinstance(value, str) and (value == found[2] or found[2] == "*"))

    expression = re.sub(r'\$\.(\w+) = "([^"]*)"', compare, pattern.strip("{} "))
    terms = expression.replace("&&", "and").replace("||", "or")
    if not re.fullmatch(r"(True|False|and|or|[() ])+", terms):
        raise ValueError(f"a filter pattern that is not known here: {pattern}")
    return bool(eval(terms))


def metric_of(definition: Mapping[str, Any], resolve: Callable[[Any], str]) -> Key:
    """Return the metric with this MetricName, Namespace and these Dimensions."""
    dimensions = ((each["Name"], resolve(each["Value"])) for each in definition.get("Dimensions", []))
    return key(definition["Namespace"], definition["MetricName"], dimensions)


def _statistic(name: str, values: list[float]) -> float:
    if name.startswith("p"):
        rank = math.ceil(float(name[1:]) / 100 * len(values))
        return sorted(values)[max(rank, 1) - 1]
    functions: dict[str, Callable[[list[float]], float]] = {
        "Sum": sum, "Maximum": max, "Minimum": min, "SampleCount": len, "Average": lambda all_: sum(all_) / len(all_),
    }  # fmt: skip
    return functions[name](values)


def _calculate(expression: str, values: Mapping[str, float | None]) -> float | None:
    def of(node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return values[name]
            case ast.Call(func=ast.Name(id="METRICS"), args=[]):
                return [each for each in values.values() if each is not None]
            case ast.Call(func=ast.Name(id="SUM"), args=[argument]):
                return sum(of(argument)) if of(argument) else None
            case ast.Call(func=ast.Name(id="FILL"), args=[argument, default]):
                return of(default) if of(argument) is None else of(argument)
            case ast.Call(func=ast.Name(id="IF"), args=[condition, yes, no]):
                return of(yes) if of(condition) else of(no)
            case ast.BinOp(left=left, op=operation, right=right):
                return combine(operation, left, right)
            case ast.Compare(left=left, ops=[operation], comparators=[right]):
                return combine(operation, left, right)
        raise ValueError(f"metric math that is not known here: {ast.unparse(node)}")

    def combine(operation: ast.AST, left: ast.expr, right: ast.expr) -> Any:
        first, second = of(left), of(right)
        return None if first is None or second is None else _ARITHMETIC[type(operation)](first, second)

    # Without data in the window, an expression has no value.
    if all(value is None for value in values.values()):
        return None
    found = of(ast.parse(expression, mode="eval").body)
    return None if found is None else float(found)


def _datapoint(alarm: Mapping[str, Any], series: Series, resolve: Callable[[Any], str], end: float) -> float | None:
    def of(definition: Mapping[str, Any], statistic: str, period: float) -> float | None:
        points = series.get(metric_of(definition, resolve), [])
        values = [value for at, value in points if end - period <= at < end]
        return _statistic(statistic, values) if values else None

    if "Metrics" not in alarm:
        return of(alarm, alarm.get("Statistic") or alarm["ExtendedStatistic"], alarm["Period"])
    values = {
        each["Id"]: of(each["MetricStat"]["Metric"], each["MetricStat"]["Stat"], each["MetricStat"]["Period"])
        for each in alarm["Metrics"]
        if "MetricStat" in each
    }
    [expression] = [each["Expression"] for each in alarm["Metrics"] if each.get("ReturnData", True)]
    return _calculate(expression, values)


def period_of(alarm: Mapping[str, Any]) -> float:
    periods = {each["MetricStat"]["Period"] for each in alarm.get("Metrics", []) if "MetricStat" in each}
    [period] = periods or {alarm["Period"]}
    return float(period)


def state_of(alarm: Mapping[str, Any], series: Series, resolve: Callable[[Any], str], now: float) -> str:
    """Return the alarm's state (ALARM, OK or INSUFFICIENT_DATA) for these series at this second."""
    period, wanted = period_of(alarm), alarm["EvaluationPeriods"]
    newest_first = [
        _datapoint(alarm, series, resolve, now - period * number) for number in range(wanted + _EXTRA_PERIODS)
    ]
    real = [value for value in newest_first if value is not None]
    breaches = [_COMPARE[alarm["ComparisonOperator"]](value, alarm["Threshold"]) for value in real[:wanted]]
    missing = wanted - len(breaches)
    treatment = alarm.get("TreatMissingData", "missing")
    if treatment in {"breaching", "notBreaching"}:
        breaches += [treatment == "breaching"] * missing
    if not breaches:
        return "INSUFFICIENT_DATA"
    return "ALARM" if sum(breaches) >= alarm.get("DatapointsToAlarm", wanted) else "OK"
