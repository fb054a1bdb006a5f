"""Orders in the store."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from sales.domain import clock
from sales.domain.clock import format_time, parse_time
from sales.domain.ids import id_and_code
from sales.domain.orders import Order, Sms
from sales.domain.shop_time import day_of, first_moment
from sales.domain.sms.segments import Content
from sales.domain.sms.states import Status
from sales.store.items import Item, due_fields, expiry, list_shard
from sales.store.table import BATCH_GET, CONFLICT_TRIES, Conflict, Page, Put, Table, conflicts_as, unavailable

if TYPE_CHECKING:
    from sales.store.days import Days
    from sales.store.group_commit import GroupCommit

__all__ = ["Orders", "ReferenceTakenError", "order_from_item", "order_to_item", "sms_shard"]

_NEW = "attribute_not_exists(id)"


def sms_shard(status: str, shard: str) -> str:
    """Return the partition of the index by SMS status for a list shard."""
    return f"{status}#{shard}"


def order_to_item(order: Order) -> Item:
    """Return the order as it is stored, with the attributes that its indexes are keyed by."""
    sms = order.sms
    item: Item = {
        "id": order.id,
        "code": order.code,
        "customer": order.customer,
        "customer_code": order.customer_code,
        "customer_name": order.customer_name,
        "customer_language": order.customer_language,
        "item": order.item,
        "amount": order.amount,
        "currency": order.currency,
        "order_date": order.order_date,
        "reference": order.reference,
        "status": order.status,
        "version": order.version,
        "text_until": order.text_until,
        "created_by": order.created_by,
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
            "language": sms.content.language,
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
        customer_language=item.get("customer_language"),
        item=item["item"],
        amount=Decimal(item["amount"]),
        currency=item["currency"],
        order_date=item["order_date"],
        reference=item.get("reference"),
        status=item["status"],
        version=int(item["version"]),
        due_at=item.get("due_at"),
        text_until=item.get("text_until"),
        created_by=item.get("created_by", ""),
        client=item["client"],
        fingerprint=item["fingerprint"],
        list_shard=item["list_shard"],
        sms=Sms(
            status=Status(sms["status"]),
            to=sms["to"],
            content=Content(sms["text"], sms["encoding"], int(sms["segments"]), sms.get("language")),
            updated_at=sms["updated_at"],
            attempts=int(sms["attempts"]),
            retries=int(sms["retries"]),
            message_id=sms.get("message_id"),
            cost=sms.get("cost"),
            reason=sms.get("reason"),
            history=tuple(json.loads(sms["history"])),
            requests=tuple(sms.get("requests", ())),
        ),
    )


def _reference_to_item(order: Order) -> Item:
    """Return the item that keeps the order's reference unique for its client."""
    return {"id": f"reference#{order.client}#{order.reference}", "order_id": order.id}


class ReferenceTakenError(Exception):
    """Another order of the client has the reference; `order_id` is its id."""

    def __init__(self, order_id: str) -> None:
        super().__init__(order_id)
        self.order_id = order_id


