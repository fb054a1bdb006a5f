"""Measure the write units of each change of an order and of a customer, by table and index.

docs/scale.md and docs/cost.md are computed from them.
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
from bench.sample import CALLER, START, customer, moment, order_name
from bench.services import Call, recording, running_store
from sales.domain.caller import PROVIDER
from sales.domain.ids import code_of, show_code
from sales.domain.orders import Order
from sales.domain.sms.content import render
from sales.domain.sms.states import Cause
from sales.domain.sms.wording import text_template
from sales.store import Store

CHANGES: dict[Cause, dict[str, Any]] = {
    Cause.claimed: {"due_at": moment(1)},
    Cause.accepted: {"message_id": f"ATXid_{0:032x}", "cost": "KES 0.8000"},
    Cause.report_success: {"by": PROVIDER.actor},
}


def units(calls: list[Call]) -> dict[str, float]:
    """Return the capacity units of the last call, by table and index."""
    (capacity,) = calls[-1].capacity
    indexes = {name: each["CapacityUnits"] for name, each in sorted(capacity["GlobalSecondaryIndexes"].items())}
    return {"table": capacity["Table"]["CapacityUnits"]} | indexes


def customer_units(store: Store, calls: list[Call]) -> dict[str, dict[str, float]]:
    """Measure a customer of three names from creation to erasure."""
    person = store.customers.add(customer(1)._replace(name="Wanjiku Kamau Njoroge"))
    measured = {"created": units(calls)}
    changes: dict[str, dict[str, Any]] = {
        "one name changed": {"name": "Wanjiku Kamau Otieno"},
        "number changed": {"phone_number": "+254704590344"},
        "opted out": {"sms_opted_out": True},
    }
    for title, fields in changes.items():
        person = store.customers.change(person.code, fields, START, by=CALLER.actor)
        measured[title] = units(calls)
    store.customers.erase(person.without_personal_data(START, by=CALLER.actor), "0" * 64)
    return measured | {"erased": units(calls)}


def main() -> None:
    """Measure one order from creation to its delivery report, and one customer from creation to erasure."""
    buyer = customer(0)
    order = Order.new(
        id=order_name(0),
        customer=buyer,
        item="macbook m2",
        amount=Decimal("56000.68"),
        currency="KES",
        reference=None,
        content=render(
            text_template(""),
            name=buyer.name,
            item="macbook m2",
            currency="KES",
            amount="56,000.68",
            code=show_code(code_of(order_name(0))),
        )._replace(language="en"),
        now=START,
        caller=CALLER,
        fingerprint="0" * 32,
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
        customers = customer_units(store, calls)
    written = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
        "page": LIMIT,
        "writes": measured,
        "customers": customers,
    }
    (RESULTS / "writes.json").write_text(json.dumps(written, indent=1) + "\n")
    for writes in (measured, customers):
        names = sorted({name for each in writes.values() for name in each})
        rows = [[what, *(each.get(name, 0) for name in names)] for what, each in writes.items()]
        print(table(["write", *names], rows), end="\n\n")


if __name__ == "__main__":
    main()
