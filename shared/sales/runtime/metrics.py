"""Numbers that answer "are texts going out", written beside the logs as CloudWatch's embedded metric format.

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
# Every metric there is: its unit, and by what else than the stack it is split. Each combination of values is a metric of
# its own (and billed): states, reasons and the like, never ids.
METRICS = {
    "OrdersCreated": ("Count", ()),
    "SmsState": ("Count", ("state",)),
    "SmsAttempts": ("Count", ()),
    "GatewayLatency": ("Milliseconds", ()),
    "SmsMisconfigured": ("Count", ("reason",)),
    "SmsRefused": ("Count", ("reason",)),
    "SweepFound": ("Count", ("finding",)),
    "OldestDue": ("Seconds", ()),
    "OldestQueued": ("Seconds", ()),
}
# The format's own limit for one line.
_VALUES = 100


def count(name: str, value: float = 1, *, orders: Sequence[str] = (), **dimensions: str) -> None:
    """Counts this many. Raises TypeError for a metric or a dimension that is not in the list."""
    observe(name, [value], orders=orders, **dimensions)


def observe(name: str, values: Sequence[float], *, orders: Sequence[str] = (), **dimensions: str) -> None:
    """Notes these values; with dimensions also for the stack as a whole, so that alarms need not know them all.

    `orders` are the ids of those that the numbers are about.
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
        # To find the line by, and what the number came from; no dimensions.
        **log.bound(),
        **({"order_id": orders[0]} if len(orders) == 1 else {"order_ids": list(orders)} if orders else {}),
        "release": settings().release,
    }
    for start in range(0, len(values), _VALUES):
        # In one write, since threads share the stream.
        sys.stdout.write(json.dumps(line | {name: list(values[start : start + _VALUES])}) + "\n")
