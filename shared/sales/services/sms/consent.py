"""Opt-outs (a person's wish) and blocks (a network's): kept by number, and shown on each customer who has it."""

from datetime import datetime

from sales.runtime import metrics
from sales.store import Store

__all__ = ["block", "opt_out"]


def opt_out(store: Store, number: str, now: datetime, *, by: str) -> list[str]:
    """Store that this number wants no texts; return the ids of the customers that this changed.

    `by` is who says so, empty if the system notices it.
    """
    if store.numbers.opt_out(number, now):
        metrics.count("OptOuts")
    return store.customers.change_all(number, {"sms_opted_out": True}, now, by=by)


def block(store: Store, number: str, now: datetime) -> None:
    """Store that the network refuses our sender id for this number, also for the customers who have it."""
    store.numbers.block(number, store.sender, now)
    store.customers.change_all(number, {"blocked_sender": store.sender}, now, by="")
