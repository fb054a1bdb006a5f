"""Items: values in DynamoDB's form, and what the items of every subject have in common.

Only the store knows how what it keeps looks in the two tables; each subject's module has the form of its own items. Items that
are not orders share the orders table under ids with a prefix: `reference#` (which order has a client's reference), `message#`
(a provider message), `erasure#` (whose orders to look for once more) and `control#` (the pause of sending, how far texts are
forgotten). Phone numbers (`number#`) and the shop's
wording (`wording#`) share the customers table under codes with a prefix.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zlib import crc32

from sales.domain.clock import DAY_SECONDS, plus

__all__ = [
    "DUE_SHARDS",
    "Item",
    "due_fields",
    "due_shard",
    "expiry",
    "list_shard",
    "marshal_item",
    "unmarshal_item",
]

# Fixed, so that no setting can hide what is due. Eight partitions take 8,000 changes of state a second.
DUE_SHARDS = 8
# A provider message's reports come within days; after that the order alone is enough.
_MESSAGE_DAYS = 30

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
