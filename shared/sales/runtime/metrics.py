"""Metrics that show whether texts go out and whether the API is misused, written to the logs in CloudWatch's embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import sys
import time
from collections.abc import Sequence

from sales.runtime import log
from sales.runtime.settings import settings

__all__ = ["METRICS", "count", "observe"]

NAMESPACE = "Sales"
# Each metric's unit, and its dimensions besides the stack. CloudWatch bills each combination of values as a metric, so
# dimensions are states, reasons and the like, never ids.
METRICS = {
    "OrdersCreated": ("Count", ()),
    "SmsState": ("Count", ("state",)),
    "SmsAttempts": ("Count", ()),
    "ProviderLatency": ("Milliseconds", ()),
    "SmsMisconfigured": ("Count", ("reason",)),
    "SmsRefused": ("Count", ("reason",)),
    "SmsHeld": ("Count", ()),
    "SmsBalance": ("None", ()),
    "SweepFound": ("Count", ("finding",)),
    "OldestDue": ("Seconds", ()),
    "OldestQueued": ("Seconds", ()),
    # A thief of a token or of the webhook secret would make these rise.
    "CustomerPages": ("Count", ()),
    "Erasures": ("Count", ()),
    "Exports": ("Count", ()),
    "OptOuts": ("Count", ()),
    "OptOutsLifted": ("Count", ()),
    "WebhooksRefused": ("Count", ()),
}
# The format's limit for one line.
_MOST_VALUES = 100


def count(name: str, value: float = 1, *, orders: Sequence[str] = (), **dimensions: str) -> None:
    """Add to a counter. Raise TypeError for a metric or a dimension that is not in METRICS."""
    observe(name, [value], orders=orders, **dimensions)


def observe(name: str, values: Sequence[float], *, orders: Sequence[str] = (), **dimensions: str) -> None:
    """Record values. Values with dimensions also count for the whole stack, so alarms need not list every combination.

    `orders` are the ids of the orders behind the values. Raise TypeError as `count` does.
    """
    if name not in METRICS or set(dimensions) != set(METRICS[name][1]):
        raise TypeError(f"not a metric with these dimensions: {name} {sorted(dimensions)}")
    split = [["stack"], ["stack", *dimensions]] if dimensions else [["stack"]]
    line = {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {"Namespace": NAMESPACE, "Dimensions": split, "Metrics": [{"Name": name, "Unit": METRICS[name][0]}]}
            ],
        },
        "stack": settings().stack,
        **dimensions,
        # Not dimensions: they help to find this line, and the line that it belongs to.
        **log.bound(),
        **({"order_id": orders[0]} if len(orders) == 1 else {"order_ids": list(orders)} if orders else {}),
        "release": settings().release,
    }
    for start in range(0, len(values), _MOST_VALUES):
        # One write per line, because threads share the stream.
        sys.stdout.write(json.dumps(line | {name: list(values[start : start + _MOST_VALUES])}) + "\n")
