"""Customers in the store, and the numbers that have opted out."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from sales.domain.clock import format_time
from sales.domain.customers import Customer
from sales.store.items import Item, list_shard
from sales.store.table import BATCH_GET, Conflict, Page, Put, Table, conflicts_as

__all__ = ["Customers", "customer_from_item", "customer_to_item", "email_key", "opt_out_key"]


def email_key(email: str) -> str:
    """Return what e-mail addresses are found by: people write them in either case."""
    return email.lower()


def opt_out_key(number: str) -> str:
    """Return the key of a number's opt-out, which also holds for a later owner of the number.

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


class Customers:
    """The customers. Safe to share between threads; every method may raise Problem `unavailable`."""

    def __init__(self, table: Table, shards: int) -> None:
        self._table = table
        self._shards = shards
        self._all_shards = [str(shard) for shard in range(shards)]

    def get(self, code: str) -> Customer | None:
        """Return the customer with this code, or None."""
        item = self._table.get({"code": code})
        return customer_from_item(item) if item else None

    def add(self, customer: Customer) -> Customer:
        """Store a new customer and return it; raise Conflict with the customer that already has its code."""
        stored = replace(customer, list_shard=list_shard(customer.id, self._shards))
        with conflicts_as(customer_from_item):
            self._table.put_if(Put(customer_to_item(stored), "attribute_not_exists(code)"))
        return stored

    def replace(self, customer: Customer) -> Customer:
        """Store the customer in place of the version before and return it; raise Conflict with another version."""
        with conflicts_as(customer_from_item):
            self._table.put_if(Put.replacing(customer_to_item(customer)))
        return customer

    def change(
        self,
        code: str,
        changes: Mapping[str, Any],
        now: datetime,
        *,
        customer_id: str | None = None,
        if_version: Collection[int] | None = None,
    ) -> Customer:
        """Set these fields and raise the version, in one write that touches no other field; return the customer.

        Raise Conflict with the customer that is stored if it is erased or at none of the versions asked for, or with None
        if no customer has this code and, if one is given, this id.
        """
        fields = dict(changes)
        if "email" in fields:
            fields["email_key"] = email_key(fields["email"])
        # As in `Table.put_if`: a repeated request must neither fail for the first one nor raise the version again.
        write_id = uuid4().hex
        names = {"#version": "version"} | {f"#{name}": name for name in fields}
        values: Item = {":one": 1, ":now": format_time(now), ":write": write_id}
        values |= {f":{name}": value for name, value in fields.items()}
        condition = "attribute_exists(code) AND attribute_not_exists(erased) AND NOT write_id = :write"
        if customer_id is not None:
            condition += " AND id = :id"
            values[":id"] = customer_id
        if if_version is not None:
            # No customer has version 0, so an empty collection matches none.
            wanted = {f":version{number}": version for number, version in enumerate(sorted(if_version) or [0])}
            condition += f" AND #version IN ({', '.join(wanted)})"
            values |= wanted
        assignments = ", ".join(["updated_at = :now, write_id = :write", *(f"#{name} = :{name}" for name in fields)])
        expression = f"SET {assignments} ADD #version :one"
        try:
            item = self._table.update({"code": code}, expression, values, names=names, condition=condition)
        except Conflict as conflict:
            current: Item | None = conflict.current
            if current is None or customer_id not in (None, current["id"]):
                raise Conflict(None) from None
            if current.get("write_id") != write_id:
                raise Conflict(customer_from_item(current)) from None
            item = current
        return customer_from_item(item)

    def page(self, filters: Mapping[str, str], *, follows: str | None, limit: int) -> Page[Customer]:
        """Return a page of the customers, newest first, that match all filters (code, phone_number, email)."""
        keys = {
            name: ("email_key", email_key(value)) if name == "email" else (name, value)
            for name, value in filters.items()
        }
        if "code" in keys:
            _, code = keys.pop("code")
            item = self._table.get({"code": code})
            matches = item is not None and all(item.get(name) == value for name, value in keys.values())
            return Page([customer_from_item(item)] if item and matches else [], None)
        for name in ("email", "phone_number"):
            if name in keys:
                key, value = keys.pop(name)
                rest = dict(keys.values())
                page = self._table.page(f"by_{name}", key, [value], follows=follows, limit=limit, filters=rest)
                return page.of(customer_from_item)
        page = self._table.page("by_date", "list_shard", self._all_shards, follows=follows, limit=limit)
        return page.of(customer_from_item)

    def has_opted_out(self, number: str) -> bool:
        """Tell whether this number wants no texts."""
        item = self._table.get({"code": opt_out_key(number)})
        return bool(item and item["sms_opted_out"])

    def opt_out(self, number: str, now: datetime) -> int:
        """Store that this number wants no texts, also for each customer who has it; return how many customers that changed."""
        self._note_opt_out(number, now, opted_out=True)
        changed = 0
        follows: str | None = None
        while True:
            page = self.page({"phone_number": number}, follows=follows, limit=BATCH_GET)
            for customer in page.rows:
                try:
                    self.change(customer.code, {"sms_opted_out": True}, now)
                except Conflict:
                    # Erased in the meantime.
                    continue
                changed += 1
            if page.next is None:
                return changed
            follows = page.next

    def opt_in(self, number: str, now: datetime) -> None:
        """Store that this number accepts texts again, if it had opted out; its customers stay as they are."""
        try:
            self._note_opt_out(number, now, opted_out=False, condition="attribute_exists(code)")
        except Conflict:
            return

    def _note_opt_out(self, number: str, now: datetime, *, opted_out: bool, condition: str = "") -> None:
        self._table.update(
            {"code": opt_out_key(number)},
            "SET sms_opted_out = :opted_out, updated_at = :now",
            {":opted_out": opted_out, ":now": format_time(now)},
            condition=condition,
        )
