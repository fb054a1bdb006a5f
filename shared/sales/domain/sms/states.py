"""The states of an order's SMS and the moves allowed between them."""

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["LONGEST_WAIT_SECONDS", "PROOFS", "Cause", "Status", "backoff", "move"]


class Status(StrEnum):
    """The state of an order's SMS."""

    queued = "queued"
    sending = "sending"
    sent = "sent"
    delivered = "delivered"
    undelivered = "undelivered"
    failed = "failed"
    unknown = "unknown"
    suppressed = "suppressed"


class Cause(StrEnum):
    """An event that may move an SMS from one state to another."""

    claimed = "claimed"
    accepted = "accepted"
    refused = "refused"
    deferred = "deferred"
    exhausted = "exhausted"
    ambiguous = "ambiguous"
    lease_expired = "lease_expired"
    misconfigured = "misconfigured"
    report_interim = "report_interim"
    report_success = "report_success"
    report_failure = "report_failure"
    opted_out = "opted_out"
    blocked = "blocked"
    held = "held"
    cancelled = "cancelled"
    requested = "requested"


# The provider's answer, for a sender that still waits for it or has already given up.
_ANSWERS = {
    Cause.accepted: Status.sent,
    Cause.refused: Status.failed,
    Cause.deferred: Status.queued,
    Cause.exhausted: Status.failed,
    Cause.misconfigured: Status.queued,
}
# A delivery report proves that the provider has the text, even if it arrives before the answer. Success outranks
# failure: a phone that was off may be switched on later.
_REPORTS = {
    Cause.report_interim: Status.sent,
    Cause.report_failure: Status.undelivered,
    Cause.report_success: Status.delivered,
}
# After one of these the provider has, or had, the text.
PROOFS = frozenset({Cause.accepted, *_REPORTS})
_AGAIN = {Cause.requested: Status.queued}
_MOVES: Mapping[Status, Mapping[Cause, Status]] = {
    Status.queued: {
        Cause.claimed: Status.sending,
        Cause.opted_out: Status.suppressed,
        Cause.blocked: Status.suppressed,
        Cause.held: Status.queued,
        Cause.cancelled: Status.suppressed,
    },
    Status.sending: {
        **_ANSWERS,
        **_REPORTS,
        Cause.ambiguous: Status.unknown,
        Cause.lease_expired: Status.unknown,
    },
    Status.unknown: {**_ANSWERS, **_REPORTS, **_AGAIN},
    Status.sent: {Cause.report_failure: Status.undelivered, Cause.report_success: Status.delivered, **_AGAIN},
    Status.undelivered: {Cause.report_success: Status.delivered, **_AGAIN},
    Status.delivered: _AGAIN,
    # A report about a text that was refused: the provider had held it back for review (RiskHold), then released it.
    Status.failed: {**_REPORTS, **_AGAIN},
    # Only once the reason no longer holds (services.resend).
    Status.suppressed: _AGAIN,
}


def move(status: Status, cause: Cause) -> Status | None:
    """Return the state after this event, or None where it changes nothing: late, repeated or not allowed.

    The provider's answer and its delivery reports lead to the same state in whatever order they arrive.
    """
    return _MOVES[status].get(cause)


_HOUR, _JITTER = 3600.0, 0.2
# The longest time between two attempts to send one text.
LONGEST_WAIT_SECONDS = _HOUR * (1 + _JITTER)


def backoff(attempt: int, first_seconds: float, jitter: float) -> float:
    """Return the seconds to wait after this many attempts, which double up to an hour.

    `jitter`, from 0 up to 1, adds up to a fifth, so that texts which failed together are not retried together.
    """
    return min(first_seconds * 2.0 ** min(attempt - 1, 30), _HOUR) * (1 + jitter * _JITTER)
