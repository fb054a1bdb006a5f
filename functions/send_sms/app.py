"""The orders stream: sends each new order's text as soon as it is stored."""

from typing import Any

from sales.domain.problems import Problem
from sales.runtime import log
from sales.runtime.startup import at_start, started
from sales.services.sms.send import sender
from sales.store.items import unmarshal_item
from sales.store.orders import order_from_item

at_start(log.prepare)


@started
@log.guarded
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Send the texts of a batch at the same time; a failing provider never fails the batch.

    If the store fails, hand the whole batch back: what was claimed by then is not claimed twice.
    """
    records = event["Records"]
    orders = [order_from_item(unmarshal_item(record["dynamodb"]["NewImage"])) for record in records]
    try:
        ended = sender().send(orders, seconds_left=lambda: context.get_remaining_time_in_millis() / 1000)
    except Problem as problem:
        log.warning("batch handed back", code=problem.code, order_ids=[order.id for order in orders])
        return {"batchItemFailures": [{"itemIdentifier": records[0]["dynamodb"]["SequenceNumber"]}]}
    log.info("batch", order_ids=[order.id for order in orders], count=dict(ended))
    return {"batchItemFailures": []}
