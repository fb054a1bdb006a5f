"""Items: how what we store looks in the two tables. Only the store knows this form.

Items that are not orders share the orders table under ids with a prefix: `reference#` (which order has a client's
reference), `message#` (a provider message), `erasure#` (whose orders to look for once more) and `control#` (the pause of
sending, how far texts are forgotten). Numbers that have opted out share the customers table under codes with `optout#`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple
from datetime import datetime
from decimal import Decimal
from typing import Any
from zlib import crc32

from sales.domain.clock import DAY_SECONDS, plus
from sales.domain.customers import Customer, ErasureNote
from sales.domain.delivery_reports import DeliveryReport, ProviderMessage
from sales.domain.orders import Order, Sms
from sales.domain.sms.segments import Content
from sales.domain.sms.states import Status

__all__ = [
    "DUE_SHARDS",
    "PAUSE_ID",
    "RETENTION_ID",
    "Item",
    "customer_from_item",
    "customer_to_item",
    "due_fields",
    "due_shard",
    "email_key",
    "erasure_item_id",
    "erasure_note_from_item",
    "expiry",
    "is_control",
    "list_shard",
    "marshal_item",
    "message_from_item",
    "message_item_id",
    "opt_out_key",
    "order_from_item",
    "order_to_item",
    "reference_to_item",
    "report_to_text",
    "retention_position_from_item",
    "row_from_item",
    "sms_shard",
    "unmarshal_item",
]

# Fixed, so that no setting can hide what is due. Eight partitions take 8,000 changes of state a second.
DUE_SHARDS = 8
# A provider message's reports come within days; after that the order alone is enough.
_MESSAGE_DAYS = 30
_MESSAGE, _ERASURE, _CONTROL = "message#", "erasure#", "control#"
PAUSE_ID, RETENTION_ID = f"{_CONTROL}sms", f"{_CONTROL}texts"
_HISTORY_ENTRY = ("at", "status", "cause", "attempt", "reason", "message_id")

type Item = dict[str, Any]


def _marshal(value: Any) -> dict[str, Any]:
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int() | Decimal():
            return {"N": str(value)}
        case dict():
            return {"M": marshal_item(value)}
        case list() | tuple():
            return {"L": [_marshal(entry) for entry in value]}
        case frozenset():
            return {"SS": sorted(value)}
    raise TypeError(type(value).__name__)


def marshal_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the item in DynamoDB's form, without what is None: an index key must not be null."""
    return {name: _marshal(value) for name, value in item.items() if value is not None}


def _unmarshal(typed: Mapping[str, Any]) -> Any:
    ((kind, value),) = typed.items()
    match kind:
        case "S" | "BOOL":
            return value
        case "N":
            return Decimal(value)
        case "M":
            return unmarshal_item(value)
        case "L":
            return [_unmarshal(entry) for entry in value]
        case "SS":
            return frozenset(value)
    raise TypeError(kind)


def unmarshal_item(item: Mapping[str, Any]) -> Item:
    """Return the item of a DynamoDB answer or stream record as Python values."""
    return {name: _unmarshal(typed) for name, typed in item.items()}


# What several kinds of items have in common


def list_shard(item_id: str, shards: int) -> str:
    """Return the write shard of the list index for an item. The number of shards may be raised at any time."""
    return str(crc32(item_id.encode()) % shards)


def due_shard(item_id: str) -> str:
    """Return the partition of the due index for an item."""
    return list_shard(item_id, DUE_SHARDS)


def due_fields(item_id: str, due_at: str) -> Item:
    """Return what makes the sweep look at an item then."""
    return {"due_shard": due_shard(item_id), "due_at": due_at}


def expiry(now: datetime) -> int:
    """Return when DynamoDB may delete an item that only a late delivery report would need."""
    return int(plus(now, _MESSAGE_DAYS * DAY_SECONDS).timestamp())


# Customers


def email_key(email: str) -> str:
    """Return what e-mail addresses are found by: people write them in either case."""
    return email.lower()


def opt_out_key(number: str) -> str:
    """Return the key of a number's opt-out, which also holds for whoever has the number later.

    A digest: erasing a customer removes the number from the store, and keeps the opt-out.
    """
    return f"optout#{hashlib.sha256(number.encode()).hexdigest()}"


def customer_to_item(customer: Customer) -> Item:
    """Return the customer as it is stored, with the attributes that its indexes are keyed by."""
    item: Item = {
        "id": customer.id,
        "code": customer.code,
        "name": customer.name,
        "phone_number": customer.phone_number,
        "email": customer.email,
        "email_key": email_key(customer.email),
        "created_at": customer.created_at,
        "updated_at": customer.updated_at,
        "version": customer.version,
        "sms_opted_out": customer.sms_opted_out,
        "fingerprint": customer.fingerprint,
        "list_shard": customer.list_shard,
        "sort_key": customer.sort_key,
    }
    if customer.erased:
        # An index key must not be empty; and an erased customer must not be found by number or e-mail.
        for name in ("name", "phone_number", "email", "email_key"):
            del item[name]
        item["erased"] = True
    return item


def customer_from_item(item: Item) -> Customer:
    """Return the customer of a stored item."""
    return Customer(
        id=item["id"],
        code=item["code"],
        name=item.get("name", ""),
        phone_number=item.get("phone_number", ""),
        email=item.get("email", ""),
        created_at=item["created_at"],
        updated_at=item["updated_at"],
        version=int(item["version"]),
        sms_opted_out=item["sms_opted_out"],
        erased=item.get("erased", False),
        fingerprint=item["fingerprint"],
        list_shard=item["list_shard"],
    )


