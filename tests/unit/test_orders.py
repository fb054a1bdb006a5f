"""Orders as they are stored."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sales.customers import Customer
from sales.messages import Cause, Text
from sales.orders import Order

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def claimed_order() -> Order:
    customer = Customer.new(
        id="c", code="K7M2Q9XH", name="john doe", phone_number="+254704590344", email="john@example.com", now=NOW,
        fingerprint="f", shards=1,
    )  # fmt: skip
    order = Order.new(
        id="o", customer=customer, item="macbook m2", amount=Decimal("56000.68"), currency="KES", reference=None,
        text=Text("text", "GSM-7", 1), now=NOW, client="client", fingerprint="f", shards=1,
    )  # fmt: skip
    claimed = order.after(Cause.claimed, NOW, due_at=NOW + timedelta(seconds=60))
    assert claimed
    return claimed


def test_an_order_is_read_as_it_was_stored() -> None:
    order = claimed_order()
    assert Order.from_item(order.to_item()) == order


def test_an_order_that_was_stored_with_a_list_of_changes_is_the_same_order() -> None:
    order = claimed_order()
    item = order.to_item()
    # As the store hands it back: numbers as Decimal, names in an order of its own.
    item["sms"]["history"] = [
        {name: Decimal(value) if isinstance(value, int) else value for name, value in sorted(entry.items())}
        for entry in json.loads(item["sms"]["history"])
    ]
    assert Order.from_item(item) == order
    assert json.dumps(Order.from_item(item).public()) == json.dumps(order.public())
