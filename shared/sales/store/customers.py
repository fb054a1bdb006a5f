"""Customers in the store."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sales.domain.clock import format_time
from sales.domain.customers import Customer
from sales.store.items import Item, list_shard
from sales.store.table import BATCH_GET, Conflict, Page, Put, Table, conflicts_as

if TYPE_CHECKING:
    from sales.store.group_commit import GroupCommit

__all__ = ["Customers", "customer_from_item", "customer_to_item", "email_key"]


def email_key(email: str) -> str:
    """Return what e-mail addresses are found by: people write them in either case."""
    return email.lower()


def customer_to_item(customer: Customer) -> Item:
    """Return the customer as it is stored, with the attributes that its indexes are keyed by."""
    item: Item = {
        "id": customer.id,
        "code": customer.code,
        "name": customer.name,
        "phone_number": customer.phone_number,
        "email": customer.email,
        "email_key": email_key(customer.email),
        "language": customer.language,
        "created_at": customer.created_at,
        "created_by": customer.created_by,
        "updated_at": customer.updated_at,
        "updated_by": customer.updated_by,
        "version": customer.version,
        "sms_opted_out": customer.sms_opted_out,
        "blocked_sender": customer.blocked_sender,
        "fingerprint": customer.fingerprint,
        "list_shard": customer.list_shard,
        "sort_key": customer.sort_key,
    }
    if customer.erased:
        # An index key must not be empty; and an erased customer must not be found by name, number or e-mail.
        for name in ("name", "phone_number", "email", "email_key"):
            del item[name]
        return item | {"erased": True}
    return item | _search_fields({"name": customer.name, "phone_number": customer.phone_number}, customer.created_at)


def _search_fields(fields: Mapping[str, Any], created_at: str) -> Item:
    """Return the attributes by which a search finds these fields of a customer; None for a name that it lacks."""
    # Late: only those who write names and numbers need it.
    from sales.domain.search import MOST_NAMES, name_keys, number_keys

    searched: Item = {}
    if "name" in fields:
        keys = dict(enumerate(name_keys(fields["name"], created_at), start=1))
        for place in range(1, MOST_NAMES + 1):
            searched[f"initial_{place}"], searched[f"name_{place}"] = keys.get(place, (None, None))
    if "phone_number" in fields:
        searched["number_end"], searched["number_start"] = number_keys(fields["phone_number"], created_at)
    return searched


def customer_from_item(item: Item, sender: str = "") -> Customer:
    """Return the customer of a stored item; it shows as blocked if its number refuses this sender id."""
    blocked_sender = item.get("blocked_sender", "")
    return Customer(
        id=item["id"],
        code=item["code"],
        name=item.get("name", ""),
        phone_number=item.get("phone_number", ""),
        email=item.get("email", ""),
        language=item.get("language"),
        created_at=item["created_at"],
        created_by=item.get("created_by", ""),
        updated_at=item["updated_at"],
        updated_by=item.get("updated_by", ""),
        version=int(item["version"]),
        sms_opted_out=item["sms_opted_out"],
        blocked_sender=blocked_sender,
        sms_blocked=bool(blocked_sender) and blocked_sender == sender,
        erased=item.get("erased", False),
        fingerprint=item["fingerprint"],
        list_shard=item["list_shard"],
    )


class Customers:
    """The customers. Safe to share between threads; every method may raise Problem `unavailable`."""

    def __init__(self, table: Table, shards: int, sender: str) -> None:
        self._table = table
        self._sender = sender
        self._shards = shards
        self._all_shards = [str(shard) for shard in range(shards)]

    def read(self, item: Item) -> Customer:
        """Return the customer of a stored item, blocked if its number refuses our sender id."""
        return customer_from_item(item, self._sender)

    def get(self, code: str) -> Customer | None:
        """Return the customer with this code, or None."""
        item = self._table.get({"code": code})
        return self.read(item) if item else None

    def get_many(self, codes: Iterable[str]) -> dict[str, Customer]:
        """Return the customers with these codes, by code; 100 a round trip."""
        return {item["code"]: self.read(item) for item in self._table.get_many({"code": code} for code in set(codes))}

    @cached_property
    def _group(self) -> "GroupCommit[Put]":
        # Late: only imports write in groups.
        from sales.store.group_commit import GROUP, GroupCommit

        return GroupCommit(self._table.put_all_if, GROUP)

    def add(self, customer: Customer, *, in_group: bool = False) -> Customer:
        """Store a new customer and return it; raise Conflict with the customer that already has its code.

        With `in_group` it goes out with what other threads write at this moment: far less work, and twice the write units.
        """
        stored = customer._replace(list_shard=list_shard(customer.id, self._shards))
        put = Put(customer_to_item(stored), "attribute_not_exists(code)")
        if not in_group:
            with conflicts_as(self.read):
                self._table.put_if(put)
            return stored
        try:
            self._group.put((customer.code, put))
        except Conflict as conflict:
            [current] = conflict.current
            raise Conflict(self.read(current) if current else None) from None
        return stored

    def replace(self, customer: Customer) -> Customer:
        """Store the customer in place of the version before and return it; raise Conflict with another version."""
        with conflicts_as(self.read):
            self._table.put_if(Put.replacing(customer_to_item(customer)))
        return customer

    def erase(self, customer: Customer, identity: str) -> Customer:
        """Store the erased customer as `replace` does, and in the same write that no import may create it again.

        `identity` is what an import knows the customer by.
        """
        # Late: only an erasure does so.
        from sales.store.imports import erased_note

        try:
            self._table.put_all_if([Put.replacing(customer_to_item(customer)), erased_note(identity)])
        except Conflict as conflict:
            current, _ = conflict.current
            if current:
                raise Conflict(self.read(current)) from None
            # The person was erased once before, and had come back.
            return self.replace(customer)
        return customer

    def change(
        self,
        code: str,
        changes: Mapping[str, Any],
        now: datetime,
        *,
        by: str,
        customer_id: str | None = None,
        if_version: Collection[int] | None = None,
    ) -> Customer:
        """Set these fields (None removes a field) and raise the version, in one write that touches no other field.

        Return the customer.
        `by` is who changes them, empty for the system itself.
        Raise Conflict with the customer that is stored if it is erased or at none of the versions asked for, or with None
        if no customer has this code and, if one is given, this id.
        """
        fields = dict(changes)
        if "email" in fields:
            fields["email_key"] = email_key(fields["email"])
        if fields.pop("sms_blocked", None) is False or "phone_number" in fields:
            # A block belongs to the number that the network refused.
            fields["blocked_sender"] = ""
        # As in `Table.put_if`: a repeated request must neither fail for the first one nor raise the version again.
        write_id = uuid4().hex
        if {"name", "phone_number"} & fields.keys():
            # A customer's search keys begin with its name or number and end with its time, which never changes.
            known = self.get(code)
            if known is None:
                raise Conflict(None)
            fields |= _search_fields(fields, known.created_at)
        names = {"#version": "version"} | {f"#{name}": name for name in fields}
        values: Item = {":one": 1, ":now": format_time(now), ":by": by, ":write": write_id}
        values |= {f":{name}": value for name, value in fields.items() if value is not None}
        condition = "attribute_exists(code) AND attribute_not_exists(erased) AND NOT write_id = :write"
        if customer_id is not None:
            condition += " AND id = :id"
            values[":id"] = customer_id
        if if_version is not None:
            # No customer has version 0, so an empty collection matches none.
            wanted = {f":version{number}": version for number, version in enumerate(sorted(if_version) or [0])}
            condition += f" AND #version IN ({', '.join(wanted)})"
            values |= wanted
        own = "updated_at = :now, updated_by = :by, write_id = :write"
        assignments = ", ".join([own, *(f"#{name} = :{name}" for name, value in fields.items() if value is not None)])
        removed = ", ".join(f"#{name}" for name, value in fields.items() if value is None)
        expression = f"SET {assignments} {f'REMOVE {removed} ' if removed else ''}ADD #version :one"
        try:
            item = self._table.update({"code": code}, expression, values, names=names, condition=condition)
        except Conflict as conflict:
            current: Item | None = conflict.current
            if current is None or customer_id not in (None, current["id"]):
                raise Conflict(None) from None
            if current.get("write_id") != write_id:
                raise Conflict(self.read(current)) from None
            item = current
        return self.read(item)

    def page(self, filters: Mapping[str, str], *, follows: str | None, limit: int) -> Page[Customer]:
        """Return a page of the customers, newest first, that match all filters.

        They are code, phone_number, email, and `sms_opted_out` and `sms_blocked` with the value `true`. With these two a page
        may hold fewer customers than asked for and still have a next one.
        """
        keys: dict[str, tuple[str, Any]] = {name: (name, value) for name, value in filters.items()}
        if "email" in keys:
            keys["email"] = ("email_key", email_key(filters["email"]))
        if "sms_opted_out" in keys:
            keys["sms_opted_out"] = ("sms_opted_out", True)
        if "sms_blocked" in keys:
            keys["sms_blocked"] = ("blocked_sender", self._sender)
        if "code" in keys:
            _, code = keys.pop("code")
            item = self._table.get({"code": code})
            matches = item is not None and all(item.get(name) == value for name, value in keys.values())
            return Page([self.read(item)] if item and matches else [], None)
        for name in ("email", "phone_number"):
            if name in keys:
                key, value = keys.pop(name)
                rest = dict(keys.values())
                page = self._table.page(f"by_{name}", key, [value], follows=follows, limit=limit, filters=rest)
                return page.of(self.read)
        rest = dict(keys.values())
        page = self._table.page("by_date", "list_shard", self._all_shards, follows=follows, limit=limit, filters=rest)
        return page.of(self.read)

    def with_number(self, number: str) -> list[Customer]:
        """Return all customers with this number, oldest first. The index gets a new one a moment after the table does."""
        rows = self._table.query("by_phone_number", "phone_number = :number", {":number": number})
        return [self.read(row) for row in rows]

    def change_all(self, number: str, changes: Mapping[str, Any], now: datetime, *, by: str) -> list[str]:
        """Set these fields of every customer who has this number, as `change` does; return the customers' ids."""
        changed: list[str] = []
        follows: str | None = None
        while True:
            page = self.page({"phone_number": number}, follows=follows, limit=BATCH_GET)
            for customer in page.rows:
                try:
                    self.change(customer.code, changes, now, by=by)
                except Conflict:
                    # Erased in the meantime.
                    continue
                changed.append(customer.id)
            if page.next is None:
                return changed
            follows = page.next
