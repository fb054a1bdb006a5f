"""Requests that come again with the same Idempotency-Key."""

from typing import NamedTuple

from sales.domain.ids import is_replay
from sales.domain.problems import Problem

__all__ = ["Done", "check_replay"]


class Done[Made](NamedTuple):
    """The item that a request created or changed; `replayed` if an earlier request with its Idempotency-Key did so."""

    made: Made
    replayed: bool = False


def check_replay(stored: str, fingerprint: str) -> None:
    """Raise Problem `idempotency_key_reused` if the key came with another request, by the fingerprints of both."""
    if not is_replay(stored, fingerprint):
        raise Problem("idempotency_key_reused")
