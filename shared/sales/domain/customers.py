"""Customers: what they are, and what the API shows of them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sales.domain.clock import format_time

__all__ = ["Customer", "ErasureNote"]


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer. `id` and `code` never change; each change adds one to `version`."""

    id: str
    code: str
    name: str
    phone_number: str
    email: str
    created_at: str
    updated_at: str
    version: int = 1
    sms_opted_out: bool = False
    # The sender id that the network refuses for this number, empty for none; `sms_blocked` if it is the present one.
    blocked_sender: str = ""
    sms_blocked: bool = False
    erased: bool = False
    fingerprint: str = ""
    # Which part of the list index holds the customer. The store sets it.
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
    ) -> "Customer":
        """Return a new customer."""
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
        )

    @property
    def sort_key(self) -> str:
        """Its place in lists: by creation time, then by id for customers of the same microsecond."""
        return f"{self.created_at}#{self.id}"

    def without_personal_data(self, now: datetime) -> "Customer":
        """Return the erased customer: no name, number or e-mail, and no texts."""
        return replace(
            self,
            name="",
            phone_number="",
            email="",
            fingerprint="",
            erased=True,
            sms_opted_out=True,
            blocked_sender="",
            sms_blocked=False,
            version=self.version + 1,
            updated_at=format_time(now),
        )

    def public(self) -> dict[str, Any]:
        """Return the customer as the API shows it. An erased customer's name, number and e-mail are null."""
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
            "sms_blocked": self.sms_blocked,
        }


class ErasureNote(NamedTuple):
    """A reminder to look for an erased customer's data once more; `due_at` is None once that is done."""

    customer: str
    customer_code: str
    due_at: str | None
