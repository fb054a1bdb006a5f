"""The items that the sweep reads: what is due, the pause, the account's balance, and how far retention has come."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from sales.domain.clock import format_time
from sales.domain.customers import Customer, ErasureNote
from sales.domain.orders import Order
from sales.domain.sms.delivery_reports import ProviderMessage
from sales.store.customers import customer_from_item
from sales.store.items import DUE_SHARDS, Item, due_fields, expiry, unmarshal_item
from sales.store.numbers import NumberState, number_key, number_state
from sales.store.orders import order_from_item
from sales.store.provider_messages import is_message, message_from_item
from sales.store.table import Connection, Table

__all__ = [
    "DUE_SHARDS",
    "RETENTION_ID",
    "Account",
    "Due",
    "DueEntry",
    "DueItem",
    "Pause",
    "SendingState",
    "is_control",
    "retention_position_from_item",
    "row_from_item",
]

_ERASURE, _CONTROL = "erasure#", "control#"
_PAUSE_ID, RETENTION_ID, _ACCOUNT_ID = f"{_CONTROL}sms", f"{_CONTROL}texts", f"{_CONTROL}balance"

type DueItem = Order | ProviderMessage | ErasureNote


class DueEntry(NamedTuple):
    """An entry of the due index: which item to look at, and when."""

    id: str
    at: str


class Pause(NamedTuple):
    """Until when sending is paused, and which fault in the configuration caused that."""

    until: str
    reason: str

    def holds(self, now: datetime) -> bool:
        """Return whether it has not ended."""
        return self.until > format_time(now)


class Account(NamedTuple):
    """The last reading of the provider's account, if any, and when to ask again.

    `failures`: how many times in a row it could not be read since.
    """

    amount: Decimal | None = None
    currency: str | None = None
    at: str | None = None
    failures: int = 0
    ask_at: str = ""


class SendingState(NamedTuple):
    """The customers (by code) and numbers of some texts as they are now, and the pause: together they allow texts or not."""

    customers: Mapping[str, Customer]
    numbers: Mapping[str, NumberState]
    pause: Pause | None

    def is_paused(self, now: datetime) -> bool:
        """Return whether sending is paused now."""
        return self.pause is not None and self.pause.holds(now)


def _erasure_item_id(customer_code: str) -> str:
    """Return the id of the item that reminds the sweep of an erased customer."""
    return f"{_ERASURE}{customer_code}"


def _note_from_item(item: Item) -> ErasureNote:
    """Return the erasure note of a stored item."""
    return ErasureNote(item["customer"], item["id"].removeprefix(_ERASURE), item.get("due_at"))


def _pause_from_item(item: Item) -> Pause:
    return Pause(item["until"], item["reason"])


def is_control(item_id: str) -> bool:
    """Return whether an item steers the senders and holds no data."""
    return item_id.startswith(_CONTROL)


def retention_position_from_item(item: Item) -> dict[str, str]:
    """Return, for each list shard, the sort key of the last order whose text was forgotten for its age."""
    return dict(item["until"])


def row_from_item(item: Item) -> DueItem | None:
    """Return what an item of the orders table is about, or None for any other item, such as a reference."""
    if "id" in item and is_message(item):
        return message_from_item(item)
    if item.get("id", "").startswith(_ERASURE):
        return _note_from_item(item)
    return order_from_item(item) if "sms" in item else None


class Due:
    """Due items and what steers the senders. Safe to share between threads; every method may raise Problem `unavailable`."""

    def __init__(self, connection: Connection, orders: Table, customers: Table, sender: str) -> None:
        self._connection = connection
        self._sender = sender
        self._orders = orders
        self._customers = customers

    def entries(self, shard: int, *, until: str, limit: int, since: str = "") -> list[DueEntry]:
        """Return what is due by then in this partition of the due index, longest due first."""
        condition, values = "due_at <= :until", {":shard": str(shard), ":until": until}
        if since:
            condition, values[":since"] = "due_at BETWEEN :since AND :until", since
        items = self._orders.query("by_due", f"due_shard = :shard AND {condition}", values, limit=limit)
        return [DueEntry(item["id"], item["due_at"]) for item in items]

    def items(self, ids: Iterable[str]) -> list[DueItem]:
        """Return the items with these ids as they are now, in any order; a round trip for each hundred."""
        items = self._connection.get_many((self._orders.name, {"id": item_id}) for item_id in ids)
        rows = (row_from_item(unmarshal_item(item)) for _, item in items)
        return [row for row in rows if row is not None]

    def sending_state(self, orders: Sequence[Order]) -> SendingState:
        """Return whether the texts of these orders may go out now; a round trip for each hundred customers and numbers."""
        numbers = {number_key(order.sms.to): order.sms.to for order in orders}
        keys = [
            (self._orders.name, {"id": _PAUSE_ID}),
            *((self._customers.name, {"code": code}) for code in sorted({order.customer_code for order in orders})),
            *((self._customers.name, {"code": key}) for key in sorted(numbers)),
        ]
        pause = None
        customers: dict[str, Customer] = {}
        states: dict[str, NumberState] = {}
        for table, typed in self._connection.get_many(keys):
            item = unmarshal_item(typed)
            if table == self._orders.name:
                pause = _pause_from_item(item)
            elif item["code"] in numbers:
                states[numbers[item["code"]]] = number_state(item)
            else:
                customers[item["code"]] = customer_from_item(item, self._sender)
        return SendingState(customers, states, pause)

    def pause_sending(self, until: datetime, reason: str) -> None:
        """Let no sender start until then."""
        self._orders.put({"id": _PAUSE_ID, "until": format_time(until), "reason": reason})

    def account(self) -> tuple[Account, Pause | None]:
        """Return what is known of the provider's account, and the pause."""
        account, pause = Account(), None
        for _, typed in self._connection.get_many((self._orders.name, {"id": key}) for key in (_ACCOUNT_ID, _PAUSE_ID)):
            item = unmarshal_item(typed)
            if item["id"] == _PAUSE_ID:
                pause = _pause_from_item(item)
            else:
                amount = item.get("amount")
                account = Account(
                    amount=None if amount is None else Decimal(amount),
                    currency=item.get("currency"),
                    at=item.get("at"),
                    failures=int(item["failures"]),
                    ask_at=item["ask_at"],
                )
        return account, pause

    def save_account(self, account: Account) -> None:
        """Store what is known of the provider's account."""
        item = account._asdict()
        if account.amount is not None:
            # As the provider wrote it: DynamoDB drops the zeros at the end of a number.
            item["amount"] = str(account.amount)
        self._orders.put({"id": _ACCOUNT_ID, **item})

    def retention_position(self) -> dict[str, str]:
        """Return, for each list shard, the sort key of the last order whose text was forgotten for its age."""
        # As all that the sweep reads by its id: its role allows no GetItem.
        items = self._connection.get_many([(self._orders.name, {"id": RETENTION_ID})])
        return retention_position_from_item(unmarshal_item(items[0][1])) if items else {}

    def save_retention_position(self, position: Mapping[str, str]) -> None:
        """Store how far texts are forgotten."""
        self._orders.put({"id": RETENTION_ID, "until": dict(position)})

    def schedule_erasure_recheck(self, customer: Customer, due_at: datetime) -> None:
        """Have the sweep look once more for what we hold about an erased customer."""
        item_id = _erasure_item_id(customer.code)
        self._orders.put({"id": item_id, "customer": customer.id} | due_fields(item_id, format_time(due_at)))

    def end_erasure_recheck(self, note: ErasureNote, now: datetime) -> None:
        """Store that nothing is left to find; the note itself expires."""
        item_id = _erasure_item_id(note.customer_code)
        self._orders.put({"id": item_id, "customer": note.customer, "expires_at": expiry(now)})
