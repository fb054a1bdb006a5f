"""Orders: what they are, what the API shows of them, and how an order's SMS moves from state to state.

An order is its own outbox: the text, its state and the time of the next step are stored with it, so nothing else can get
lost or out of step.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from sales.domain.clock import format_time
from sales.domain.customers import Customer
from sales.domain.ids import code_of, show_code
from sales.domain.money import show_amount
from sales.domain.phones import mask
from sales.domain.sms.allowed import NOT_ALLOWED, is_allowed
from sales.domain.sms.history import trimmed
from sales.domain.sms.segments import Content
from sales.domain.sms.states import Cause, Status, move

if TYPE_CHECKING:  # senders know no callers
    from sales.domain.caller import Caller

__all__ = ["MOST_QUEUED", "MOST_REQUESTS", "NOT_ASKED", "ORDER_STATUSES", "Order", "Sms", "held_back"]

# How often people may ask for one order's text again. Each request's key stays with the order for ever: a replay whose key
# was forgotten would send the text once more.
MOST_REQUESTS = 50
ORDER_STATUSES = ("created", "cancelled")
# Why an order has no text if it was created without one.
NOT_ASKED = "not_asked"
# Texts that wait are counted up to this many.
MOST_QUEUED = 1000
# The provider has the text.
_SENT = (Status.sent, Status.delivered, Status.undelivered)
# These come between two attempts and say nothing about the earlier one.
_BETWEEN_ATTEMPTS = (Cause.requested, Cause.opted_out, Cause.blocked, Cause.held, Cause.cancelled)


def held_back(number: str, allowed: Sequence[str], *, opted_out: bool, blocked: bool) -> str | None:
    """Return why no text may go to this number, as a stable word, or None if one may.

    `allowed` are the beginnings of the numbers that the shop texts.
    """
    if opted_out:
        return "opted_out"
    if blocked:
        return "blocked"
    return None if is_allowed(number, allowed) else NOT_ALLOWED


class Sms(NamedTuple):
    """An order's SMS: its content and where it stands.

    `attempts` counts how often it was handed to the provider, `retries` how many attempts of the present request certainly
    sent nothing. `history` has one entry for each change, oldest first.
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

    @property
    def is_forgotten(self) -> bool:
        """Whether both the words and the number are gone."""
        return not (self.to or self.content.text)

    def forgotten(self) -> "Sms":
        """Return the SMS without its words and its number."""
        return self._replace(to="", content=Content("", self.content.encoding, self.content.segments))


