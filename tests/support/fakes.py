"""In-memory stand-ins with a small surface for asking what happened."""

import threading
from collections.abc import Callable

from sales.africastalking.answers import Kind, Outcome


class FakeGateway:
    """Takes texts like Africa's Talking: never tells two equal ones apart. `sent` is every text it took."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.asked = 0
        self.answers: list[Outcome | Callable[[], Outcome]] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.sent)

    def send(self, number: str, text: str) -> Outcome:
        """The next scripted answer, else accepted."""
        with self._lock:
            self.asked += 1
            answer = self.answers.pop(0) if self.answers else None
            outcome = answer() if callable(answer) else answer
            if outcome is None:
                outcome = accepted(f"ATXid_{self.asked:032x}")
            if outcome.kind in (Kind.accepted, Kind.unknown):
                self.sent.append((number, text))
            return outcome


def accepted(message_id: str) -> Outcome:
    """The gateway took the text."""
    return Outcome(Kind.accepted, "Success", message_id, "KES 0.8000", opted_out=False)


def refused(kind: Kind, reason: str, *, opted_out: bool = False) -> Outcome:
    """The gateway did not take the text, or nobody knows."""
    return Outcome(kind, reason, None, None, opted_out=opted_out)
