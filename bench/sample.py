"""The sample shop of bench/lists.py and bench/writes.py: orders and customers by number, the same at every run."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from sales.domain.caller import Caller
from sales.domain.clock import format_time
from sales.domain.customers import Customer
from sales.domain.ids import code_of, customer_ids, order_id, show_code
from sales.domain.orders import Order
from sales.domain.phones import mask
from sales.domain.sms.content import render
from sales.domain.sms.states import Cause, Status
from sales.domain.sms.wording import text_template
from sales.store.customers import customer_from_item, customer_to_item
from sales.store.items import Item, list_shard
from sales.store.orders import order_from_item, order_to_item

START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=20)
CUSTOMERS = 1_000
CALLER = Caller("00u1a2b3c4D5e6F7g8h9", "sales-service", frozenset())
DELIVERED = (Cause.claimed, Cause.accepted, Cause.report_success)
FAILED = (Cause.claimed, Cause.refused)


def order_name(number: int) -> str:
    """Return the id of the order, as the product derives it from an Idempotency-Key."""
    return order_id(CALLER, f"order-{number}")


def customer(number: int, shards: int = 1) -> Customer:
    """Return a customer. Number 0 is the regular, who places every tenth order; every tenth customer has its number and e-mail."""
    name = next(customer_ids(CALLER, f"customer-{number}"))
    own = 0 if number % 10 == 0 else number
    new = Customer.new(
        id=name,
        code=code_of(name),
        name="john doe",
        phone_number=f"+25470{own:07}",
        email=f"example{own:07}@gmail.com",
        now=moment(number),
        by=CALLER.actor,
        fingerprint="",
    )
    return new._replace(list_shard=list_shard(name, shards))


def moment(number: int) -> datetime:
    """Return when an order was created."""
    return START + STEP * number


def state(number: int) -> Status:
    """Return the state of an order's text: nine of ten are delivered, every tenth has failed."""
    return Status.failed if number % 10 == 7 else Status.delivered


def order(number: int, shards: int) -> Order:
    """Return an order whose text has reached its final state, by the product's own moves."""
    buyer = customer(0 if number % 10 == 0 else 1 + number % (CUSTOMERS - 1))
    made = moment(number)
    name = order_name(number)
    content = render(
        text_template(""),
        name=buyer.name,
        item="macbook m2",
        currency="KES",
        amount="56,000.68",
        code=show_code(code_of(name)),
    )._replace(language="en")
    new = Order.new(
        id=name,
        customer=buyer,
        item="macbook m2",
        amount=Decimal("56000.68"),
        currency="KES",
        reference=f"r{number:07}",
        content=content,
        now=made,
        caller=CALLER,
        fingerprint="0" * 64,
    )
    for cause in FAILED if state(number) is Status.failed else DELIVERED:
        if cause is Cause.accepted:
            after = new.on(cause, made, message_id=f"ATXid_{number:032x}", cost="KES 0.8000")
        else:
            after = new.on(cause, made)
        assert after, cause
        new = after
    assert new.sms.status is state(number)
    return new._replace(due_at=None, list_shard=list_shard(new.id, shards))


@dataclass(frozen=True)
class Kind:
    """A table to fill: its items' key, its indexes with their partition keys, and the values that differ between items.

    `model` returns an item as the product creates it, one for each entry of `states`. `values` returns what is unique to
    an item, in the order to replace it: a value that is part of another one comes after it.
    """

    variable: str
    key: str
    indexes: dict[str, str]
    states: dict[Any, int]
    state: Callable[[int], Any]
    model: Callable[[int, int], Order | Customer]
    values: Callable[[int, int], dict[str, str]]
    # Short values, which also occur elsewhere: replace them only where they are an attribute.
    attributes: tuple[str, ...]
    read: Callable[[Item], Order | Customer]
    write: Callable[[Any], Item]


@cache
def whose(number: int) -> tuple[str, str, str]:
    """Return id, code and phone number of a customer."""
    buyer = customer(number)
    return buyer.id, buyer.code, buyer.phone_number


def values_of_order(number: int, shards: int) -> dict[str, str]:
    """Return the values that differ between two orders of one state."""
    name = order_name(number)
    buyer, code, phone_number = whose(0 if number % 10 == 0 else 1 + number % (CUSTOMERS - 1))
    shard = list_shard(name, shards)
    return {
        "id": name,
        "code": code_of(name),
        "shown_code": show_code(code_of(name)),
        "customer": buyer,
        "customer_code": code,
        "sort_key": f"{format_time(moment(number))}#{name}",
        "date": format_time(moment(number)),
        "reference": f"r{number:07}",
        "message_id": f"ATXid_{number:032x}",
        "to": phone_number,
        "masked": mask(phone_number),
        "list_shard": shard,
        "sms_shard": f"{state(number).value}#{shard}",
    }


def values_of_customer(number: int, shards: int) -> dict[str, str]:
    """Return the values that differ between two customers."""
    buyer = customer(number, shards)
    return {
        "id": buyer.id,
        "code": buyer.code,
        "sort_key": buyer.sort_key,
        "date": buyer.created_at,
        "email_key": buyer.email,
        "phone_number": buyer.phone_number,
        "list_shard": buyer.list_shard,
    }


ORDERS = Kind(
    "ORDERS_TABLE",
    "id",
    {
        "by_date": "list_shard",
        "by_customer": "customer_code",
        "by_sms_status": "sms_shard",
        "by_reference": "reference",
    },
    {Status.delivered: 0, Status.failed: 7},
    state,
    order,
    values_of_order,
    ("list_shard", "sms_shard"),
    order_from_item,
    order_to_item,
)
PEOPLE = Kind(
    "CUSTOMERS_TABLE",
    "code",
    {"by_date": "list_shard", "by_phone_number": "phone_number", "by_email": "email_key"},
    {None: 0},
    lambda _: None,
    customer,
    values_of_customer,
    ("list_shard",),
    customer_from_item,
    customer_to_item,
)
