"""Hands the orders of a range whose text is still `queued` to send_sms; `make replay-orders` runs it.

For when neither the stream nor the sweep has delivered them. An order that was tried before keeps the time of its next
try; one whose text is `unknown` is a person's to send again. No text goes out twice, however often this is run:
send_sms claims each text in the table before it sends it.

  python -m scripts.operate.replay_orders --since 2026-11-23 --until 2026-11-24T18:00:00Z [--stack sales | --local]
"""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import datetime
from itertools import batched
from typing import Any

from botocore.session import Session

from deployment import REGION
from deployment.template import load
from local.config import Config
from sales.domain.clock import format_time, parse_time
from sales.domain.sms.states import Status
from scripts.operate.replay_failed import PATIENCE, of_machine, takes

# As many as the stream hands over at once.
BATCH = 10


def queued(dynamodb: Any, table: str, shards: int, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    """The orders made from `since` (inclusive) to `until` (exclusive) whose text is queued, as they are stored."""
    for shard in range(shards):
        pages = dynamodb.get_paginator("query").paginate(
            TableName=table,
            IndexName="by_sms_status",
            KeyConditionExpression="sms_shard = :shard AND sort_key BETWEEN :since AND :until",
            ExpressionAttributeValues={
                ":shard": {"S": f"{Status.queued.value}#{shard}"},
                ":since": {"S": format_time(since)},
                # A sort key goes on with the order's id, so what was made at this very time lies behind it.
                ":until": {"S": format_time(until)},
            },
        )
        for page in pages:
            yield from page["Items"]


def replay(orders: Iterator[dict[str, Any]], lambda_: Any, function: str) -> tuple[int, int]:
    """Hands the orders over as the stream would; how many were taken and how many were not."""
    taken = refused = 0
    # All are read first: what is sent leaves the index that is being read.
    for batch in batched(list(orders), BATCH, strict=False):
        records = [
            {"eventName": "INSERT", "dynamodb": {"NewImage": item, "SequenceNumber": item["id"]["S"]}} for item in batch
        ]
        if takes(lambda_, function, json.dumps({"Records": records}).encode()):
            taken += len(batch)
        else:
            print("send_sms does not take", *(item["id"]["S"] for item in batch), file=sys.stderr)
            refused += len(batch)
    return taken, refused


def of_stack(stack: str) -> tuple[Any, str, int, Any, str]:
    """The table, its number of list shards and the function of a stack, with the environment's credentials."""
    session = Session()
    [found] = session.create_client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    table = next(each["OutputValue"] for each in found["Outputs"] if each["OutputKey"] == "OrdersTableName")
    shards = next(each["ParameterValue"] for each in found["Parameters"] if each["ParameterKey"] == "ListShards")
    lambda_ = session.create_client("lambda", config=PATIENCE)
    return session.create_client("dynamodb"), table, int(shards), lambda_, f"{stack}-send_sms"


def of_local(config: Config) -> tuple[Any, str, int, Any, str]:
    """The same of the system that `make run` has started."""
    session = Session()
    session.set_credentials("local", "local")
    dynamodb = session.create_client("dynamodb", endpoint_url=config.database_url, region_name=REGION)
    template = load(config.template, config.parameters)
    _, lambda_, function = of_machine(config)
    given = template.functions[function].environment
    return dynamodb, given["ORDERS_TABLE"], int(given["LIST_SHARDS"]), lambda_, function


def moment(text: str) -> datetime:
    """A time of the command line: RFC 3339, or a date for its midnight in UTC."""
    try:
        return parse_time(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is neither a date nor a time such as 2026-11-23T18:00:00Z") from None


def main() -> int:
    """Replays; 1 if an order was not taken."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--since", type=moment, required=True, help="a date or an RFC 3339 time, inclusive")
    parser.add_argument("--until", type=moment, required=True, help="a date or an RFC 3339 time, exclusive")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--stack", default="sales")
    where.add_argument("--local", action="store_true", help="the system that `make run` has started")
    options = parser.parse_args()
    found = of_local(Config.of_running()) if options.local else of_stack(options.stack)
    dynamodb, table, shards, lambda_, function = found
    taken, refused = replay(queued(dynamodb, table, shards, options.since, options.until), lambda_, function)
    print(f"queued orders handed over: {taken}, not taken: {refused}")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