# Orders


def sms_shard(status: str, shard: str) -> str:
    """Return the partition of the index by SMS status for a list shard."""
    return f"{status}#{shard}"


def order_to_item(order: Order) -> Item:
    """Return the order as it is stored, with the attributes that its indexes are keyed by."""
    sms = order.sms
    item: Item = {
        "id": order.id,
        "customer": order.customer,
        "customer_code": order.customer_code,
        "customer_name": order.customer_name,
        "item": order.item,
        "amount": order.amount,
        "currency": order.currency,
        "order_date": order.order_date,
        "reference": order.reference,
        "status": order.status,
        "version": order.version,
        "text_until": order.text_until,
        "client": order.client,
        "fingerprint": order.fingerprint,
        "list_shard": order.list_shard,
        "sort_key": order.sort_key,
        "sms_shard": sms_shard(sms.status, order.list_shard),
        "sms": {
            "status": sms.status.value,
            "to": sms.to,
            "text": sms.content.text,
            "encoding": sms.content.encoding,
            "segments": sms.content.segments,
            "updated_at": sms.updated_at,
            "attempts": sms.attempts,
            "retries": sms.retries,
            "message_id": sms.message_id,
            "cost": sms.cost,
            "reason": sms.reason,
            # As one string: every reader and writer would have to take a list of maps apart and put it together.
            "history": json.dumps(sms.history, ensure_ascii=False, separators=(",", ":")),
            "requests": list(sms.requests),
        },
    }
    if order.due_at:
        item |= due_fields(order.id, order.due_at)
    if sms.to and order.open_attempts:
        # An orphaned delivery report finds the orders it may belong to by this.
        item["unsettled_number"] = sms.to
    return item


def order_from_item(item: Item) -> Order:
    """Return the order of a stored item."""
    sms = item["sms"]
    return Order(
        id=item["id"],
        customer=item["customer"],
        customer_code=item["customer_code"],
        customer_name=item["customer_name"],
        item=item["item"],
        amount=Decimal(item["amount"]),
        currency=item["currency"],
        order_date=item["order_date"],
        reference=item.get("reference"),
        status=item["status"],
        version=int(item["version"]),
        due_at=item.get("due_at"),
        text_until=item.get("text_until"),
        client=item["client"],
        fingerprint=item["fingerprint"],
        list_shard=item["list_shard"],
        sms=Sms(
            status=Status(sms["status"]),
            to=sms["to"],
            content=Content(sms["text"], sms["encoding"], int(sms["segments"])),
            updated_at=sms["updated_at"],
            attempts=int(sms["attempts"]),
            retries=int(sms["retries"]),
            message_id=sms.get("message_id"),
            cost=sms.get("cost"),
            reason=sms.get("reason"),
            history=_history(sms["history"]),
            requests=tuple(sms.get("requests", ())),
        ),
    )


def _history(stored: str | list[Item]) -> tuple[dict[str, Any], ...]:
    if isinstance(stored, str):
        return tuple(json.loads(stored))
    # Orders from before 2026-11-24 have a list, which comes back with numbers as Decimal and names in any order.
    return tuple(
        {name: int(entry[name]) if name == "attempt" else entry[name] for name in _HISTORY_ENTRY if name in entry}
        for entry in stored
    )


def reference_to_item(order: Order) -> Item:
    """Return the item that keeps the order's reference unique for its client."""
    return {"id": f"reference#{order.client}#{order.reference}", "order_id": order.id}


# Provider messages


def message_item_id(provider_id: str) -> str:
    """Return the id of the item about this provider message."""
    return f"{_MESSAGE}{provider_id}"


def message_from_item(item: Item) -> ProviderMessage:
    """Return the provider message of a stored item."""
    return ProviderMessage(
        id=item["id"].removeprefix(_MESSAGE),
        order_id=item.get("order_id"),
        attempt=int(item.get("attempt", 0)),
        reports=frozenset(DeliveryReport(*json.loads(text)) for text in item.get("reports", ())),
        received_at=item.get("received_at"),
    )


def report_to_text(report: DeliveryReport) -> str:
    """Return a delivery report as one member of its message's set: what it says about one number is about no other."""
    return json.dumps(astuple(report), ensure_ascii=False)


# Erasures and control


def erasure_item_id(customer_code: str) -> str:
    """Return the id of the item that reminds the sweep of an erased customer."""
    return f"{_ERASURE}{customer_code}"


def erasure_note_from_item(item: Item) -> ErasureNote:
    """Return the erasure note of a stored item."""
    return ErasureNote(item["customer"], item["id"].removeprefix(_ERASURE), item.get("due_at"))


def is_control(item_id: str) -> bool:
    """Return whether an item steers the senders and holds no data."""
    return item_id.startswith(_CONTROL)


def retention_position_from_item(item: Item) -> dict[str, str]:
    """Return, for each list shard, the sort key of the last order whose text was forgotten for its age."""
    return dict(item["until"])


def row_from_item(item: Item) -> Order | ProviderMessage | ErasureNote | None:
    """Return what an item of the orders table is about, or None for any other item, such as a reference."""
    item_id = item.get("id", "")
    if item_id.startswith(_MESSAGE):
        return message_from_item(item)
    if item_id.startswith(_ERASURE):
        return erasure_note_from_item(item)
    return order_from_item(item) if "sms" in item else None
