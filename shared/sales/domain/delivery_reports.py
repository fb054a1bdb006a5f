"""Delivery reports: what the provider says later about a message it took."""

import re
from collections.abc import Sequence
from enum import StrEnum

from sales.domain import clock
from sales.domain.clock import format_time
from sales.domain.orders import Order
from sales.domain.sms.states import Cause, Status

__all__ = ["Adoption", "adopter", "is_message_id", "report_cause"]

# Africa's Talking's statuses (its documentation, SMS delivery reports), in lower case.
_REPORT_CAUSES = {
    "sent": Cause.report_interim,
    "submitted": Cause.report_interim,
    "buffered": Cause.report_interim,
    "success": Cause.report_success,
    "failed": Cause.report_failure,
    "rejected": Cause.report_failure,
    "absentsubscriber": Cause.report_failure,
    "expired": Cause.report_failure,
}


_MESSAGE_ID = re.compile("ATXid_[A-Za-z0-9_-]{1,64}")


def is_message_id(text: str) -> bool:
    """Whether this has the shape of Africa's Talking's message ids: what has not is nobody's, and may be anything."""
    return _MESSAGE_ID.fullmatch(text) is not None


def report_cause(at_status: str) -> Cause | None:
    """What a delivery report's status means; none for one nobody has told us of."""
    return _REPORT_CAUSES.get(at_status.strip().lower())


# What clocks of two machines may differ by.
_SKEW_SECONDS = 60.0


class Adoption(StrEnum):
    """What can be said of a delivery report whose message nobody knows."""

    wait = "wait"
    none = "none"


def adopter(
    received_at: str, orders: Sequence[Order], strangers: Sequence[str], *, window_seconds: float
) -> Order | Adoption:
    """The order whose text a report must be about that came then for a message nobody knows.

    `orders` are those with an open attempt to its number; `strangers` is when reports of other such messages came for
    it. A text is claimed before it is reported on, and at most the window before: with exactly one such attempt, no
    other message it could be about, and that attempt the order's last one, it is that one's. Nothing is guessed: an
    attempt that a wrong clock may have put after the report counts, but is never the one. `wait` while one of them is
    under way.
    """
    received = clock.parse_time(received_at)
    earliest, latest = (format_time(clock.plus(received, seconds)) for seconds in (-window_seconds, _SKEW_SECONDS))
    found = [
        (order, attempt, claimed)
        for order in orders
        for attempt, claimed in order.open_attempts.items()
        if earliest <= claimed <= latest
    ]
    if any(order.sms.status is Status.sending and attempt == order.sms.attempts for order, attempt, _ in found):
        return Adoption.wait
    if len(found) != 1:
        return Adoption.none
    [(order, attempt, claimed)] = found
    since = format_time(clock.plus(clock.parse_time(claimed), -_SKEW_SECONDS))
    rivals = [came for came in strangers if came >= since]
    is_last = attempt == order.sms.attempts and order.sms.status is Status.unknown
    return order if is_last and claimed <= received_at and not rivals else Adoption.none
