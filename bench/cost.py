"""Compute docs/cost.md: what the deployed system costs, from measurements of one call of each function.

  python -m bench.cost           writes docs/cost.md
  python -m bench.cost --check   exits with 1 if the page does not match measurements and template

Measured (bench/results/units.json, `make bench-units`): capacity units, store calls, CPU and memory of each call; and
(bench/results/writes.json, `make bench-writes`) the write units of each change of a customer. From the
template: alarms, dashboards and each function's memory.
Modelled, and the page says so: how Lambda's CPU share follows from memory, waiting times, how a shop works.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import write_or_check
from deployment.template import load, transform
from local.config import Config
from sales.runtime.metrics import METRICS

ROOT = Path(__file__).resolve().parent.parent
UNITS = ROOT / "bench" / "results" / "units.json"
WRITES = UNITS.with_name("writes.json")
# How the names of the search's indexes begin.
SEARCH_INDEXES = ("by_name_", "by_number_end")
PAGE = ROOT / "docs" / "cost.md"

PRICES_DATE = "2026-11-23"
# US dollars, us-east-1, on demand, no free tier, no savings plan: name -> (price, unit, AWS's page).
PRICES = {
    "api": (1.00e-6, "HTTP API request", "https://aws.amazon.com/api-gateway/pricing/"),
    "invocation": (0.20e-6, "Lambda request", "https://aws.amazon.com/lambda/pricing/"),
    "gb_second": (0.0000133334, "Lambda GB-second, arm64", "https://aws.amazon.com/lambda/pricing/"),
    "write": (0.625e-6, "DynamoDB write request unit", "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "read": (0.125e-6, "DynamoDB read request unit", "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "storage": (0.25, "DynamoDB GB-month", "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "backup": (0.20, "point-in-time recovery GB-month", "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "logs": (0.50, "CloudWatch Logs GB taken in", "https://aws.amazon.com/cloudwatch/pricing/"),
    "log_storage": (0.03, "CloudWatch Logs GB-month kept, compressed", "https://aws.amazon.com/cloudwatch/pricing/"),
    "metric": (0.30, "custom or detailed metric, a month", "https://aws.amazon.com/cloudwatch/pricing/"),
    "alarm": (0.10, "metric of an alarm, a month", "https://aws.amazon.com/cloudwatch/pricing/"),
    "dashboard": (3.00, "dashboard, a month", "https://aws.amazon.com/cloudwatch/pricing/"),
    "secret": (0.40, "secret, a month", "https://aws.amazon.com/secrets-manager/pricing/"),
    "transfer": (0.09, "GB to the internet", "https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer"),
    "snapshot": (0.0000015046, "SnapStart GB-second kept", "https://aws.amazon.com/lambda/pricing/"),
    "restore": (0.0001397998, "SnapStart GB restored", "https://aws.amazon.com/lambda/pricing/"),
}
# The memory that comes with a whole vCPU: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
FULL_CPU_MB = 1769
# Milliseconds: a store call within the region, an answer of the provider.
STORE_WAIT = 5.0
PROVIDER_WAIT = 1000.0
# Two a minute, for a month.
SWEEPS = 2 * 60 * 24 * 365 // 12
HOURS = 730
DAYS_A_MONTH = 365 / 12
# Calls per order: a text and two delivery reports, a person who looks at two pages and one order, a new customer every second time.
CALLS = {
    "create_order": 1.0,
    "send_sms": 1.0,
    "record_delivery_report": 2.0,
    "list_orders": 2.0,
    "get_order": 1.0,
    "create_customer": 0.5,
}
NO_REQUEST = {"send_sms", "sweep_sms"}
# Bytes: logs per invocation (access log, Lambda's start and report lines, ours, among them the audit trail's), the access
# log's part of these, the answer of a list and of the rest, an order with its provider message in the table; and how many
# copies of it the indexes keep.
LOG_BYTES, ACCESS_LOG_BYTES, LIST_BYTES, ANSWER_BYTES, ORDER_BYTES, COPIES = 1500, 500, 22_000, 900, 1600, 5
ROUTES, METRICS_PER_ROUTE, SECRETS = 6, 6, 2
# Each sweep writes these, so they exist in every hour of a month; the others only while something happens.
EACH_MINUTE = {"OldestDue", "OldestQueued"}
# An ordinary hour has none of these: each counts something that people rarely do.
RARE = {"CustomerPages", "Erasures", "Exports", "OptOuts", "OptOutsLifted", "WebhooksRefused"}
# How many values of a metric's dimension occur in an ordinary hour: the states of every text. Findings of the sweep and
# configuration faults are exceptions.
ORDINARY = {"state": 2, "finding": 0, "reason": 0}
SIZES = (128, 256, 384, 512, 768, 1024, 1769)


@dataclass(frozen=True)
class Shop:
    """Orders per month, the share of invocations that start cold, and the share of hours with any request."""

    orders: int
    cold: float
    busy: float


SHOPS = (Shop(100, 1.0, 0.15), Shop(10_000, 0.3, 0.5), Shop(1_000_000, 0.01, 1.0))


def share(memory: int) -> float:
    """Return the share of a vCPU that a function of this many MB gets."""
    return min(1.0, memory / FULL_CPU_MB)


def own_metrics(*, each_minute: bool) -> int:
    """Return how many of our metrics CloudWatch bills: one per name, and one per value of each dimension."""
    return sum(
        1 + sum(ORDINARY[dimension] for dimension in dimensions)
        for name, (_, dimensions) in METRICS.items()
        if (name in EACH_MINUTE) == each_minute and name not in RARE
    )


def deployed() -> dict[str, Any]:
    """Return what the template deploys that costs money without any request."""
    config = Config(port=8000, state=ROOT / ".local", settings={})
    template = transform(config.template.read_bytes(), config.parameters)
    resources = list(template["Resources"].values())
    alarms = [resource["Properties"] for resource in resources if resource["Type"] == "AWS::CloudWatch::Alarm"]
    return {
        "alarms": len(alarms),
        # CloudWatch bills an alarm by its metrics, without the expressions over them.
        "alarm_metrics": sum(
            sum("MetricStat" in metric for metric in alarm.get("Metrics", [])) or 1 for alarm in alarms
        ),
        # By the end of the group's name: `create_order`, `http-api`.
        "log_days": {
            properties["LogGroupName"]["Fn::Sub"].rpartition("${AWS::StackName}-")[2]: template["Parameters"][
                properties["RetentionInDays"]["Ref"]
            ]["Default"]
            for properties in (each["Properties"] for each in resources if each["Type"] == "AWS::Logs::LogGroup")
        },
        "dashboards": sum(resource["Type"] == "AWS::CloudWatch::Dashboard" for resource in resources),
        "memory_mb": {
            name: function.memory for name, function in load(config.template, config.parameters).functions.items()
        },
    }


class Costs:
    """Costs in dollars, from the measurements and what the template deploys."""

    def __init__(self, units: dict[str, Any], deployed: dict[str, Any]) -> None:
        self.functions: dict[str, dict[str, float]] = units["functions"]
        self.deployed = deployed

    def price(self, name: str) -> float:
        """Return the price of one unit."""
        return PRICES[name][0]

    def milliseconds(self, name: str, memory: int, *, cold: bool = False) -> float:
        """Return how long an invocation takes; with `cold`, including its start, which Lambda runs at full speed and bills."""
        measured = self.functions[name]
        wait = measured["round_trips"] * STORE_WAIT + (PROVIDER_WAIT if name == "send_sms" else 0)
        if name == "sweep_sms":
            wait = STORE_WAIT  # its calls run at the same time
        if cold:
            return measured["init_cpu_ms"] + measured["first_cpu_ms"] / share(memory) + wait
        return measured["cpu_ms"] / share(memory) + wait

    def compute(self, name: str, memory: int, cold: float = 0.0) -> float:
        """Return the dollars of GB-seconds per invocation if this share starts cold."""
        warm, start = self.milliseconds(name, memory), self.milliseconds(name, memory, cold=True)
        return (warm * (1 - cold) + start * cold) / 1000 * memory / 1024 * self.price("gb_second")

    def memory(self, name: str) -> int:
        """Return the deployed memory in MB."""
        return int(self.deployed["memory_mb"][name])

    def per_order(self, cold: float) -> dict[str, float]:
        """Return the dollars that an order causes, by item."""
        requests = sum(count for name, count in CALLS.items() if name not in NO_REQUEST)
        invocations = sum(CALLS.values())
        lists = CALLS["list_orders"]
        sent = lists * LIST_BYTES + (requests - lists) * ANSWER_BYTES
        return {
            "API Gateway requests": requests * self.price("api"),
            "Lambda requests": invocations * self.price("invocation"),
            "Lambda compute": sum(count * self.compute(name, self.memory(name), cold) for name, count in CALLS.items()),
            "DynamoDB writes": self.units("write_units") * self.price("write"),
            "DynamoDB reads": self.units("read_units") * self.price("read"),
            "CloudWatch Logs": invocations * LOG_BYTES / 1e9 * self.price("logs"),
            "Data to the internet": sent / 1e9 * self.price("transfer"),
        }

    def kept_logs(self, shop: Shop) -> float:
        """Return the GB of logs that are kept of a month's orders at any time, not compressed."""
        days: dict[str, int] = self.deployed["log_days"]
        per_order = sum(
            count
            * (
                (LOG_BYTES - ACCESS_LOG_BYTES) * days[name]
                + (0 if name in NO_REQUEST else ACCESS_LOG_BYTES * days["http-api"])
            )
            for name, count in CALLS.items()
        )
        return shop.orders * per_order / DAYS_A_MONTH / 1e9

    def units(self, kind: str) -> float:
        """Return the capacity units per order."""
        return sum(count * self.functions[name][kind] for name, count in CALLS.items())

    def fixed(self, shop: Shop) -> dict[str, float]:
        """Return the dollars per month that do not depend on orders, and for storing a year of them."""
        sweep = self.functions["sweep_sms"]
        stored = shop.orders * 12 * ORDER_BYTES * COPIES / 1e9
        return {
            "Sweeps": SWEEPS
            * (
                self.price("invocation")
                + self.compute("sweep_sms", self.memory("sweep_sms"))
                + sweep["read_units"] * self.price("read")
                + LOG_BYTES / 2 / 1e9 * self.price("logs")
            ),
            "Storage of a year's orders, with recovery": stored * self.price("storage")
            + stored / COPIES * self.price("backup"),
            "Storage of logs and the audit trail": self.kept_logs(shop) * self.price("log_storage"),
            "Metrics: routes and our own": (
                (ROUTES * METRICS_PER_ROUTE + own_metrics(each_minute=False)) * shop.busy
                + own_metrics(each_minute=True)
            )
            * self.price("metric"),
            "Alarms and dashboard": self.deployed["alarm_metrics"] * self.price("alarm")
            + self.deployed["dashboards"] * self.price("dashboard"),
            "Secrets": SECRETS * self.price("secret"),
        }


