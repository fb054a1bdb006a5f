"""The states of an order's SMS and the moves allowed between them."""

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["Cause", "Status", "backoff", "move"]


class Status(StrEnum):
    """Where an order's SMS stands."""

    queued = "queued"
    sending = "sending"
    sent = "sent"
    delivered = "delivered"
    undelivered = "undelivered"
    failed = "failed"
    unknown = "unknown"
    suppressed = "suppressed"


class Cause(StrEnum):
    """What happened to an SMS."""

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
    cancelled = "cancelled"
    requested = "requested"


# What the gateway's answer does to a text whose sender waits for it, or came too late and was given up.
_ANSWERS = {
    Cause.accepted: Status.sent,
    Cause.refused: Status.failed,
    Cause.deferred: Status.queued,
    Cause.exhausted: Status.failed,
    Cause.misconfigured: Status.queued,
}


# A report is proof that the gateway has the text, whoever is faster; success is the last word, since a phone that
# was off may be on later.
_REPORTS = {
    Cause.report_interim: Status.sent,
    Cause.report_failure: Status.undelivered,
    Cause.report_success: Status.delivered,
}


_AGAIN = {Cause.requested: Status.queued}


_MOVES: Mapping[Status, Mapping[Cause, Status]] = {
    Status.queued: {
        Cause.claimed: Status.sending,
        Cause.opted_out: Status.suppressed,
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
    # Refused for good, and yet there is a report: a text that was held back for review (RiskHold) was let go.
    Status.failed: {**_REPORTS, **_AGAIN},
    Status.suppressed: {},
}


def move(status: Status, cause: Cause) -> Status | None:
    """The state after this happened; none when it changes nothing: late, repeated, out of order, not allowed.

    Reports and the answer end in the same state in whatever order they come.
    """
    return _MOVES[status].get(cause)


_HOUR, _JITTER = 3600.0, 0.2


# Between two tries of one text.
LONGEST_WAIT_SECONDS = _HOUR * (1 + _JITTER)


def backoff(attempt: int, first_seconds: float, jitter: float) -> float:
    """Seconds to the next try after this many: doubling, an hour at the most; `jitter` in [0, 1) adds up to a fifth."""
    return min(first_seconds * 2.0 ** min(attempt - 1, 30), _HOUR) * (1 + jitter * _JITTER)
