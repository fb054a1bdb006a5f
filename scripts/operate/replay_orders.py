"""Hand the orders of a time range whose text is still `queued` to send_sms; `make replay-orders` runs it.

Use it when neither the stream nor the sweep delivered them. An order that was tried before keeps the time of its next
attempt; a text that is `unknown` is for a person to send again. Running it again never sends a text twice: send_sms claims
each text in the table before sending it.

  python -m scripts.operate.replay_orders --since 2026-11-23 --until 2026-11-24T18:00:00Z [--stack sales | --local]
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Any

from botocore.session import Session

from local.config import Config
from sales.domain.clock import format_time
from sales.domain.sms.states import Status
from sales.store.orders import sms_shard
from scripts.operate.stack import (
    INVOKE,
    Sender,
    add_target,
    describe,
    local_client,
    local_environment,
    local_sender,
    moment,
    parser,
)

# The stream's own batch size.
BATCH = 10


@dataclass(frozen=True)
class Orders:
    """The orders' table, and how many shards its lists have."""

    dynamodb: Any
    table: str
    shards: int


def queued(orders: Orders, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    """Yield the items of orders created from `since` (inclusive) to `until` (exclusive) whose text is queued."""
    for shard in range(orders.shards):
        pages = orders.dynamodb.get_paginator("query").paginate(
            TableName=orders.table,
            IndexName="by_sms_status",
            KeyConditionExpression="sms_shard = :shard AND sort_key BETWEEN :since AND :until",
            ExpressionAttributeValues={
                ":shard": {"S": sms_shard(Status.queued, str(shard))},
                ":since": {"S": format_time(since)},
                # A sort key continues with the order's id, so an order created exactly then sorts after this.
                ":until": {"S": format_time(until)},
            },
        )
        for page in pages:
            yield from page["Items"]


def replay(items: Iterator[dict[str, Any]], sender: Sender) -> tuple[int, int]:
    """Hand the orders over as the stream would; return how many send_sms accepted and how many it did not."""
    accepted = refused = 0
    # Read all of them first: sending an order takes it out of the index that we are reading.
    for batch in batched(list(items), BATCH, strict=False):
        records = [
            {"eventName": "INSERT", "dynamodb": {"NewImage": item, "SequenceNumber": item["id"]["S"]}} for item in batch
        ]
        if sender.accepts(json.dumps({"Records": records}).encode()):
            accepted += len(batch)
        else:
            print("send_sms did not accept", *(item["id"]["S"] for item in batch), file=sys.stderr)
            refused += len(batch)
    return accepted, refused


def of_stack(name: str) -> tuple[Orders, Sender]:
    """Return orders and send_sms of a stack, with the credentials and region of the environment."""
    session = Session()
    stack = describe(session.create_client("cloudformation"), name)
    dynamodb = session.create_client("dynamodb")
    orders = Orders(dynamodb, stack.outputs["OrdersTableName"], int(stack.parameters["ListShards"]))
    return orders, Sender(session.create_client("lambda", config=INVOKE), f"{name}-send_sms")


def of_local(config: Config) -> tuple[Orders, Sender]:
    """Return orders and send_sms of the system on this machine."""
    environment = local_environment(config, "send_sms")
    dynamodb = local_client(config, "dynamodb", config.database_url)
    return Orders(dynamodb, environment["ORDERS_TABLE"], int(environment["LIST_SHARDS"])), local_sender(config)


def main() -> int:
    """Replay; 1 if send_sms did not accept an order."""
    arguments = parser(__doc__)
    arguments.add_argument("--since", type=moment, required=True, help="a date or an RFC 3339 time, inclusive")
    arguments.add_argument("--until", type=moment, required=True, help="a date or an RFC 3339 time, exclusive")
    add_target(arguments)
    options = arguments.parse_args()
    orders, sender = of_local(Config.of_running()) if options.local else of_stack(options.stack)
    accepted, refused = replay(queued(orders, options.since, options.until), sender)
    print(f"Queued orders handed to send_sms: {accepted}, not accepted: {refused}.")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
