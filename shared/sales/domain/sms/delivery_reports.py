"""Delivery reports: what the provider says later about a provider message, and which order that concerns.

Reports come late, twice, in any order, even before the answer to the request that they are about. So the reports of one
message are a set (two reports are one if they say the same about the same number), the set is folded in a fixed order, and
each report only ever moves its order forward. A report whose message id we do not know is orphaned: `match_order` finds the
order it must belong to, if exactly one fits.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from string import ascii_letters, digits
from typing import NamedTuple

from sales.domain import clock
from sales.domain.caller import PROVIDER
from sales.domain.clock import format_time
from sales.domain.orders import Order
from sales.domain.sms.states import Cause, Status

__all__ = [
    "KEEP_SECONDS",
    "MATCH_SECONDS",
    "SEARCH_SECONDS",
    "DeliveryReport",
    "NoMatch",
    "ProviderMessage",
    "fold",
    "is_message_id",
    "match_order",
    "on_report",
    "opts_out",
    "report_cause",
]

# An orphaned report may belong to a text claimed within the last hour: interim reports come within minutes.
MATCH_SECONDS = 3600.0
# We look for its order this long, since an order may yet become `unknown`,
SEARCH_SECONDS = 2 * MATCH_SECONDS
# and keep it twice as long, so that a later orphaned report cannot be matched to an order that may be this one's.
KEEP_SECONDS = 2 * SEARCH_SECONDS
# How far the clocks of two machines may differ.
_SKEW_SECONDS = 60.0

_MESSAGE_ID_CHARACTERS = frozenset(ascii_letters + digits + "_-")
# Africa's Talking's statuses (its documentation, SMS delivery reports), in lower case.
_CAUSES = {
    "sent": Cause.report_interim,
    "submitted": Cause.report_interim,
    "buffered": Cause.report_interim,
    "success": Cause.report_success,
    "failed": Cause.report_failure,
    "rejected": Cause.report_failure,
    "absentsubscriber": Cause.report_failure,
    "expired": Cause.report_failure,
}
# The failure reason for a recipient who has opted out.
_OPTED_OUT = "UserInBlackList"
# Success comes last and stands: a phone that was off may be on later.
_FOLDED = (Cause.report_interim, Cause.report_failure, Cause.report_success)


class DeliveryReport(NamedTuple):
    """One delivery report: the number it names (E.164), its status, and why a text failed, if it says so."""

    number: str
    status: str
    failure_reason: str


class ProviderMessage(NamedTuple):
    """One provider message: its order and attempt, if known, and the reports that came so far."""

    id: str
    order_id: str | None
    attempt: int
    reports: frozenset[DeliveryReport]
    received_at: str | None
    # The number's mobile network, as the provider codes it.
    network: str | None = None

    @property
    def number(self) -> str | None:
        """The number that its reports name, or None if they name different ones."""
        numbers = {report.number for report in self.reports}
        return next(iter(numbers)) if len(numbers) == 1 else None


def is_message_id(text: str) -> bool:
    """Return whether this looks like one of Africa's Talking's message ids; anything else could be any text."""
    prefix, rest = text[:6], text[6:]
    return prefix == "ATXid_" and 1 <= len(rest) <= 64 and _MESSAGE_ID_CHARACTERS.issuperset(rest)


def opts_out(message: ProviderMessage, number: str) -> bool:
    """Return whether a report says that this number has opted out."""
    return any(report.number == number and report.failure_reason == _OPTED_OUT for report in message.reports)


def report_cause(at_status: str) -> Cause | None:
    """Return what a delivery report's status means, or None for a status that we do not know."""
    return _CAUSES.get(at_status.strip().lower())


def fold(message: ProviderMessage, number: str) -> list[tuple[Cause, str | None]]:
    """Return what the message's reports about this number amount to: causes to apply in this order, with their reasons."""
    reasons: dict[Cause, str] = {}
    for report in sorted(message.reports):
        cause = report_cause(report.status)
        if cause and report.number == number:
            reasons[cause] = reasons.get(cause) or report.failure_reason
    return [
        (cause, (reasons[cause] or None) if cause is Cause.report_failure else None)
        for cause in _FOLDED
        if cause in reasons
    ]


def on_report(order: Order, message: ProviderMessage, cause: Cause, reason: str | None, now: datetime) -> Order | None:
    """Return the order after this report, or None if it changes nothing: late, repeated, or about an earlier attempt."""
    if order.sms.message_id not in (None, message.id) or order.sms.attempts != message.attempt:
        return None
    return order.on(cause, now, reason=reason, message_id=message.id, by=PROVIDER.actor, network=message.network)


class NoMatch(StrEnum):
    """Why an orphaned report has no order."""

    wait = "wait"  # one of the texts it may belong to is under way
    none = "none"


def match_order(message: ProviderMessage, candidates: Iterable[Order | ProviderMessage]) -> Order | NoMatch:
    """Match an orphaned message, which has reports, to the order it must belong to.

    `candidates` are the orders with an open attempt to its number, and the provider messages that reports about this number
    were kept for. A report follows its attempt by at most MATCH_SECONDS, so it matches only if exactly one open attempt
    falls in that window, no other orphaned report could claim it, and it is its order's latest attempt. An attempt that only
    clock skew could place before the report rules out a match but is never chosen.
    """
    received_at = message.received_at or ""
    received = clock.parse_time(received_at)
    earliest, latest = (format_time(clock.plus(received, seconds)) for seconds in (-MATCH_SECONDS, _SKEW_SECONDS))
    attempts: list[tuple[Order, int, str]] = []
    orphaned: list[str] = []
    for candidate in candidates:
        match candidate:
            case Order(open_attempts=claims):
                attempts += (
                    (candidate, attempt, claimed)
                    for attempt, claimed in claims.items()
                    if earliest <= claimed <= latest
                )
            case ProviderMessage(id=other, order_id=None, received_at=str(other_received)) if other != message.id:
                orphaned.append(other_received)
    if any(order.sms.status is Status.sending and attempt == order.sms.attempts for order, attempt, _ in attempts):
        return NoMatch.wait
    if len(attempts) != 1:
        return NoMatch.none
    [(order, attempt, claimed)] = attempts
    since = format_time(clock.plus(clock.parse_time(claimed), -_SKEW_SECONDS))
    is_latest = attempt == order.sms.attempts and order.sms.status is Status.unknown
    is_alone = all(other_received < since for other_received in orphaned)
    return order if is_latest and claimed <= received_at and is_alone else NoMatch.none
