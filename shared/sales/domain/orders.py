"""Orders: what one is, how it is stored and shown, and how its SMS moves from state to state.

The order is its own outbox (the text, its state, and when to look at it next are stored with it), so there is nothing
else that could be lost or get out of step.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from zlib import crc32

from sales.domain.clock import format_time
from sales.domain.customers import Customer, Item, list_shard
from sales.domain.money import show_amount
from sales.domain.phones import mask
from sales.domain.sms.segments import Content
from sales.domain.sms.states import Cause, Status, move

__all__ = ["DUE_SHARDS", "MOST_REQUESTS", "Order", "Sms", "due_shard"]

# Fixed: what is due must be found whatever the settings say. Eight partitions take 8,000 state changes a second.
DUE_SHARDS = 8


# A gateway that is misconfigured for days must not grow the item to DynamoDB's 400 kB.
_HISTORY = 50


# How often a person may ask for one order's text again: each request's key is kept with it for ever, or a replay would
# send once more.
MOST_REQUESTS = 50


_EVENT = ("at", "status", "cause", "attempt", "reason", "message_id")


_TAKEN = (Status.sent, Status.delivered, Status.undelivered)


_NOT_TAKEN = (Cause.deferred, Cause.misconfigured)


# What happens to an order's text between two attempts, and says nothing of the one before.
_BETWEEN = (Cause.requested, Cause.opted_out, Cause.cancelled)


def due_shard(item_id: str) -> str:
    """The partition of the due index an item is in."""
    return str(crc32(item_id.encode()) % DUE_SHARDS)


@dataclass(frozen=True, slots=True)
class Sms:
    """An order's SMS: its text and where it stands.

    `attempts` counts the times it was handed to the gateway, `retries` those of the present request that certainly
    sent nothing. `history` has one entry a change, the oldest first.
    """

    status: Status
    to: str
    content: Content
    updated_at: str
    attempts: int = 0
    retries: int = 0
    message_id: str | None = None
    cost: str | None = None
    reason: str | None = None
    history: tuple[dict[str, Any], ...] = ()
    requests: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """An order. Only `status` and its SMS ever change; `version` moves with every change."""

    id: str
    customer: str
    customer_code: str
    customer_name: str
    item: str
    amount: Decimal
    currency: str
    order_date: str
    sms: Sms
    reference: str | None = None
    status: str = "created"
    version: int = 1
    # When the sweep is to look at the order: a queued text's next try, a sending one's end of lease, and then when the
    # text is to be forgotten, where nobody else would see to that (`text_until`).
    due_at: str | None = None
    text_until: str | None = None
    client: str = ""
    fingerprint: str = ""
    list_shard: str = "0"

    @classmethod
    def new(
        cls,
        *,
        id: str,
        customer: Customer,
        item: str,
        amount: Decimal,
        currency: str,
        reference: str | None,
        content: Content,
        now: datetime,
        client: str,
        fingerprint: str,
        shards: int,
    ) -> "Order":
        """An order as it is first stored: its text queued and due at once, or suppressed for who opted out."""
        created = format_time(now)
        status = Status.suppressed if customer.sms_opted_out else Status.queued
        reason = "opted_out" if customer.sms_opted_out else None
        entry = {"at": created, "status": status.value} | ({"reason": reason} if reason else {})
        return cls(
            id=id,
            customer=customer.id,
            customer_code=customer.code,
            customer_name=customer.name,
            item=item,
            amount=amount,
            currency=currency,
            order_date=created,
            reference=reference,
            sms=Sms(status, customer.phone_number, content, created, reason=reason, history=(entry,)),
            due_at=created if status is Status.queued else None,
            client=client,
            fingerprint=fingerprint,
            list_shard=list_shard(id, shards),
        )

    @property
    def sort_key(self) -> str:
        """Its place in lists: by creation, the id telling apart what was created in the same microsecond."""
        return f"{self.order_date}#{self.id}"

    @property
    def asked_at(self) -> str:
        """When its text was last asked for: with the order, or by a person since."""
        return str(self.sms.requests[-1]["at"]) if self.sms.requests else self.order_date

    def is_due(self, now: datetime) -> bool:
        """Whether its queued text may be tried now. The first try never waits: clocks of two machines may differ."""
        return self.sms.status is Status.queued and (
            self.sms.attempts == 0 or self.due_at is None or self.due_at <= format_time(now)
        )

    def on(
        self,
        cause: Cause,
        now: datetime,
        *,
        reason: str | None = None,
        message_id: str | None = None,
        cost: str | None = None,
        due_at: datetime | None = None,
        counts: int = 0,
    ) -> "Order | None":
        """The order after this happened to its SMS; none when it changes nothing (late, repeated, out of order).

        `due_at` is when to look next, where the new state is one that waits; `counts` is what the event adds to
        `retries`. A text that would wait, though its order was cancelled or its customer erased while it was under
        way, is suppressed.
        """
        after = self._moved(cause, now, reason=reason, message_id=message_id, cost=cost, due_at=due_at, counts=counts)
        if after is None or after.sms.status is not Status.queued or (self.status != "cancelled" and self.sms.to):
            return after
        held_back = "order_cancelled" if self.status == "cancelled" else "customer_erased"
        suppressed = after.on(Cause.cancelled, now, reason=held_back) or after
        return replace(suppressed, version=self.version + 1)

    def _moved(
        self,
        cause: Cause,
        now: datetime,
        *,
        reason: str | None,
        message_id: str | None = None,
        cost: str | None = None,
        due_at: datetime | None = None,
        counts: int = 0,
    ) -> "Order | None":
        sms = self.sms
        status = move(sms.status, cause)
        # A report was faster than the answer: the state stands, but only the answer says what it cost.
        learnt = status is None and cause is Cause.accepted and sms.cost is None and sms.status in _TAKEN
        if status is None and not learnt:
            return None
        status = status or sms.status
        moment = format_time(now)
        attempts = sms.attempts + (cause is Cause.claimed) - (cause is Cause.misconfigured)
        entry: dict[str, Any] = {"at": moment, "status": status.value, "cause": cause.value, "attempt": sms.attempts}
        if cause is Cause.claimed:
            entry["attempt"] = attempts
        if reason:
            entry["reason"] = reason
        if message_id:
            entry["message_id"] = message_id
        waits = status in (Status.queued, Status.sending)
        return replace(
            self,
            version=self.version + 1,
            due_at=(format_time(due_at) if due_at else None) if waits else self.text_until,
            sms=replace(
                sms,
                status=status,
                updated_at=moment,
                attempts=attempts,
                retries=sms.retries + counts,
                message_id=message_id or sms.message_id,
                cost=cost or sms.cost,
                reason=sms.reason if learnt or cause is Cause.claimed else reason,
                history=_kept((*sms.history, entry)),
            ),
        )

    def without_text(self) -> "Order | None":
        """The order without its text and the number it went to; none while the text is on its way, or when both are gone."""
        sms = self.sms
        if sms.status in (Status.queued, Status.sending) or not (sms.to or sms.content.text):
            return None
        gone = replace(sms, to="", content=Content("", sms.content.encoding, sms.content.segments))
        return replace(self, version=self.version + 1, due_at=None, text_until=None, sms=gone)

    def erased(self, now: datetime) -> "Order | None":
        """The order without anything of its customer; none when that is gone. What was ordered stays, with its reference."""
        sms = self.sms
        if not (self.customer_name or sms.to or sms.content.text or self.fingerprint):
            return None
        suppressed = self.on(Cause.cancelled, now, reason="customer_erased") or self
        sms = suppressed.sms
        return replace(
            suppressed,
            customer_name="",
            fingerprint="",
            version=self.version + 1,
            due_at=suppressed.due_at if sms.status is Status.sending else None,
            text_until=None,
            sms=replace(
                sms,
                to="",
                content=Content("", sms.content.encoding, sms.content.segments),
                # Why somebody asked for the text again is in their own words.
                history=tuple(
                    {name: value for name, value in entry.items() if name != "reason"}
                    if entry.get("cause") == Cause.requested
                    else entry
                    for entry in sms.history
                ),
                requests=tuple(request | {"fingerprint": ""} for request in sms.requests),
            ),
        )

    def requested_again(
        self,
        now: datetime,
        *,
        key: str,
        fingerprint: str,
        reason: str,
        to: str,
        content: Content,
        text_until: datetime | None = None,
    ) -> "Order | None":
        """The order after a person asked for its text once more; none where its state does not allow it.

        `text_until` is when a text that had been forgotten is to be forgotten again.
        """
        status = move(self.sms.status, Cause.requested)
        if status is None:
            return None
        moment = format_time(now)
        entry = {"at": moment, "status": status.value, "cause": Cause.requested.value, "reason": reason}
        return replace(
            self,
            version=self.version + 1,
            due_at=moment,
            text_until=format_time(text_until) if text_until else self.text_until,
            sms=replace(
                self.sms,
                status=status,
                to=to,
                content=content,
                updated_at=moment,
                retries=0,
                message_id=None,
                cost=None,
                reason=None,
                history=_kept((*self.sms.history, entry)),
                requests=(*self.sms.requests, {"at": moment, "key": key, "fingerprint": fingerprint}),
            ),
        )

    def cancelled(self, now: datetime) -> "Order":
        """The cancelled order; a text that nobody has claimed yet is suppressed with it."""
        after = self.on(Cause.cancelled, now, reason="order_cancelled") or self
        return replace(after, status="cancelled", version=self.version + 1)

    @classmethod
    def from_item(cls, item: Item) -> "Order":
        """The order a stored item holds."""
        sms = item["sms"]
        return cls(
            id=item["id"],
            customer=item["customer"],
            customer_code=item["customer_code"],
            customer_name=item["customer_name"],
            item=item["item"],
            amount=Decimal(item["amount"]),
            currency=item["currency"],
            order_date=item["order_date"],
            reference=item.get("reference"),
            status=item["status"],
            version=int(item["version"]),
            due_at=item.get("due_at"),
            text_until=item.get("text_until"),
            client=item["client"],
            fingerprint=item["fingerprint"],
            list_shard=item["list_shard"],
            sms=Sms(
                status=Status(sms["status"]),
                to=sms["to"],
                content=Content(sms["text"], sms["encoding"], int(sms["segments"])),
                updated_at=sms["updated_at"],
                attempts=int(sms["attempts"]),
                retries=int(sms["retries"]),
                message_id=sms.get("message_id"),
                cost=sms.get("cost"),
                reason=sms.get("reason"),
                history=_read(sms["history"]),
                requests=tuple(sms.get("requests", ())),
            ),
        )

    def to_item(self) -> Item:
        """The stored item, with the attributes its indexes are keyed by."""
        sms = self.sms
        item: Item = {
            "id": self.id,
            "customer": self.customer,
            "customer_code": self.customer_code,
            "customer_name": self.customer_name,
            "item": self.item,
            "amount": self.amount,
            "currency": self.currency,
            "order_date": self.order_date,
            "reference": self.reference,
            "status": self.status,
            "version": self.version,
            "text_until": self.text_until,
            "client": self.client,
            "fingerprint": self.fingerprint,
            "list_shard": self.list_shard,
            "sort_key": self.sort_key,
            "sms_shard": f"{sms.status.value}#{self.list_shard}",
            "sms": {
                "status": sms.status.value,
                "to": sms.to,
                "text": sms.content.text,
                "encoding": sms.content.encoding,
                "segments": sms.content.segments,
                "updated_at": sms.updated_at,
                "attempts": sms.attempts,
                "retries": sms.retries,
                "message_id": sms.message_id,
                "cost": sms.cost,
                "reason": sms.reason,
                # As one text: a list of maps would be taken apart and put together by every reader and writer.
                "history": json.dumps(sms.history, ensure_ascii=False, separators=(",", ":")),
                "requests": list(sms.requests),
            },
        }
        if self.due_at:
            item |= {"due_shard": due_shard(self.id), "due_at": self.due_at}
        if sms.to and self.open_attempts:
            # By this a delivery report whose id nobody knows finds the texts it may belong to.
            item["unsettled_number"] = sms.to
        return item

    @property
    def open_attempts(self) -> dict[int, str]:
        """The attempts of which nobody knows what became, under way or `unknown`, and when each was claimed.

        An attempt stays open when a person asks for the text again: the gateway may have it all the same.
        """
        claims: dict[int, str] = {}
        for entry in self.sms.history:
            cause = entry.get("cause")
            if cause == Cause.claimed:
                claims[entry["attempt"]] = entry["at"]
            elif cause and cause not in _BETWEEN and entry["status"] != Status.unknown:
                claims.pop(entry["attempt"], None)
        return claims

    @property
    def message_ids(self) -> set[str]:
        """The gateway's messages that were about this order, as far back as its history goes."""
        found = {entry.get("message_id") for entry in self.sms.history} | {self.sms.message_id}
        return {each for each in found if each}

    def public(self) -> dict[str, Any]:
        """As a caller gets it: the amount as a string, the number masked."""
        sms = self.sms
        return {
            "id": self.id,
            "customer": self.customer,
            "customer_code": self.customer_code,
            "customer_name": self.customer_name or None,
            "item": self.item,
            "amount": show_amount(self.amount, self.currency),
            "currency": self.currency,
            "status": self.status,
            "order_date": self.order_date,
            "reference": self.reference,
            "version": self.version,
            "sms": {
                "status": sms.status.value,
                "to": mask(sms.to) if sms.to else None,
                "text": sms.content.text or None,
                "segments": sms.content.segments,
                "encoding": sms.content.encoding,
                "attempts": sms.attempts,
                "message_id": sms.message_id,
                "cost": sms.cost,
                "reason": sms.reason,
                "updated_at": sms.updated_at,
                "history": list(sms.history),
            },
        }


def _read(stored: str | list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    if isinstance(stored, str):
        return tuple(json.loads(stored))
    # Orders of before 2026-11-24 have a list; the store hands its numbers back as Decimal, and names in any order.
    return tuple(
        {name: int(entry[name]) if name == "attempt" else entry[name] for name in _EVENT if name in entry}
        for entry in stored
    )


def _kept(history: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """What is kept of a history: all of it but the oldest tries that certainly sent nothing, once there are many."""
    if len(history) <= _HISTORY:
        return history
    kept: list[dict[str, Any]] = []
    surplus = len(history) - _HISTORY
    for entry in history:
        if surplus > 0 and kept and _sent_nothing(kept[-1], entry):
            kept.pop()
            surplus -= 2
        else:
            kept.append(entry)
    return tuple(kept)


def _sent_nothing(before: dict[str, Any], entry: dict[str, Any]) -> bool:
    return before.get("cause") == Cause.claimed and entry.get("cause") in _NOT_TAKEN