class Order(NamedTuple):
    """An order. Only `status` and the SMS ever change; each change adds one to `version`."""

    id: str
    customer: str
    customer_code: str
    customer_name: str
    item: str
    amount: Decimal
    currency: str
    order_date: str
    sms: Sms
    # The customer's, which the text was composed for; the wording need not have had it (`sms.content.language`).
    customer_language: str | None = None
    reference: str | None = None
    status: str = "created"
    version: int = 1
    # When the sweep looks at the order next: a queued text's next attempt, the end of a sending text's lease, and then the
    # time to forget the text, if retention has already passed this order (`text_until`).
    due_at: str | None = None
    text_until: str | None = None
    # The actor (`Caller.actor`) that created it, and the client that its reference is unique for.
    created_by: str = ""
    client: str = ""
    fingerprint: str = ""
    # Which part of the list index holds the order. The store sets it.
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
        content: Content | None,
        now: datetime,
        caller: "Caller",
        fingerprint: str,
        allowed: Sequence[str] = ("+",),
    ) -> "Order":
        """Return a new order with its text queued and due now, or suppressed if it is held back (`held_back`).

        Without `content` no text is asked for: the order has neither words nor a number until a person sends its text.
        """
        created = format_time(now)
        held = held_back(customer.phone_number, allowed, opted_out=customer.sms_opted_out, blocked=customer.sms_blocked)
        reason = held if content else NOT_ASKED
        to, content = (customer.phone_number, content) if content else ("", Content("", "GSM-7", 0))
        status = Status.suppressed if reason else Status.queued
        entry = {"at": created, "status": status.value} | ({"reason": reason} if reason else {}) | {"by": caller.actor}
        return cls(
            id=id,
            customer=customer.id,
            customer_code=customer.code,
            customer_name=customer.name,
            item=item,
            amount=amount,
            currency=currency,
            customer_language=customer.language,
            order_date=created,
            reference=reference,
            sms=Sms(status, to, content, created, reason=reason, history=(entry,)),
            due_at=created if status is Status.queued else None,
            created_by=caller.actor,
            client=caller.client,
            fingerprint=fingerprint,
        )

    @property
    def code(self) -> str:
        """Its code, as it is stored. Another order may have the same."""
        return code_of(self.id)

    @property
    def sort_key(self) -> str:
        """Its place in lists: by creation time, then by id for orders of the same microsecond."""
        return f"{self.order_date}#{self.id}"

    @property
    def requested_at(self) -> str:
        """When its text was last asked for: with the order, or by a person since."""
        return str(self.sms.requests[-1]["at"]) if self.sms.requests else self.order_date

    def is_due(self, now: datetime) -> bool:
        """Return whether its queued text may be sent now. The first attempt never waits: two machines' clocks may differ."""
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
        by: str | None = None,
        network: str | None = None,
    ) -> "Order | None":
        """Return the order after this event of its SMS, or None if the event changes nothing (late, repeated, out of order).

        `due_at` is when to look next, if the new state waits for something; `counts` is what the event adds to `retries`;
        `by` is the caller who caused it, if one did; `network` is the number's, if the event names it.
        A text that would wait although its order was cancelled, or its customer erased, in the meantime is suppressed.
        """
        details = {"reason": reason, "message_id": message_id, "by": by, "network": network}
        moved = self._moved(cause, now, details, cost=cost, due_at=due_at, counts=counts)
        if moved is None or moved.sms.status is not Status.queued or (self.status != "cancelled" and self.sms.to):
            return moved
        held_back = "order_cancelled" if self.status == "cancelled" else "customer_erased"
        suppressed = moved.on(Cause.cancelled, now, reason=held_back) or moved
        return suppressed._replace(version=self.version + 1)

    def _moved(
        self,
        cause: Cause,
        now: datetime,
        details: dict[str, str | None],
        *,
        cost: str | None,
        due_at: datetime | None,
        counts: int,
    ) -> "Order | None":
        sms = self.sms
        status = move(sms.status, cause)
        # A report was faster than the answer: the state stands, but only the answer says what the text cost.
        only_cost = status is None and cause is Cause.accepted and sms.cost is None and sms.status in _SENT
        if status is None and not only_cost:
            return None
        status = status or sms.status
        moment = format_time(now)
        attempts = sms.attempts + (cause is Cause.claimed) - (cause is Cause.misconfigured)
        entry: dict[str, Any] = {"at": moment, "status": status.value, "cause": cause.value, "attempt": sms.attempts}
        if cause is Cause.claimed:
            entry |= {"attempt": attempts, "to": mask(sms.to)}
        entry |= {name: value for name, value in details.items() if value}
        waits = status in (Status.queued, Status.sending)
        return self._replace(
            version=self.version + 1,
            due_at=(format_time(due_at) if due_at else None) if waits else self.text_until,
            sms=sms._replace(
                status=status,
                updated_at=moment,
                attempts=attempts,
                retries=sms.retries + counts,
                message_id=details["message_id"] or sms.message_id,
                cost=cost or sms.cost,
                reason=sms.reason if only_cost or cause is Cause.claimed else details["reason"],
                history=trimmed((*sms.history, entry)),
            ),
        )

    def addressed(self, name: str, number: str, language: str | None, content: Content) -> "Order":
        """Return the order with a text that was composed for this name, number and language. Its version stays."""
        sms = self.sms._replace(to=number, content=content)
        return self._replace(customer_name=name, customer_language=language, sms=sms)

    def without_text(self) -> "Order | None":
        """Return the order without its text and number, or None while the text is on its way or if both are gone."""
        if self.sms.status in (Status.queued, Status.sending) or self.sms.is_forgotten:
            return None
        return self._replace(version=self.version + 1, due_at=None, text_until=None, sms=self.sms.forgotten())

    def erased(self, now: datetime, *, by: str | None) -> "Order | None":
        """Return the order without anything about its customer, or None if that is gone. Item, amount and reference stay.

        `by` is the caller who erases the customer, if one does.
        """
        if self.sms.is_forgotten and not (self.customer_name or self.fingerprint):
            return None
        suppressed = self.on(Cause.cancelled, now, reason="customer_erased", by=by) or self
        sms = suppressed.sms.forgotten()
        return suppressed._replace(
            customer_name="",
            customer_language=None,
            fingerprint="",
            version=self.version + 1,
            due_at=suppressed.due_at if sms.status is Status.sending else None,
            text_until=None,
            sms=sms._replace(
                # People say in their own words why they ask for a text again.
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
        by: str,
        text_until: datetime | None = None,
    ) -> "Order | None":
        """Return the order after a person asked for its text once more, or None if its state does not allow that.

        `text_until` is when to forget the text again, if retention has already passed this order.
        """
        status = move(self.sms.status, Cause.requested)
        if status is None:
            return None
        moment = format_time(now)
        entry: dict[str, Any] = {"at": moment, "status": status.value, "cause": Cause.requested.value}
        entry |= {"reason": reason, "by": by}
        if self.sms.status in _SENT:
            # The new text takes their place, and the day's figures count both texts.
            entry |= {"earlier_segments": self.sms.content.segments}
            entry |= {"earlier_cost": self.sms.cost} if self.sms.cost else {}
        return self._replace(
            version=self.version + 1,
            due_at=moment,
            text_until=format_time(text_until) if text_until else self.text_until,
            sms=self.sms._replace(
                status=status,
                updated_at=moment,
                retries=0,
                message_id=None,
                cost=None,
                reason=None,
                history=trimmed((*self.sms.history, entry)),
                requests=(*self.sms.requests, {"at": moment, "key": key, "fingerprint": fingerprint}),
            ),
        )

    def cancelled(self, now: datetime, *, by: str) -> "Order":
        """Return the order that this caller cancelled. A text that no sender has claimed yet is suppressed with it."""
        suppressed = self.on(Cause.cancelled, now, reason="order_cancelled", by=by) or self
        return suppressed._replace(status="cancelled", version=self.version + 1)

    @property
    def open_attempts(self) -> dict[int, str]:
        """The attempts whose outcome we do not know, under way or `unknown`, with the time each was claimed.

        An attempt stays open when a person asks for the text again: the provider may have it all the same.
        """
        claims: dict[int, str] = {}
        for entry in self.sms.history:
            cause = entry.get("cause")
            if cause == Cause.claimed:
                claims[entry["attempt"]] = entry["at"]
            elif cause and cause not in _BETWEEN_ATTEMPTS and entry["status"] != Status.unknown:
                claims.pop(entry["attempt"], None)
        return claims

    @property
    def message_ids(self) -> set[str]:
        """The ids of the provider messages about this order, as far back as its history goes."""
        ids = {entry.get("message_id") for entry in self.sms.history} | {self.sms.message_id}
        return {message_id for message_id in ids if message_id}

    def public(self) -> dict[str, Any]:
        """Return the order as the API shows it: the amount as a string, the number masked."""
        sms = self.sms
        return {
            "id": self.id,
            "code": show_code(self.code),
            "customer": self.customer,
            "customer_code": show_code(self.customer_code),
            "customer_name": self.customer_name or None,
            "item": self.item,
            "amount": show_amount(self.amount, self.currency),
            "currency": self.currency,
            "status": self.status,
            "order_date": self.order_date,
            "created_by": self.created_by or None,
            "reference": self.reference,
            "version": self.version,
            "sms": {
                "status": sms.status.value,
                "to": mask(sms.to) if sms.to else None,
                "text": sms.content.text or None,
                "segments": sms.content.segments,
                "encoding": sms.content.encoding,
                "language": sms.content.language,
                "attempts": sms.attempts,
                "message_id": sms.message_id,
                "cost": sms.cost,
                "reason": sms.reason,
                "due_at": self.due_at if sms.status is Status.queued else None,
                "updated_at": sms.updated_at,
                "history": list(sms.history),
            },
        }
