"""In-memory stand-ins that record what happened."""

import threading
from collections.abc import Callable
from decimal import Decimal

from sales.africastalking.answers import Balance, Kind, Outcome


class FakeProvider:
    """Accepts texts like Africa's Talking, which does not detect duplicates. `sent` holds every text it accepted."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.asked = 0
        self.answers: list[Outcome | Callable[[], Outcome]] = []
        # The money in the account, and how often that was asked for.
        self.account: Balance | None = Balance(Decimal("1000.00"), "KES")
        self.balances = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.sent)

    def send(self, number: str, text: str) -> Outcome:
        """Return the next scripted answer; without one, accept the text."""
        with self._lock:
            self.asked += 1
            answer = self.answers.pop(0) if self.answers else None
            outcome = answer() if callable(answer) else answer
            if outcome is None:
                outcome = accepted(f"ATXid_{self.asked:032x}")
            if outcome.kind in (Kind.accepted, Kind.unknown):
                self.sent.append((number, text))
            return outcome

    def balance(self) -> Balance | None:
        """Return the money in the account."""
        self.balances += 1
        return self.account


def accepted(message_id: str) -> Outcome:
    """Return the answer to an accepted text."""
    return Outcome(Kind.accepted, "Success", message_id, "KES 0.8000")


def refused(kind: Kind, reason: str, *, blocked: bool = False) -> Outcome:
    """Return the answer to a text that the provider refused or may not have accepted."""
    return Outcome(kind, reason, None, None, blocked=blocked)