def row(*cells: object) -> str:
    """Return a row of a table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def dollars(value: float) -> str:
    """Format dollars."""
    return f"{value:,.2f}"


def later(costs: Costs, more: int, less: int, *, cold: bool = False) -> float:
    """Return how many milliseconds later a text goes out with less memory."""
    return costs.milliseconds("send_sms", less, cold=cold) - costs.milliseconds("send_sms", more, cold=cold)


def saved(costs: Costs, more: int, less: int) -> float:
    """Return how many dollars less a million texts cost with less memory."""
    return (costs.compute("send_sms", more) - costs.compute("send_sms", less)) * 1e6


def memory_curve(costs: Costs) -> list[str]:
    """Return time and dollars by memory size."""
    names = ("create_order", "list_orders", "send_sms")
    lines = [
        row("MB", *(f"{name}: warm ms, cold ms, $ per million" for name in names)),
        row(*["---"] * (len(names) + 1)),
    ]
    for size in SIZES:
        cells = [
            f"{costs.milliseconds(name, size):,.0f}, {costs.milliseconds(name, size, cold=True):,.0f}, "
            f"{dollars(costs.compute(name, size) * 1e6)}"
            for name in names
        ]
        lines.append(row(size, *cells))
    return lines


def shops(costs: Costs) -> list[str]:
    """Return dollars per month."""
    columns = [
        {item: value * shop.orders for item, value in costs.per_order(shop.cold).items()} | costs.fixed(shop)
        for shop in SHOPS
    ]
    lines = [row("$ per month", *(f"{shop.orders:,} orders" for shop in SHOPS)), row("---", *["---:"] * len(SHOPS))]
    lines += [row(item, *(dollars(column[item]) for column in columns)) for item in columns[0]]
    lines.append(row("**all**", *(f"**{dollars(sum(column.values()))}**" for column in columns)))
    return lines


def snapstart(costs: Costs) -> list[str]:
    """Return what it would cost to keep and restore snapshots."""
    kept = sum(costs.deployed["memory_mb"].values()) / 1024
    month = kept * HOURS * 3600 * costs.price("snapshot")
    restore = costs.memory("create_order") / 1024 * costs.price("restore") * 1e6
    init = costs.functions["create_order"]["init_cpu_ms"]
    start = init / 1000 * costs.memory("create_order") / 1024 * costs.price("gb_second") * 1e6
    return [
        (
            f"To keep one version of all {len(costs.deployed['memory_mb'])} functions ({kept:.1f} GB) costs **${dollars(month)} a "
            f"month**, with or without requests. A million cold starts of create_order then cost ${dollars(restore)} to "
            f"restore, instead of ${dollars(start)} to initialise ({init:.0f} ms each at the measured CPU). SnapStart saves time "
            "at the start, never money, and AWS also charges for every further version until it is deleted."
        ),
    ]


def customers(writes: dict[str, dict[str, float]]) -> str:
    """Return what the writes of a customer consume, and what the search has of it."""
    shares = {
        change: (sum(units.values()), sum(count for index, count in units.items() if index.startswith(SEARCH_INDEXES)))
        for change, units in writes.items()
    }
    changes = "; ".join(f"{change}: {all:g}, {all - search:g} without" for change, (all, search) in shares.items())
    return (
        "Four indexes find customers by name and number. They hold the customers whole, so a search takes one round trip, and each change costs a write unit of each. "
        f"A customer of three names (`make bench-writes`), with the search and without: {changes}."
    )


def page(units: dict[str, Any], writes: dict[str, Any]) -> str:
    """Return the page."""
    costs = Costs(units, deployed())
    order = costs.per_order(SHOPS[-1].cold)
    calls = ", ".join(f"{count:g} {name}" for name, count in CALLS.items())
    lines = [
        "# What it costs",
        "",
        "Written by `python -m bench.cost`; do not edit. AWS only: Africa's Talking charges KES 0.80 per segment in Kenya, so",
        "KES 800,000 for a million orders of one segment, far more than all of this.",
        "",
        "## A million orders",
        "",
        row("", "$"),
        row("---", "---:"),
        *(row(item, dollars(value * 1e6)) for item, value in order.items()),
        row("**all**", f"**{dollars(sum(order.values()) * 1e6)}**"),
        "",
        (
            f"An order consumes {costs.units('write_units'):g} write and {costs.units('read_units'):g} read units. Most writes go to "
            "the indexes: each change of a text's state moves its order within the lists by state and by due time. The index of "
            "codes takes one, when the order is created (`make bench-writes`): without codes an order consumed one less. "
            "The figures of days cost an order of today nothing. A change on a later day marks the order's day, at most once a "
            "minute in each process, and counting a day reads its orders once: about 200 read units for a thousand."
        ),
        "",
        customers(writes["customers"]),
        "",
        "## A shop",
        "",
        *shops(costs),
        "",
        "## Memory",
        "",
        *memory_curve(costs),
        "",
        (
            f"Deployed: {costs.memory('create_order')} MB for requests, {costs.memory('send_sms')} MB for send_sms and "
            f"{costs.memory('sweep_sms')} MB for sweep_sms. From 512 MB on, a warm request mostly waits for the store; with less, "
            "the first request after a start slows down faster than the bill shrinks. send_sms waits for the provider nearly all "
            f"the time, and AWS bills waiting by memory: with 256 MB instead of 512, a text goes out {later(costs, 512, 256):.0f} ms "
            f"later, which is invisible, and a million cost ${dollars(saved(costs, 512, 256))} less; 128 MB would save another "
            f"${dollars(saved(costs, 256, 128))}, but delay the first text after a start by another "
            f"{later(costs, 256, 128, cold=True):.0f} ms."
        ),
        "",
        "## SnapStart",
        "",
        *snapstart(costs),
        "",
        "## Where the numbers come from",
        "",
        (
            f"- Measured ({units['date']}, {units['machine']}; `make bench-units`): capacity units as the local store counts them, "
            "store calls, CPU and memory of each function as deployed."
        ),
        (
            f"- Modelled, without a Lambda to measure on: a function of M MB has M/{FULL_CPU_MB} of a CPU like that of the measurements, and all of it while it starts; "
            f"a store call takes {STORE_WAIT:g} ms, an answer of the provider {PROVIDER_WAIT:g} ms; a text goes out alone (in a batch, ten "
            "share the wait)."
        ),
        f"- Assumed for a shop: per order {calls}; "
        + "; ".join(
            f"{shop.orders:,} orders: {shop.cold:.0%} of invocations cold, requests in {shop.busy:.0%} of the hours"
            for shop in SHOPS
        )
        + f"; {LOG_BYTES:,} bytes of log per invocation, kept for {', '.join(map(str, sorted(set(costs.deployed['log_days'].values()))))} "
        f"days (AuditLogDays, LogRetentionDays) and counted as if they were not compressed, {ORDER_BYTES:,} bytes per order in the table, {COPIES} copies with "
        f"the indexes; {ROUTES} routes in use with {METRICS_PER_ROUTE} detailed metrics each, {own_metrics(each_minute=True)} metrics of ours in "
        f"every hour and {own_metrics(each_minute=False)} in hours with orders; {costs.deployed['alarms']} alarms over "
        f"{costs.deployed['alarm_metrics']} metrics.",
        "- Not counted: free tiers (they make the smallest shop nearly free), taxes, the bucket of failed batches, Okta.",
        "",
        f"Prices of {PRICES_DATE}, us-east-1, on demand:",
        "",
        row("$", "per", "source"),
        row("---:", "---", "---"),
        *(row(f"{price:.10f}".rstrip("0"), unit, source) for price, unit, source in PRICES.values()),
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Write the page, or with --check compare it."""
    return write_or_check(PAGE, page(json.loads(UNITS.read_text()), json.loads(WRITES.read_text())), "bench.cost")


if __name__ == "__main__":
    sys.exit(main())
