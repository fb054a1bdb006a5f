"""Computes docs/scale.md: where the deployed system's limits are, and what it costs, by orders a second.

  python -m scripts.scale           writes docs/scale.md
  python -m scripts.scale --check   exits with 1 where the page is not what measurements and template come to

Measured: capacity units of each write by table and index (bench/results/writes.json, `make bench-writes`) and of each
call (bench/results/units.json, `make bench-units`). From the template: rates, shards, batches, memory. From AWS: the
limits below. Prices and what a shop does per order are those of bench/cost.py.
"""

import json
import sys
from math import ceil
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from bench.cost import CALLS, GATEWAY_WAIT, Costs, dollars, row
from deployment.template import load, transform
from local.config import Config
from sales.domain.orders import DUE_SHARDS
from sales.store import FILTERED_READS

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "scale.md"

RATES = (10, 1_000, 10_000)
MONTH = 730 * 3600
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
PARTITION_WRITES, PARTITION_READS = 1_000, 3_000
# Of a new table or index: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
NEW_WRITES = 4_000
# An account's, in a region, until AWS raises it:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
ACCOUNT_REQUESTS, ACCOUNT_CONCURRENCY = 10_000, 1_000
# https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
MOST_PARALLEL = 10
FROM_THE_STREAM = {"send_sms"}


def template() -> dict[str, Any]:
    """What the template says about rates, shards and batches, and each function's memory."""
    config = Config(port=8000, state=ROOT / ".local", settings={})
    source = config.template.read_bytes()
    resources = transform(source, config.parameters)["Resources"].values()
    (stream,) = (
        each["Properties"]
        for each in resources
        if each["Type"] == "AWS::Lambda::EventSourceMapping" and "ParallelizationFactor" in each["Properties"]
    )
    (stage,) = (each["Properties"] for each in resources if each["Type"] == "AWS::ApiGatewayV2::Stage")
    loaded = load(config.template, config.parameters)
    functions = loaded.functions
    return {
        "customer_indexes": len(loaded.tables["CustomersTable"]["GlobalSecondaryIndexes"]),
        "list_shards": yaml_parse(source.decode())["Parameters"]["ListShards"],
        "batch": stream["BatchSize"],
        "parallel": stream["ParallelizationFactor"],
        "requests": stage["DefaultRouteSettings"]["ThrottlingRateLimit"],
        "memory_mb": {name: function.memory for name, function in functions.items()},
    }


