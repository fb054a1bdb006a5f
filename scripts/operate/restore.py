"""Brings back what both tables had at a moment and have not now; `make restore` runs it.

Point-in-time recovery makes tables of their own, `<table>-at-<time>`; what the tables in use lack is copied from there.
Nothing is overwritten: what was changed, erased or added since stays. A text that was on its way at that moment may have
gone out since, so it comes back as `unknown` and is a person's to send again: no text goes out by itself. It can be run
again when it was broken off; the tables it made are left to look at, and to be deleted by hand.

  python -m scripts.operate.restore --at 2026-11-23T18:00:00Z [--stack sales | --local]
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Any

from botocore.session import Session

from deployment import REGION
from deployment.template import load
from local.config import Config
from sales.domain import clock
from sales.domain.orders import Order
from sales.domain.sms.states import Cause, Status
from sales.store import marshal_item, unmarshal_item
from scripts.operate.replay_orders import moment

WRITERS = 16
# DynamoDB takes minutes for a small table, hours for a large one.
PATIENCE = {"Delay": 20, "MaxAttempts": 3 * 60 * 24}


@dataclass(frozen=True)
class Table:
    """A table in use, and its key."""

    name: str
    key: str

    def at(self, when: datetime) -> str:
        """The name of the table that holds what this one held then."""
        return f"{self.name}-at-{when:%Y%m%dT%H%M%SZ}"


def recovered(dynamodb: Any, table: Table, when: datetime) -> str:
    """The name of the table as it was then; asks for it where it is not there, and waits for it."""
    name = table.at(when)
    try:
        dynamodb.describe_table(TableName=name)
    except dynamodb.exceptions.ResourceNotFoundException:
        dynamodb.restore_table_to_point_in_time(
            SourceTableName=table.name,
            TargetTableName=name,
            RestoreDateTime=when,
            BillingModeOverride="PAY_PER_REQUEST",
        )
    print(f"waiting for {name}", file=sys.stderr)
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig=PATIENCE)
    return name


def forgotten(dynamodb: Any, table: Table) -> dict[str, str]:
    """By list shard, the last order in use whose text was forgotten for its age; none where texts are kept."""
    key = {table.key: {"S": "control#texts"}}
    item = dynamodb.get_item(TableName=table.name, Key=key, ConsistentRead=True).get("Item", {})
    return dict(unmarshal_item(item).get("until", {}))


def as_it_may_come_back(item: dict[str, Any], reached: Mapping[str, str]) -> dict[str, Any]:
    """The item; an order's text that was on its way is `unknown`, and one that is older than texts are kept is gone.

    `reached` is up to where texts were forgotten: nobody would come by these orders again.
    """
    found = unmarshal_item(item)
    if "sms" not in found:
        return item
    order = Order.from_item(found)
    now = clock.now()
    if order.sms.status is Status.queued:
        order = order.on(Cause.claimed, now) or order
    if order.sms.status is Status.sending:
        order = order.on(Cause.ambiguous, now, reason="restored") or order
    if order.sort_key <= reached.get(order.list_shard, ""):
        order = order.without_text() or order
    return marshal_item(order.to_item()) if order.version != found["version"] else item


def missing(dynamodb: Any, source: str, table: Table) -> Iterator[str]:
    """Copies what the table lacks; for each item of the source whether it was `copied` or was `there`."""
    reached = forgotten(dynamodb, table)

    def copy(item: dict[str, Any]) -> str:
        try:
            dynamodb.put_item(
                TableName=table.name,
                Item=as_it_may_come_back(item, reached),
                ConditionExpression="attribute_not_exists(#key)",
                ExpressionAttributeNames={"#key": table.key},
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return "there"
        return "copied"

    with ThreadPoolExecutor(WRITERS) as threads:
        for page in dynamodb.get_paginator("scan").paginate(TableName=source):
            # The sender's pause is of its moment only.
            items = (item for item in page["Items"] if not item[table.key]["S"].startswith("control#"))
            for batch in batched(items, 100, strict=False):
                yield from threads.map(copy, batch)


def of_stack(stack: str) -> tuple[Any, str, str]:
    """The client and the tables' names of a stack, with the credentials and region of the environment."""
    session = Session()
    [found] = session.create_client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}
    return session.create_client("dynamodb"), outputs["CustomersTableName"], outputs["OrdersTableName"]


def of_local(config: Config) -> tuple[Any, str, str]:
    """The same of the system that `make run` has started, whose store recovers nothing: its tables must be there."""
    session = Session()
    session.set_credentials("local", "local")
    given = load(config.template, config.parameters).functions["erase_customer"].environment
    client = session.create_client("dynamodb", endpoint_url=config.database_url, region_name=REGION)
    return client, given["CUSTOMERS_TABLE"], given["ORDERS_TABLE"]


def main() -> None:
    """Restores."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--at", type=moment, required=True, help="a date or an RFC 3339 time")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--stack", default="sales")
    where.add_argument("--local", action="store_true", help="the system that `make run` has started")
    options = parser.parse_args()
    dynamodb, customers, orders = of_local(Config.of_running()) if options.local else of_stack(options.stack)
    # Customers first: an order is nobody's without its own.
    for table in (Table(customers, "code"), Table(orders, "id")):
        source = recovered(dynamodb, table, options.at)
        counts = Counter(missing(dynamodb, source, table))
        print(f"{table.name}: {counts['copied']} copied, {counts['there']} there already; delete {source} when done")


if __name__ == "__main__":
    main()
