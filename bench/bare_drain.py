"""Find the limit of a drain: make the calls to store and provider that a backlog's texts need, and nothing else.

`python -m bench.bare_drain STORE PROVIDER API_KEY PART PARTS` reads its part of the orders, prints `ready`, waits for a line,
then makes the calls of a sweep for each order: a put of the order, a request to the provider, a put of the order and of
the provider message, with the sweep's own concurrency and grouping. Prints the number of texts and when it began and ended.
"""

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import requests
from botocore.config import Config
from requests.adapters import HTTPAdapter

from sales.services.sms.send import CONCURRENCY
from sales.store.group_commit import GROUP, GroupCommit


def main() -> None:
    """Drain one part of the orders."""
    store, provider, key, part, parts = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
    client = boto3.client(
        "dynamodb",
        endpoint_url=store,
        region_name="eu-west-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - the local store checks none
        config=Config(max_pool_connections=CONCURRENCY, parameter_validation=False),
    )
    table = next(name for name in client.list_tables()["TableNames"] if name.endswith("orders"))
    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_maxsize=CONCURRENCY))
    pages = client.get_paginator("scan").paginate(TableName=table)
    orders = [item for page in pages for item in page["Items"] if "customer_name" in item][part::parts]

    def put(item: dict[str, Any], **more: dict[str, str]) -> dict[str, Any]:
        return {
            "Put": {
                "TableName": table,
                "Item": item | more,
                "ConditionExpression": "version = :before",
                "ExpressionAttributeValues": {":before": item["version"]},
            }
        }

    def write(puts: Sequence[dict[str, Any]]) -> None:
        client.transact_write_items(TransactItems=puts)

    group = GroupCommit(write, GROUP)

    def send(item: dict[str, Any]) -> None:
        order = item["id"]["S"]
        group.put((order, put(item, due_shard={"S": "0"}, due_at={"S": item["order_date"]["S"]})))
        text = {"username": "sandbox", "to": item["sms"]["M"]["to"]["S"], "message": item["sms"]["M"]["text"]["S"]}
        answer = session.post(f"{provider}/version1/messaging", data=text, headers={"apiKey": key}, timeout=10)
        message_id = answer.json()["SMSMessageData"]["Recipients"][0]["messageId"]
        message = {"order_id": item["id"], "attempt": {"N": "1"}, "expires_at": {"N": "2000000000"}}
        link = {"TableName": table, "Item": {"id": {"S": f"message#{message_id}"}} | message}
        link["ConditionExpression"] = "attribute_not_exists(id)"
        group.put((order, put(item)), (message_id, {"Put": link}))

    print("ready", flush=True)
    sys.stdin.readline()
    began = time.time()
    with ThreadPoolExecutor(CONCURRENCY) as threads:
        list(threads.map(send, orders))
    print(len(orders), began, time.time())


if __name__ == "__main__":
    main()