class Scale:
    """What orders at a rate ask of each part."""

    def __init__(self, units: dict[str, Any], measured: dict[str, Any], deployed: dict[str, Any]) -> None:
        self.deployed = deployed
        writes: dict[str, dict[str, float]] = measured["writes"]
        self.page_rows = int(measured["page"])
        self.parallel, self.batch = int(deployed["parallel"]), int(deployed["batch"])
        self.costs = Costs({**units, "deployed": deployed})
        self.changes = len(writes)
        names = sorted({name for each in writes.values() for name in each})
        self.writes = {name: sum(each.get(name, 0) for each in writes.values()) for name in names}

    def each_call(self, name: str) -> float:
        """How long an invocation takes, in seconds."""
        return self.costs.milliseconds(name, self.costs.memory(name)) / 1000

    @property
    def requests(self) -> float:
        """API requests for an order."""
        return sum(count for name, count in CALLS.items() if name not in FROM_THE_STREAM)

    @property
    def status_shard(self) -> float:
        """Write units for an order in one state's part of by_sms_status: it comes and it goes."""
        return self.writes["by_sms_status"] / self.changes

    @property
    def customer_writes(self) -> float:
        """Write units of a new customer in the customers' table: as many again in each index, the item being the same."""
        return self.costs.functions["create_customer"]["write_units"] / (1 + int(self.deployed["customer_indexes"]))

    def customers(self, rate: int) -> float:
        """Customers a second that so many orders bring with them."""
        return rate * CALLS["create_customer"]

    def customer_shards(self, rate: int) -> int:
        """List shards that the customers' list needs."""
        return ceil(self.customers(rate) * self.customer_writes / PARTITION_WRITES)

    def customer_partitions(self, rate: int) -> int:
        """Of the customers' table; a new one has four."""
        needed = ceil(self.customers(rate) * self.customer_writes / PARTITION_WRITES)
        return max(NEW_WRITES // PARTITION_WRITES, needed)

    @property
    def rare_page(self) -> float:
        """Read units of a page whose filter lets nothing through: it ends after so many rows."""
        return FILTERED_READS / self.page_rows * self.costs.functions["list_orders"]["read_units"]

    def reads_of_a_shard(self, rate: int) -> float:
        """Read units a second of each list shard: every page asks every shard for a whole page."""
        return rate * CALLS["list_orders"] * self.costs.functions["list_orders"]["read_units"]

    def shards(self, rate: int) -> int:
        """List shards so that none is above what a partition takes; of orders, which need more of them."""
        return ceil(rate * self.writes["by_date"] / PARTITION_WRITES)

    def due_shards(self, rate: int) -> int:
        """Shards of the due index, likewise."""
        return ceil(rate * self.writes["by_due"] / PARTITION_WRITES)

    def partitions(self, rate: int) -> int:
        """Of the orders' table, each of them a shard of its stream; a new table has four."""
        return max(NEW_WRITES // PARTITION_WRITES, ceil(rate * self.writes["table"] / PARTITION_WRITES))

    def texts(self, rate: int, parallel: int | None = None) -> float:
        """Texts a second that the stream's invocations take: a batch goes out side by side."""
        took = self.each_call("send_sms") + (self.batch - 1) * (self.costs.functions["send_sms"]["cpu_ms"] / 1000)
        return self.partitions(rate) * (parallel or self.parallel) * self.batch / took

    def concurrency(self, rate: int) -> int:
        """Invocations at once: of requests, and of the stream as far as its shards go."""
        requests = sum(
            rate * count * self.each_call(name) for name, count in CALLS.items() if name not in FROM_THE_STREAM
        )
        stream = min(self.partitions(rate) * self.parallel, ceil(rate * self.each_call("send_sms")))
        return ceil(requests + stream)

    def month(self, rate: int) -> dict[str, float]:
        """Dollars a month of this rate all day, with as many list shards as it needs."""
        found = {name: value * rate * MONTH for name, value in self.costs.per_order(0.0).items()}
        further = (self.shards(rate) - 1) * self.reads_of_a_shard(rate)
        found["DynamoDB reads"] += further * MONTH * self.costs.price("read")
        return found


def mark(value: float, most: float) -> str:
    """The number, bold where it is above the most there is."""
    return f"**{value:,.0f}**" if value > most else f"{value:,.0f}"


def page(scale: Scale) -> str:
    """The page."""
    most = scale.deployed["list_shards"]["MaxValue"]
    parallel, batch, rate_limit = scale.deployed["parallel"], scale.deployed["batch"], scale.deployed["requests"]
    by_date, by_due = scale.writes["by_date"], scale.writes["by_due"]
    default = scale.deployed["list_shards"]["Default"]
    page_units = scale.costs.functions["list_orders"]["read_units"]
    table = [
        row("Orders a second", *(f"{rate:,}" for rate in RATES), "most"),
        row("---", *["---:"] * len(RATES), "---"),
        row(
            "API requests a second",
            *(mark(rate * scale.requests, rate_limit) for rate in RATES),
            f"{rate_limit:,} as deployed, {ACCOUNT_REQUESTS:,} an account",
        ),
        row(
            "Write units a second, orders' table and indexes",
            *(f"{rate * sum(scale.writes.values()):,.0f}" for rate in RATES),
            f"no limit of ours; a new table or index takes {NEW_WRITES:,} each at once",
        ),
        row(
            "Read units a second of each list shard",
            *(mark(scale.reads_of_a_shard(rate), PARTITION_READS) for rate in RATES),
            f"{PARTITION_READS:,} a partition",
        ),
        row(
            "Partitions of the orders' table",
            *(f"{scale.partitions(rate):,}" for rate in RATES),
            "DynamoDB splits them",
        ),
        row(
            "Customers created a second",
            *(f"{scale.customers(rate):,.0f}" for rate in RATES),
            f"{CALLS['create_customer']:g} an order",
        ),
        row(
            "Write units a second, customers' table and indexes",
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
            "Texts a second the stream can send at once",
            *(
                f"**{scale.texts(rate):,.0f}**" if scale.texts(rate) < rate else f"{scale.texts(rate):,.0f}"
                for rate in RATES
            ),
            f"{parallel} invocations a shard of {batch} texts",
        ),
        row(
            f"The same with {MOST_PARALLEL} invocations a shard",
            *(
                f"**{scale.texts(rate, MOST_PARALLEL):,.0f}**"
                if scale.texts(rate, MOST_PARALLEL) < rate
                else f"{scale.texts(rate, MOST_PARALLEL):,.0f}"
                for rate in RATES
            ),
            "AWS's most",
        ),
        row(
            "Invocations at once",
            *(mark(scale.concurrency(rate), ACCOUNT_CONCURRENCY) for rate in RATES),
            f"{ACCOUNT_CONCURRENCY:,} an account",
        ),
    ]
    months = {rate: scale.month(rate) for rate in RATES}
    money = [row("$ a month", *(f"{rate:,}/s" for rate in RATES)), row("---", *["---:"] * len(RATES))]
    money += [row(item, *(dollars(months[rate][item]) for rate in RATES)) for item in months[RATES[0]]]
    money.append(row("**all**", *(f"**{dollars(sum(months[rate].values()))}**" for rate in RATES)))
    return "\n".join(
        [
            "# How far it goes",
            "",
            "Written by `python -m scripts.scale`; do not edit. On paper: computed from measured capacity units, the template",
            "and AWS's limits, not from a load on AWS. Bold is what is beyond a limit as deployed.",
            "",
            *table,
            "",
            "## What gives first",
            "",
            f"- **A list shard takes {PARTITION_WRITES / by_date:,.0f} orders a second.** From creation to delivery report an order",
            f"  is {by_date:g} write units of by_date, and a partition takes {PARTITION_WRITES:,} a second; above that the index holds up",
            f"  the table's writes. `ListShards` (by default {default}) spreads them and may be raised at any time, to {most}: to",
            f"  {most * PARTITION_WRITES / by_date:,.0f} orders a second. In by_sms_status an order comes into a state and leaves it,",
            f"  {scale.status_shard:g} units in each: it gives later.",
            f"- **The list takes {PARTITION_READS / page_units:,.0f} pages a second, however many shards.** A page asks every shard for a",
            "  whole page (`make bench-lists`): shards spread the writes, not the reads, and each adds to what",
            "  a page costs. Who polls the whole list at such rates should ask for one customer, or follow changes by date.",
            f"- **A page with a rare filter reads {FILTERED_READS:,} rows at most**, about {scale.rare_page:,.0f} read units: where orders are",
            "  filtered by more than their index knows (a customer's orders of one state, say) and few match, a page ends there",
            f"  with what it found, which may be nothing, and `next_cursor` goes on. A partition takes {PARTITION_READS / scale.rare_page:,.0f} such pages a second.",
            f"- **One list shard takes {PARTITION_WRITES / scale.customer_writes:,.0f} new customers a second**: {scale.customer_writes:g} write unit each in the table and in each index,",
            "  which the code, the number and the e-mail spread by themselves; only by_date needs shards, and fewer than orders do.",
            f"- **The due index takes {DUE_SHARDS * PARTITION_WRITES / by_due:,.0f} orders a second**: {by_due:g} units an order over {DUE_SHARDS} shards.",
            f"- **The stream's fast path** waits for the gateway, here {GATEWAY_WAIT / 1000:g} s an answer. Above its rate nothing is lost:",
            "  records wait in the stream (24 hours), and the sweep takes what is due. More `ParallelizationFactor` and",
            "  `BatchSize` of send_sms raise it, as far as the gateway allows.",
            f"- **One customer takes {PARTITION_WRITES / scale.writes['by_customer']:,.0f} orders a second** (by_customer): a marketplace behind a single",
            "  customer would be the hot partition.",
            f"- **The API's own rate**, {rate_limit:,} requests a second, is a protection; an account's {ACCOUNT_REQUESTS:,} is AWS's to raise.",
            f"- 10,000 orders a second need more than a parameter: {scale.shards(10_000)} list shards, {scale.due_shards(10_000)} due shards, higher quotas, and tables",
            "  warmed beforehand, since on-demand doubles only once in half an hour.",
            "",
            "## What it costs",
            "",
            "At that rate day and night, us-east-1, on demand; texts, storage and what does not follow from orders not counted;",
            "with as many list shards as the rate needs.",
            "",
            *money,
            "",
            "## Where the numbers come from",
            "",
            "Write units of one order, from creation to delivery report: "
            + ", ".join(f"{name} {value:g}" for name, value in scale.writes.items())
            + ".",
            "Per order a shop makes "
            + ", ".join(f"{count:g} {name}" for name, count in CALLS.items())
            + "; an invocation takes, in ms: "
            + ", ".join(f"{name} {1000 * scale.each_call(name):,.0f}" for name in CALLS)
            + ". Limits: "
            + "the sources stand beside them in `bench/scale.py`.",
            "",
        ]
    )


def computed() -> str:
    """The page as measurements and template have it now."""
    units = json.loads((RESULTS / "units.json").read_text())
    writes = json.loads((RESULTS / "writes.json").read_text())
    return page(Scale(units, writes, template()))


def main() -> int:
    """Writes the page, or with --check compares it."""
    found = computed()
    if sys.argv[1:] == ["--check"]:
        if not PAGE.is_file() or PAGE.read_text() != found:
            print("docs/scale.md is not what it is computed from: run python -m scripts.scale", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(found)
    print(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
