"""Opt-outs (a person's wish) and blocks (a network's): kept by number, and shown on each customer who has it."""

from datetime import datetime

from sales.store import Store

__all__ = ["block", "opt_out"]


def opt_out(store: Store, number: str, now: datetime) -> int:
    """Store that this number wants no texts; return how many customers that changed."""
    store.numbers.opt_out(number, now)
    return store.customers.change_all(number, {"sms_opted_out": True}, now)


def block(store: Store, number: str, now: datetime) -> int:
    """Store that the network refuses our sender id for this number; return how many customers that changed."""
    store.numbers.block(number, store.sender, now)
    return store.customers.change_all(number, {"blocked_sender": store.sender}, now)
