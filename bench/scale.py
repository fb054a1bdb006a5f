"""Compute docs/scale.md: the limits of the deployed system, and what it costs, by orders per second.

  python -m bench.scale           writes docs/scale.md
  python -m bench.scale --check   exits with 1 if the page does not match measurements and template

Measured: capacity units of each write by table and index (bench/results/writes.json, `make bench-writes`) and of each
call (bench/results/units.json, `make bench-units`). From the template: rates, shards, batches, memory. From AWS: the
limits below. Prices, and the calls of a shop per order, come from bench/cost.py.
"""

import json
import sys
from math import ceil
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from bench.cost import CALLS, PROVIDER_WAIT, Costs, dollars, row
from bench.report import write_or_check
from deployment.template import load, transform
from local.config import Config
from sales.store.items import DUE_SHARDS
from sales.store.table import FILTERED_READS

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "scale.md"

RATES = (10, 1_000, 10_000)
MONTH = 730 * 3600
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
PARTITION_WRITES, PARTITION_READS = 1_000, 3_000
# A new table or index: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
NEW_WRITES = 4_000
# Per account and region, until AWS raises them:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
ACCOUNT_REQUESTS, ACCOUNT_CONCURRENCY = 10_000, 1_000
# https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
MOST_PARALLEL = 10
FROM_THE_STREAM = {"send_sms"}


def template() -> dict[str, Any]:
    """Return rates, shards, batches and each function's memory from the template."""
    config = Config(port=8000, state=ROOT / ".local", settings={})
    source = config.template.read_bytes()
    resources = transform(source, config.parameters)["Resources"].values()
    (stage,) = (each["Properties"] for each in resources if each["Type"] == "AWS::ApiGatewayV2::Stage")
    loaded = load(config.template, config.parameters)
    (stream,) = loaded.streams
    return {
        "list_shards": yaml_parse(source.decode())["Parameters"]["ListShards"],
        "batch": stream.batch_size,
        "parallel": stream.parallelization,
        "requests": stage["DefaultRouteSettings"]["ThrottlingRateLimit"],
        "memory_mb": {name: function.memory for name, function in loaded.functions.items()},
    }


