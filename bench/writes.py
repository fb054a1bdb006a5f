"""Measure the write units of each change in an order's life, by table and index; docs/scale.md is computed from them.

It uses the product's own store module on the local store, which counts capacity as AWS does. `make bench-writes`.
"""

import json
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.lists import LIMIT, product
from bench.report import RESULTS, machine, table
from bench.sample import START, customer, moment, order_name
from bench.services import Call, recording, running_store
from sales.domain.orders import Order
from sales.domain.sms.content import render
from sales.domain.sms.states import Cause
from sales.domain.sms.wording import text_template

CHANGES: dict[Cause, dict[str, Any]] = {
    Cause.claimed: {"due_at": moment(1)},
    Cause.accepted: {"message_id": f"ATXid_{0:032x}", "cost": "KES 0.8000"},
    Cause.report_success: {},
}


def units(calls: list[Call]) -> dict[str, float]:
    """Return the capacity units of the last call, by table and index."""
    (capacity,) = calls[-1].capacity
    indexes = {name: each["CapacityUnits"] for name, each in sorted(capacity["GlobalSecondaryIndexes"].items())}
    return {"table": capacity["Table"]["CapacityUnits"]} | indexes


def main() -> None:
    """Measure one order from creation to its delivery report."""
    buyer = customer(0)
    order = Order.new(
        id=order_name(0),
        customer=buyer,
        item="macbook m2",
        amount=Decimal("56000.68"),
        currency="KES",
        reference=None,
        content=render(text_template(""), name=buyer.name, item="macbook m2", currency="KES", amount="56,000.68"),
        now=START,
        client="sales-service",
        fingerprint="0" * 64,
    )
    with (
        tempfile.TemporaryDirectory(prefix="sales-bench-") as folder,
        running_store(Path(folder)) as local,
        recording(local.url) as (address, calls),
    ):
        store = product(local, address, 1)
        order = store.orders.add(order)
        measured = {"created": units(calls)}
        for cause, details in CHANGES.items():
            after = order.on(cause, START, **details)
            assert after, cause
            if after.sms.message_id and not order.sms.message_id:
                store.orders.replace_with_message(after, after.sms.message_id, START)
            else:
                store.orders.replace(after)
            measured[cause.value], order = units(calls), after
    written = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine(), "page": LIMIT, "writes": measured}
    (RESULTS / "writes.json").write_text(json.dumps(written, indent=1) + "\n")
    names = sorted({name for each in measured.values() for name in each})
    print(table(["write", *names], [[what, *(each.get(name, 0) for name in names)] for what, each in measured.items()]))


if __name__ == "__main__":
    main()
