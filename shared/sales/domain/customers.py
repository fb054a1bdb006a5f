"""Customers: what they are, and what the API shows of them."""

from datetime import datetime
from typing import Any, NamedTuple

from sales.domain.clock import format_time
from sales.domain.ids import show_code

__all__ = ["Customer", "ErasureNote"]


class Customer(NamedTuple):
    """A customer. `id` and `code` never change; each change adds one to `version`."""

    id: str
    code: str
    name: str
    phone_number: str
    email: str
    created_at: str
    updated_at: str
    # In which to text them; None means the shop's default.
    language: str | None = None
    # The actors (`Caller.actor`) that created it and changed it last; empty for the system itself.
    created_by: str = ""
    updated_by: str = ""
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
        language: str | None = None,
        now: datetime,
        by: str,
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
            language=language,
            created_at=created,
            updated_at=created,
            created_by=by,
            updated_by=by,
            fingerprint=fingerprint,
        )

    @property
    def sort_key(self) -> str:
        """Its place in lists: by creation time, then by id for customers of the same microsecond."""
        return f"{self.created_at}#{self.id}"

    def without_personal_data(self, now: datetime, *, by: str) -> "Customer":
        """Return the erased customer: no name, number, e-mail or language, and no texts. Who created and erased it stays."""
        return self._replace(
            name="",
            phone_number="",
            email="",
            language=None,
            fingerprint="",
            erased=True,
            sms_opted_out=True,
            blocked_sender="",
            sms_blocked=False,
            version=self.version + 1,
            updated_at=format_time(now),
            updated_by=by,
        )

    def public(self) -> dict[str, Any]:
        """Return the customer as the API shows it. An erased customer's name, number, e-mail and language are null."""
        return {
            "id": self.id,
            "code": show_code(self.code),
            "name": self.name or None,
            "phone_number": self.phone_number or None,
            "email": self.email or None,
            "language": self.language,
            "created_at": self.created_at,
            "created_by": self.created_by or None,
            "updated_at": self.updated_at,
            "updated_by": self.updated_by or None,
            "version": self.version,
            "sms_opted_out": self.sms_opted_out,
            "sms_blocked": self.sms_blocked,
        }


class ErasureNote(NamedTuple):
    """A reminder to look for an erased customer's data once more; `due_at` is None once that is done."""

    customer: str
    customer_code: str
    due_at: str | None
