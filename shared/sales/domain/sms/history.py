"""The history of an order's SMS: which entries stay once it is long."""

from collections.abc import Sequence
from typing import Any

from sales.domain.sms.states import Cause

__all__ = ["trimmed"]

# A provider that stays misconfigured for days must not grow an item to DynamoDB's 400 kB.
_HISTORY = 50
# The attempt certainly sent nothing.
_NOT_SENT = (Cause.deferred, Cause.misconfigured)


def trimmed(history: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Return the history; once it is long, without the oldest attempts that certainly sent nothing."""
    kept: list[dict[str, Any]] = []
    surplus = len(history) - _HISTORY
    for entry in history:
        if surplus > 0 and kept and _sent_nothing(kept[-1], entry):
            kept.pop()
            surplus -= 2
        else:
            kept.append(entry)
    return tuple(kept)


def _sent_nothing(claim: dict[str, Any], outcome: dict[str, Any]) -> bool:
    return claim.get("cause") == Cause.claimed and outcome.get("cause") in _NOT_SENT
