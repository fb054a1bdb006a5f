"""Provider messages in the store: whose they are, and which delivery reports came."""

import json
from datetime import datetime

from sales.domain.clock import format_time
from sales.domain.orders import Order
from sales.domain.sms.delivery_reports import DeliveryReport, ProviderMessage
from sales.store.items import Item, due_shard, expiry
from sales.store.orders import order_from_item
from sales.store.table import Conflict, Table

__all__ = ["ProviderMessages", "is_message", "message_from_item", "message_item_id"]

_PREFIX = "message#"


def message_item_id(provider_id: str) -> str:
    """Return the id of the item about this provider message."""
    return f"{_PREFIX}{provider_id}"


def is_message(item: Item) -> bool:
    """Return whether an item of the orders table is about a provider message."""
    return str(item["id"]).startswith(_PREFIX)


def message_from_item(item: Item) -> ProviderMessage:
    """Return the provider message of a stored item."""
    return ProviderMessage(
        id=item["id"].removeprefix(_PREFIX),
        order_id=item.get("order_id"),
        attempt=int(item.get("attempt", 0)),
        reports=frozenset(DeliveryReport(*json.loads(text)) for text in item.get("reports", ())),
        received_at=item.get("received_at"),
        network=item.get("network"),
    )


def _report_to_text(report: DeliveryReport) -> str:
    """Return a delivery report as one member of its message's set: what it says about one number is about no other."""
    return json.dumps(report, ensure_ascii=False)


class ProviderMessages:
    """The provider messages. Safe to share between threads; every method may raise Problem `unavailable`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def link(self, message_id: str, order: Order, now: datetime) -> ProviderMessage:
        """Store which order and attempt this message is about; return it with the reports that were faster than the answer.

        A message that is due stays due until `settle`: the caller may stop before the order has its reports.
        """
        return self._update(
            message_id,
            "SET order_id = :order, attempt = :attempt, expires_at = :expires REMOVE unsettled_number",
            {":order": order.id, ":attempt": order.sms.attempts, ":expires": expiry(now)},
        )

    def add_report(
        self, message_id: str, report: DeliveryReport, network: str | None, now: datetime
    ) -> ProviderMessage:
        """Store a delivery report, and the network if it names one; return its message, with its order if that is known yet."""
        sets = "received_at = if_not_exists(received_at, :now), expires_at = :expires"
        values = {":report": frozenset({_report_to_text(report)}), ":now": format_time(now), ":expires": expiry(now)}
        if network:
            # Not part of the report: two reports that say the same are one, whether or not both name the network.
            sets, values[":network"] = f"{sets}, network = :network", network
        return self._update(message_id, f"SET {sets} ADD reports :report", values)

    def search_later(self, message: ProviderMessage, due_at: datetime) -> None:
        """Have the sweep look for the order of an orphaned report then."""
        self._update(
            message.id,
            "SET due_shard = :shard, due_at = :due, unsettled_number = :number, sort_key = :sort",
            {
                ":shard": due_shard(message_item_id(message.id)),
                ":due": format_time(due_at),
                ":number": message.number,
                ":sort": f"{message.received_at}#{message.id}",
            },
        )

    def settle(self, message_id: str) -> None:
        """End the search for a message's order: it has one, which knows the reports."""
        self._update(message_id, "REMOVE due_shard, due_at", {})

    def forget_number(self, message_id: str) -> None:
        """Remove the number a message went to, and end the search for its order; do nothing if the message does not exist.

        A later report brings the number again.
        """
        try:
            self._update(
                message_id,
                "REMOVE reports, network, unsettled_number, due_shard, due_at, sort_key",
                {},
                condition="attribute_exists(id)",
            )
        except Conflict:
            return

    def open_for(self, number: str) -> list[Order | ProviderMessage]:
        """Return the orders with an open attempt to this number, and the orphaned messages whose reports name it."""
        items = self._table.query("by_number", "unsettled_number = :number", {":number": number})
        return [message_from_item(item) if is_message(item) else order_from_item(item) for item in items]

    def _update(self, message_id: str, expression: str, values: Item, *, condition: str = "") -> ProviderMessage:
        key = {"id": message_item_id(message_id)}
        return message_from_item(self._table.update(key, expression, values, condition=condition))
