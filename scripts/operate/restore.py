"""Bring back the items both tables held at a moment and no longer hold; `make restore` runs it.

Point-in-time recovery creates new tables, `<table>-at-<time>`; this copies from them whatever the tables in use lack. It
overwrites nothing: later changes, erasures and additions stay. A text that was on its way at that moment may have gone out
since, so it comes back as `unknown`, for a person to send again: nothing is sent automatically. The sweep counts all days
again. Run it again if it was interrupted. It leaves the recovered tables for you to look at and delete.

  python -m scripts.operate.restore --at 2026-11-23T18:00:00Z [--stack sales | --local]
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Any

from botocore.session import Session

from local.config import Config
from sales.domain import clock
from sales.domain.orders import Order
from sales.domain.sms.states import Cause, Status
from sales.store.days import POSITION_ID, is_day
from sales.store.due import RETENTION_ID, is_control, retention_position_from_item, row_from_item
from sales.store.items import Item, marshal_item, unmarshal_item
from sales.store.orders import order_to_item
from scripts.operate.stack import add_target, describe, local_client, local_environment, moment, parser

WRITERS = 16
# DynamoDB needs minutes for a small table, hours for a large one.
PATIENCE = {"Delay": 20, "MaxAttempts": 3 * 60 * 24}


@dataclass(frozen=True)
class Table:
    """A table in use, and its key."""

    name: str
    key: str

    def at(self, when: datetime) -> str:
        """Return the name of the table that holds what this one held then."""
        return f"{self.name}-at-{when:%Y%m%dT%H%M%SZ}"


def recovered(dynamodb: Any, table: Table, when: datetime) -> str:
    """Return the name of the table as it was then; have it created if it does not exist, and wait for it."""
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
    print(f"Waiting for {name}.", file=sys.stderr)
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig=PATIENCE)
    return name


def forgotten(dynamodb: Any, table: Table) -> dict[str, str]:
    """Return the retention position: by list shard, the last order whose text was removed for its age."""
    key = {table.key: {"S": RETENTION_ID}}
    item = dynamodb.get_item(TableName=table.name, Key=key, ConsistentRead=True).get("Item")
    return retention_position_from_item(unmarshal_item(item)) if item else {}


def as_it_may_come_back(item: Item, reached: Mapping[str, str]) -> Item:
    """Return the item to restore: a text that was on its way becomes `unknown`, a text past its retention is removed.

    `reached` is the retention position, which will not pass these orders again.
    """
    match row_from_item(unmarshal_item(item)):
        case Order() as stored:
            restored = _at_rest(stored, reached)
            return item if restored == stored else marshal_item(order_to_item(restored))
        case _:
            return item


def _at_rest(order: Order, reached: Mapping[str, str]) -> Order:
    now = clock.now()
    if order.sms.status is Status.queued:
        order = order.on(Cause.claimed, now) or order
    if order.sms.status is Status.sending:
        order = order.on(Cause.ambiguous, now, reason="restored") or order
    if order.sort_key <= reached.get(order.list_shard, ""):
        order = order.without_text() or order
    return order


def count_days_again(dynamodb: Any, table: Table) -> None:
    """Have the sweep count all days again, from the first with an order.

    Called before orders come back, so that an interrupted run counts too, and once more when the first of them is there.
    """
    if table.key == "id":
        dynamodb.delete_item(TableName=table.name, Key={table.key: {"S": POSITION_ID}})


def missing(dynamodb: Any, source: str, table: Table) -> Iterator[str]:
    """Copy the items that the table lacks; yield `copied` or `there` for each item of the source."""
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
            count_days_again(dynamodb, table)
            # The sender's pause belongs to that moment only, and days are counted from the orders.
            ids = ((item[table.key]["S"], item) for item in page["Items"])
            items = (item for item_id, item in ids if not (is_control(item_id) or is_day(item_id)))
            for batch in batched(items, 100, strict=False):
                yield from threads.map(copy, batch)
    count_days_again(dynamodb, table)


def of_stack(name: str) -> tuple[Any, str, str]:
    """Return the client and the tables' names of a stack, with the credentials and region of the environment."""
    session = Session()
    outputs = describe(session.create_client("cloudformation"), name).outputs
    return session.create_client("dynamodb"), outputs["CustomersTableName"], outputs["OrdersTableName"]


def of_local(config: Config) -> tuple[Any, str, str]:
    """Return the same of the system on this machine; its store recovers nothing, so the recovered tables must exist."""
    environment = local_environment(config, "erase_customer")
    dynamodb = local_client(config, "dynamodb", config.database_url)
    return dynamodb, environment["CUSTOMERS_TABLE"], environment["ORDERS_TABLE"]


def main() -> None:
    """Restore both tables."""
    arguments = parser(__doc__)
    arguments.add_argument("--at", type=moment, required=True, help="a date or an RFC 3339 time")
    add_target(arguments)
    options = arguments.parse_args()
    dynamodb, customers, orders = of_local(Config.of_running()) if options.local else of_stack(options.stack)
    # Customers first, so that every order that comes back has its customer.
    for table in (Table(customers, "code"), Table(orders, "id")):
        source = recovered(dynamodb, table, options.at)
        counts = Counter(missing(dynamodb, source, table))
        print(
            f"{table.name}: {counts['copied']} copied, {counts['there']} already there. Delete {source} when you are done."
        )


if __name__ == "__main__":
    main()
