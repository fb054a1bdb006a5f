"""Customers and orders for tests of rules, in any state."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sales.domain.caller import Caller
from sales.domain.customers import Customer
from sales.domain.orders import Order
from sales.domain.sms.segments import Content
from sales.domain.sms.states import Cause

CALLER = Caller("someone", "client", frozenset())
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return the time this many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def new_customer() -> Customer:
    """Return a customer."""
    return Customer.new(
        id="c", code="K7M2Q9XH", name="john doe", phone_number="+254704590344", email="John@example.com", now=NOW,
        language="sw", by=CALLER.actor, fingerprint="f",
    )  # fmt: skip


def new_order() -> Order:
    """Return an order whose text is queued."""
    return Order.new(
        id="7f3c2a10-4b5d-8e6f-9a0b-1c2d3e4f5a6b", customer=new_customer(), item="macbook m2", amount=Decimal("56000.68"), currency="KES", reference=None,
        content=Content("text", "GSM-7", 1, "en"), now=NOW, caller=CALLER, fingerprint="f",
    )  # fmt: skip


def then(order: Order, *causes: Cause, seconds: float = 0, message_id: str | None = None) -> Order:
    """Return the order after these events; each of them must change it."""
    for cause in causes:
        changed = order.on(cause, at(seconds), message_id=message_id)
        assert changed, cause
        order = changed
    return order


def again(order: Order, seconds: float = 0) -> Order:
    """Return the order after a person asked for its text once more."""
    requested = order.requested_again(
        at(seconds),
        key=f"key at {seconds}",
        fingerprint="f",
        reason="lost",
        by=CALLER.actor,
    )
    assert requested
    return requested


def claimed_order() -> Order:
    """Return an order whose text a sender has claimed."""
    claimed = new_order().on(Cause.claimed, NOW, due_at=at(60))
    assert claimed
    return claimed