class Scale:
    """The load of each part, by orders per second."""

    def __init__(self, units: dict[str, Any], measured: dict[str, Any], deployed: dict[str, Any]) -> None:
        self.deployed = deployed
        writes: dict[str, dict[str, float]] = measured["writes"]
        self.new_customer: dict[str, float] = measured["customers"]["created"]
        self.page_rows = int(measured["page"])
        self.parallel, self.batch = int(deployed["parallel"]), int(deployed["batch"])
        self.costs = Costs(units, deployed)
        self.changes = len(writes)
        names = sorted({name for each in writes.values() for name in each})
        self.writes = {name: sum(each.get(name, 0) for each in writes.values()) for name in names}

    def each_call(self, name: str) -> float:
        """Return how long an invocation takes, in seconds."""
        return self.costs.milliseconds(name, self.costs.memory(name)) / 1000

    @property
    def requests(self) -> float:
        """Return the API requests per order."""
        return sum(count for name, count in CALLS.items() if name not in FROM_THE_STREAM)

    @property
    def status_shard(self) -> float:
        """Return the write units per order in one state's part of by_sms_status, for entering and leaving it."""
        return self.writes["by_sms_status"] / self.changes

    @property
    def customer_writes(self) -> float:
        """Return the write units of a new customer in the table or by_date, the index whose partitions get most."""
        return max(self.new_customer["table"], self.new_customer["by_date"])

    def customers(self, rate: int) -> float:
        """Return the customers per second that come with so many orders."""
        return rate * CALLS["create_customer"]

    def customer_shards(self, rate: int) -> int:
        """Return the list shards that the customers' list needs."""
        return ceil(self.customers(rate) * self.customer_writes / PARTITION_WRITES)

    def customer_partitions(self, rate: int) -> int:
        """Return the partitions of the customers' table; a new table has four."""
        needed = ceil(self.customers(rate) * self.customer_writes / PARTITION_WRITES)
        return max(NEW_WRITES // PARTITION_WRITES, needed)

    @property
    def rare_page(self) -> float:
        """Return the read units of a page whose filter matches nothing: it ends after FILTERED_READS rows."""
        return FILTERED_READS / self.page_rows * self.costs.functions["list_orders"]["read_units"]

    def reads_of_a_shard(self, rate: int) -> float:
        """Return the read units per second of each list shard: every page reads a whole page from every shard."""
        return rate * CALLS["list_orders"] * self.costs.functions["list_orders"]["read_units"]

    def shards(self, rate: int) -> int:
        """Return the list shards that keep each within the limit of a partition; orders need more than customers."""
        return ceil(rate * self.writes["by_date"] / PARTITION_WRITES)

    def due_shards(self, rate: int) -> int:
        """Return the same for the due index."""
        return ceil(rate * self.writes["by_due"] / PARTITION_WRITES)

    def partitions(self, rate: int) -> int:
        """Return the partitions of the orders' table, each a shard of its stream; a new table has four."""
        return max(NEW_WRITES // PARTITION_WRITES, ceil(rate * self.writes["table"] / PARTITION_WRITES))

    def texts(self, rate: int, parallel: int | None = None) -> float:
        """Return the texts per second that the stream's invocations can send; those of a batch go out at the same time."""
        took = self.each_call("send_sms") + (self.batch - 1) * (self.costs.functions["send_sms"]["cpu_ms"] / 1000)
        return self.partitions(rate) * (parallel or self.parallel) * self.batch / took

    def concurrency(self, rate: int) -> int:
        """Return concurrent invocations: of requests, and of the stream as far as its shards allow."""
        requests = sum(
            rate * count * self.each_call(name) for name, count in CALLS.items() if name not in FROM_THE_STREAM
        )
        stream = min(self.partitions(rate) * self.parallel, ceil(rate * self.each_call("send_sms")))
        return ceil(requests + stream)

    def month(self, rate: int) -> dict[str, float]:
        """Return the dollars per month for this rate all day, with as many list shards as it needs."""
        dollars = {name: value * rate * MONTH for name, value in self.costs.per_order(0.0).items()}
        further = (self.shards(rate) - 1) * self.reads_of_a_shard(rate)
        dollars["DynamoDB reads"] += further * MONTH * self.costs.price("read")
        return dollars


def mark(value: float, most: float) -> str:
    """Return the number, bold if it is above the limit."""
    return f"**{value:,.0f}**" if value > most else f"{value:,.0f}"


def page(scale: Scale) -> str:
    """Return the page."""
    most = scale.deployed["list_shards"]["MaxValue"]
    parallel, batch, rate_limit = scale.deployed["parallel"], scale.deployed["batch"], scale.deployed["requests"]
    by_date, by_due = scale.writes["by_date"], scale.writes["by_due"]
    default = scale.deployed["list_shards"]["Default"]
    page_units = scale.costs.functions["list_orders"]["read_units"]
    table = [
        row("Orders per second", *(f"{rate:,}" for rate in RATES), "limit"),
        row("---", *["---:"] * len(RATES), "---"),
        row(
            "API requests per second",
            *(mark(rate * scale.requests, rate_limit) for rate in RATES),
            f"{rate_limit:,} as deployed, {ACCOUNT_REQUESTS:,} per account",
        ),
        row(
            "Write units per second, orders' table and indexes",
            *(f"{rate * sum(scale.writes.values()):,.0f}" for rate in RATES),
            f"none of ours; a new table or index starts with {NEW_WRITES:,} each",
        ),
        row(
            "Read units per second of each list shard",
            *(mark(scale.reads_of_a_shard(rate), PARTITION_READS) for rate in RATES),
            f"{PARTITION_READS:,} per partition",
        ),
        row(
            "Partitions of the orders' table",
            *(f"{scale.partitions(rate):,}" for rate in RATES),
            "DynamoDB splits them",
        ),
        row(
            "Customers created per second",
            *(f"{scale.customers(rate):,.0f}" for rate in RATES),
            f"{CALLS['create_customer']:g} per order",
        ),
        row(
            "Write units per second, customers' table and indexes",
            *(
                f"{scale.customers(rate) * scale.costs.functions['create_customer']['write_units']:,.0f}"
                for rate in RATES
            ),
            "as above",
        ),
        row(
            "Partitions of the customers' table",
            *(f"{scale.customer_partitions(rate):,}" for rate in RATES),
            "DynamoDB splits them",
        ),
        row(
            "List shards needed (by_date, the hottest index)",
            *(mark(scale.shards(rate), most) for rate in RATES),
            f"`ListShards`: {default} by default, {most} at most",
        ),
        row(
            "List shards that the customers' list needs",
            *(mark(scale.customer_shards(rate), most) for rate in RATES),
            "the same setting",
        ),
        row(
            "Due shards needed (by_due)",
            *(mark(scale.due_shards(rate), DUE_SHARDS) for rate in RATES),
            f"{DUE_SHARDS}, fixed",
        ),
        row(
            "Texts per second the stream can send",
            *(
                f"**{scale.texts(rate):,.0f}**" if scale.texts(rate) < rate else f"{scale.texts(rate):,.0f}"
                for rate in RATES
            ),
            f"{parallel} invocations per shard, of {batch} texts",
        ),
        row(
            f"The same with {MOST_PARALLEL} invocations per shard",
            *(
                f"**{scale.texts(rate, MOST_PARALLEL):,.0f}**"
                if scale.texts(rate, MOST_PARALLEL) < rate
                else f"{scale.texts(rate, MOST_PARALLEL):,.0f}"
                for rate in RATES
            ),
            "AWS's limit",
        ),
        row(
            "Concurrent invocations",
            *(mark(scale.concurrency(rate), ACCOUNT_CONCURRENCY) for rate in RATES),
            f"{ACCOUNT_CONCURRENCY:,} per account",
        ),
    ]
    months = {rate: scale.month(rate) for rate in RATES}
    money = [row("$ per month", *(f"{rate:,}/s" for rate in RATES)), row("---", *["---:"] * len(RATES))]
    money += [row(item, *(dollars(months[rate][item]) for rate in RATES)) for item in months[RATES[0]]]
    money.append(row("**all**", *(f"**{dollars(sum(months[rate].values()))}**" for rate in RATES)))
    return "\n".join(
        [
            "# How far it goes",
            "",
            "Written by `python -m bench.scale`; do not edit. Computed from measured capacity units, the template and AWS's limits,",
            "not measured under load on AWS. Bold numbers exceed a limit as deployed.",
            "",
            *table,
            "",
            "## What fails first",
            "",
            f"- **A list shard allows {PARTITION_WRITES / by_date:,.0f} orders per second.** From creation to delivery report an order needs",
            f"  {by_date:g} write units of by_date, and a partition allows {PARTITION_WRITES:,} per second; above that, the index delays the",
            f"  table's writes. `ListShards` ({default} by default) spreads them and may be raised at any time, up to {most}: then",
            f"  {most * PARTITION_WRITES / by_date:,.0f} orders per second. In by_sms_status an order enters a state and leaves it, {scale.status_shard:g} units",
            "  each, so its limit is higher.",
            f"- **The list allows {PARTITION_READS / page_units:,.0f} pages per second, however many shards it has.** A page reads a whole page",
            "  from every shard (`make bench-lists`): shards spread the writes, not the reads, and each makes a page dearer. Clients",
            "  that poll the whole list at such rates should ask for one customer, or follow changes by date.",
            f"- **A page with a rare filter reads {FILTERED_READS:,} rows at most**, about {scale.rare_page:,.0f} read units. If a filter goes beyond",
            "  what the index knows (a customer's orders of one state, say) and few orders match, the page ends there with the",
            f"  matches so far, maybe none, and `next_cursor` continues. A partition allows {PARTITION_READS / scale.rare_page:,.0f} such pages per second.",
            f"- **One list shard allows {PARTITION_WRITES / scale.customer_writes:,.0f} new customers per second**: each needs {scale.customer_writes:g} write unit in the table and in",
            "  each index. Codes, numbers, e-mails and the initials of names spread these; only by_date needs shards, and fewer than for orders.",
            f"- **The due index allows {DUE_SHARDS * PARTITION_WRITES / by_due:,.0f} orders per second**: {by_due:g} units per order over {DUE_SHARDS} shards.",
            f"- **The stream's fast path** waits for the provider, here {PROVIDER_WAIT / 1000:g} s per answer. Above its rate nothing is lost: records",
            "  wait in the stream (24 hours), and the sweep sends what is due. A higher `StreamParallelism` and `BatchSize` of",
            "  send_sms raise the rate as far as the provider allows.",
            f"- **One customer can place {PARTITION_WRITES / scale.writes['by_customer']:,.0f} orders per second** (by_customer): a marketplace that orders as a single",
            "  customer would be a hot partition.",
            f"- **The API's own rate**, {rate_limit:,} requests per second, protects it; AWS can raise an account's {ACCOUNT_REQUESTS:,}.",
            f"- 10,000 orders per second need more than parameters: {scale.shards(10_000)} list shards, {scale.due_shards(10_000)} due shards, higher quotas, and tables",
            "  warmed in advance, since on-demand capacity doubles only every half hour.",
            "",
            "## What it costs",
            "",
            "At that rate day and night, us-east-1, on demand, with as many list shards as the rate needs. Not counted: texts, storage",
            "and everything that does not depend on orders.",
            "",
            *money,
            "",
            "## Where the numbers come from",
            "",
            "Write units per order, from creation to delivery report: "
            + ", ".join(f"{name} {value:g}" for name, value in scale.writes.items())
            + ".",
            "Calls per order: "
            + ", ".join(f"{count:g} {name}" for name, count in CALLS.items())
            + ". Milliseconds per invocation: "
            + ", ".join(f"{name} {1000 * scale.each_call(name):,.0f}" for name in CALLS)
            + ". The sources of the limits are in `bench/scale.py`.",
            "",
        ]
    )


def computed() -> str:
    """Return the page for the present measurements and template."""
    units = json.loads((RESULTS / "units.json").read_text())
    writes = json.loads((RESULTS / "writes.json").read_text())
    return page(Scale(units, writes, template()))


def main() -> int:
    """Write the page, or with --check compare it."""
    return write_or_check(PAGE, computed(), "bench.scale")


if __name__ == "__main__":
    sys.exit(main())