class Orders:
    """The orders. Safe to share between threads; every method may raise Problem `unavailable`."""

    def __init__(self, table: Table, shards: int, zone: tzinfo, days: "Callable[[], Days]") -> None:
        """`zone` is the shop's time; `days` returns the store of its days."""
        self._zone = zone
        self._days = days
        self._table = table
        self._shards = shards
        self._all_shards = [str(shard) for shard in range(shards)]

    @cached_property
    def _group(self) -> "GroupCommit[Put]":
        # Late: only senders and imports write in groups.
        from sales.store.group_commit import GROUP, GroupCommit

        return GroupCommit(self._table.put_all_if, GROUP)

    def get(self, order_id: str) -> Order | None:
        """Return the order with this id, or None; other items of the table are no orders."""
        item = self._table.get({"id": order_id})
        return order_from_item(item) if item and "sms" in item else None

    def get_many(self, ids: Iterable[str]) -> dict[str, Order]:
        """Return the orders with these ids, by id; 100 a round trip."""
        items = self._table.get_many({"id": order_id} for order_id in set(ids))
        return {item["id"]: order_from_item(item) for item in items}

    def ids_with_code(self, code: str, limit: int) -> list[str]:
        """Return the ids of up to `limit` orders with this code, sorted; ordinarily there is one.

        The index gets a new order a moment after the table does.
        """
        return sorted(row["id"] for row in self._table.query("by_code", "code = :code", {":code": code}, limit=limit))

    def with_reference(self, reference: str) -> list[Order]:
        """Return the orders with this reference, newest first: up to 100, of as many clients.

        The index gets a new one a moment after the table does.
        """
        return self._table.page("by_reference", "reference", [reference], limit=BATCH_GET).of(order_from_item).rows

    def add(self, order: Order, *, in_group: bool = False) -> Order:
        """Store a new order and return it; raise Conflict with the order that already has its id.

        Raise ReferenceTakenError if another order of the client has the reference. One put without a reference, with one a
        transaction of two. With `in_group` an order with a reference goes out with what other threads write at this moment.
        """
        stored = order._replace(list_shard=list_shard(order.id, self._shards))
        put = Put(order_to_item(stored), _NEW)
        if order.reference is None:
            with conflicts_as(order_from_item):
                self._table.put_if(put)
            return stored
        taken = Put(_reference_to_item(order), _NEW)
        try:
            if in_group:
                self._group.put((order.id, put), (taken.item["id"], taken))
            else:
                self._table.put_all_if([put, taken])
        except Conflict as conflict:
            current, reference = conflict.current
            if current:
                raise Conflict(order_from_item(current)) from None
            if reference:
                raise ReferenceTakenError(reference["order_id"]) from None
            raise unavailable() from None
        return stored

    def _replacing(self, order: Order) -> Put:
        """Return the write that changes an order. Every change is made here, so that no day's figures miss one.

        Mark the order's day before, if it is over: the sweep may have counted it already. A new order needs no mark, since
        the function that dates it also writes it, long before its day is counted.
        """
        now = clock.now()
        if order.order_date < format_time(first_moment(day_of(now, self._zone), self._zone)):
            # Late: most orders change on their own day.
            self._days().mark(day_of(parse_time(order.order_date), self._zone), now)
        return Put.replacing(order_to_item(order))

    def replace(self, order: Order, *, in_group: bool = False) -> Order:
        """Store the order in place of the version before and return it; raise Conflict with another version.

        With `in_group` it goes out with what other threads write at this moment: far less work where many do, and twice the
        write units.
        """
        put = self._replacing(order)
        if not in_group:
            with conflicts_as(order_from_item):
                self._table.put_if(put)
            return order
        try:
            self._group.put((order.id, put))
        except Conflict as conflict:
            [current] = conflict.current
            raise Conflict(order_from_item(current) if current else None) from None
        return order

    def replace_with_message(self, order: Order, message_id: str, now: datetime) -> Order:
        """Store the order in place of the version before, and that this provider message is about it; return the order.

        Both are written or neither, with what other threads write at this moment. Raise Conflict with what was in the way:
        another version of the order, or what reports that were faster than the answer have told of the message.
        """
        # Late: only senders know of messages.
        from sales.store.provider_messages import message_from_item, message_item_id

        message: Item = {
            "id": message_item_id(message_id),
            "order_id": order.id,
            "attempt": order.sms.attempts,
            "expires_at": expiry(now),
        }
        try:
            self._group.put((order.id, self._replacing(order)), (message["id"], Put(message, _NEW)))
        except Conflict as conflict:
            current, known = conflict.current
            if current:
                raise Conflict(order_from_item(current)) from None
            raise Conflict(message_from_item(known) if known else None) from None
        return order

    def change(self, order: Order, change: Callable[[Order], Order | None]) -> Order:
        """Apply the change to the order as it is when it is written, and return the order afterwards.

        `change` starts again from the newer order after a conflict; it returns None if the order is to stay as it is.
        """
        for _ in range(CONFLICT_TRIES):
            changed = change(order)
            if changed is None:
                return order
            try:
                return self.replace(changed)
            except Conflict as conflict:
                if conflict.current is None:
                    raise
                order = conflict.current
        raise unavailable()

    def page(
        self, filters: Mapping[str, str], *, since: str | None, until: str | None, follows: str | None, limit: int
    ) -> Page[Order]:
        """Return a page of the orders, newest first, that match all filters (reference, customer, status, sms_status).

        `since` and `until` bound the sort key. A page may hold fewer rows than asked for and still have a next one.
        """
        rest = dict(filters)
        if status := rest.pop("sms_status", ""):
            rest["sms.status"] = status
        customer, code = rest.pop("customer", ""), ""
        if customer:
            # The id has the code in it, and any row tells whether the id is right: no need to read the customer.
            customer_id, code = id_and_code(customer)
            rest |= {"customer": customer_id} if customer_id else {}
        if reference := rest.pop("reference", ""):
            rest |= {"customer_code": code} if customer else {}
            index, key, partitions = "by_reference", "reference", [reference]
        elif customer:
            index, key, partitions = "by_customer", "customer_code", [code]
        elif status:
            del rest["sms.status"]
            index, key, partitions = (
                "by_sms_status",
                "sms_shard",
                [sms_shard(status, shard) for shard in self._all_shards],
            )
        else:
            index, key, partitions = "by_date", "list_shard", self._all_shards
        page = self._table.page(
            index, key, partitions, since=since, until=until, follows=follows, limit=limit, filters=rest
        )
        return page.of(order_from_item)

    def longest_queued(self, limit: int = 10) -> list[Order]:
        """Return the oldest orders whose text is queued, up to `limit` from each list shard."""
        return [
            order_from_item(item)
            for shard in self._all_shards
            for item in self._table.query(
                "by_sms_status", "sms_shard = :shard", {":shard": sms_shard(Status.queued, shard)}, limit=limit
            )
        ]

    def count_queued(self, most: int) -> int:
        """Return how many orders have a text that is queued, counted up to `most`."""
        count = 0
        for shard in self._all_shards:
            values = {":shard": sms_shard(Status.queued, shard)}
            count += self._table.count("by_sms_status", "sms_shard = :shard", values, most - count)
        return count

    def first_date(self) -> str | None:
        """Return when the first of all orders was created, or None without orders."""
        firsts = [
            item["order_date"]
            for shard in self._all_shards
            for item in self._table.query("by_date", "list_shard = :shard", {":shard": shard}, limit=1)
        ]
        return min(firsts, default=None)

    def created_between(self, shard: int, follows: str | None, until: str, limit: int) -> list[Order]:
        """Return orders of a list shard, oldest first, from after the one with this sort key up to those created then."""
        condition = "list_shard = :shard AND sort_key BETWEEN :follows AND :until"
        # BETWEEN includes its ends; the first string after a sort key is that key with one more character.
        values = {":shard": str(shard), ":follows": f"{follows} " if follows else " ", ":until": until}
        return [order_from_item(item) for item in self._table.query("by_date", condition, values, limit=limit)]
