"""Phone numbers in the store: who wants no texts, and which sender ids the network refuses for them.

Both outlive the customer: they also hold for a later owner of the number, and an erasure keeps them, since the key is a digest.
"""

import hashlib
from datetime import datetime
from typing import Any, NamedTuple

from sales.domain.clock import format_time
from sales.store.items import Item, unmarshal_item
from sales.store.table import Conflict, Connection, Table

__all__ = ["NumberState", "Numbers", "number_key", "number_state"]


class NumberState(NamedTuple):
    """Whether a number has opted out, the sender ids that the network refuses for it, and its texts on the last day it got any."""

    opted_out: bool = False
    blocked_senders: frozenset[str] = frozenset()
    texts_day: str = ""
    texts: int = 0


def number_key(number: str) -> str:
    """Return the key of a number's item in the customers table."""
    return f"number#{hashlib.sha256(number.encode()).hexdigest()}"


def number_state(item: Item | None) -> NumberState:
    """Return what a stored item says about its number; nothing is known without one."""
    item = item or {}
    return NumberState(
        opted_out=item.get("sms_opted_out", False),
        blocked_senders=frozenset(item.get("blocked_senders", ())),
        texts_day=item.get("texts_day", ""),
        texts=int(item.get("texts", 0)),
    )


class Numbers:
    """The numbers. Safe to share between threads; every method may raise Problem `unavailable`."""

    def __init__(self, connection: Connection, table: Table) -> None:
        self._connection = connection
        self._table = table

    def state(self, number: str) -> NumberState:
        """Return what is known about this number now."""
        # As all that senders read: their roles allow no GetItem.
        items = self._connection.get_many([(self._table.name, {"code": number_key(number)})])
        return number_state(unmarshal_item(items[0][1]) if items else None)

    def opt_out(self, number: str, now: datetime) -> bool:
        """Store that this number wants no texts; return whether it accepted them before."""
        try:
            self._set(
                number,
                "SET updated_at = :now, sms_opted_out = :yes",
                {":yes": True, ":no": False},
                now,
                condition="attribute_not_exists(sms_opted_out) OR sms_opted_out = :no",
            )
        except Conflict:
            return False
        return True

    def opt_in(self, number: str, now: datetime) -> None:
        """Store that this number accepts texts again, if it had opted out."""
        self._lift(number, "SET updated_at = :now, sms_opted_out = :no", {":no": False}, now)

    def block(self, number: str, sender: str, now: datetime) -> None:
        """Store that the network refuses texts from this sender id to this number."""
        self._set(number, "SET updated_at = :now ADD blocked_senders :sender", {":sender": frozenset({sender})}, now)

    def lift_block(self, number: str, sender: str, now: datetime) -> None:
        """Store that texts from this sender id may be tried again."""
        self._lift(
            number, "SET updated_at = :now DELETE blocked_senders :sender", {":sender": frozenset({sender})}, now
        )

    def _set(self, number: str, expression: str, values: dict[str, Any], now: datetime, condition: str = "") -> None:
        values = values | {":now": format_time(now)}
        self._table.update({"code": number_key(number)}, expression, values, condition=condition)

    def _lift(self, number: str, expression: str, values: dict[str, Any], now: datetime) -> None:
        try:
            self._set(number, expression, values, now, condition="attribute_exists(code)")
        except Conflict:
            # Nothing was known about the number.
            return
