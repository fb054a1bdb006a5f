"""Customers: what one is, and how it is stored and shown."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zlib import crc32

from sales.domain.clock import format_time

__all__ = ["Customer", "email_key", "list_shard", "opt_out_key"]

type Item = dict[str, Any]


def list_shard(item_id: str, shards: int) -> str:
    """The write shard of the list index an item goes to; the number of shards may be raised at any time."""
    return str(crc32(item_id.encode()) % shards)


def email_key(email: str) -> str:
    """What e-mail addresses are found by: people write them in either case."""
    return email.lower()


def opt_out_key(number: str) -> str:
    """What a number's opt-out is kept under, beside the customers: whoever gets the number later is not texted either.

    A digest, so that the number itself is gone when its customer is erased, and the opt-out is not.
    """
    return f"optout#{hashlib.sha256(number.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer. `id` and `code` never change; `version` moves with every change."""

    id: str
    code: str
    name: str
    phone_number: str
    email: str
    created_at: str
    updated_at: str
    version: int = 1
    sms_opted_out: bool = False
    erased: bool = False
    fingerprint: str = ""
    list_shard: str = "0"

    @classmethod
    def new(
        cls,
        *,
        id: str,
        code: str,
        name: str,
        phone_number: str,
        email: str,
        now: datetime,
        fingerprint: str,
        shards: int,
    ) -> "Customer":
        """A customer as it is first stored."""
        created = format_time(now)
        return cls(
            id=id,
            code=code,
            name=name,
            phone_number=phone_number,
            email=email,
            created_at=created,
            updated_at=created,
            fingerprint=fingerprint,
            list_shard=list_shard(id, shards),
        )

    @property
    def sort_key(self) -> str:
        """Its place in lists: by creation, the id telling apart what was created in the same microsecond."""
        return f"{self.created_at}#{self.id}"

    @classmethod
    def from_item(cls, item: Item) -> "Customer":
        """The customer a stored item holds."""
        return cls(
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

    def to_item(self) -> Item:
        """The stored item."""
        item: Item = {
            "id": self.id,
            "code": self.code,
            "name": self.name,
            "phone_number": self.phone_number,
            "email": self.email,
            "email_key": email_key(self.email),
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "version": self.version,
            "sms_opted_out": self.sms_opted_out,
            "fingerprint": self.fingerprint,
            "list_shard": self.list_shard,
            "sort_key": self.sort_key,
        }
        if self.erased:
            # An index key must not be empty: what was erased cannot be found by it either.
            for name in ("name", "phone_number", "email", "email_key"):
                del item[name]
            item["erased"] = True
        return item

    def public(self) -> dict[str, Any]:
        """As a caller gets it. An erased customer's name, number and e-mail are null."""
        return {
            "id": self.id,
            "code": self.code,
            "name": self.name or None,
            "phone_number": self.phone_number or None,
            "email": self.email or None,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "version": self.version,
            "sms_opted_out": self.sms_opted_out,
        }
