"""The figures of a day of the shop: what its orders came to, and what their texts cost."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sales.domain.money import show_amount
from sales.domain.orders import Order
from sales.domain.sms.prices import stated_price
from sales.domain.sms.states import PROOFS, Cause

__all__ = ["DayCount", "Figures", "days_left"]


@dataclass
class Figures:
    """The figures of the orders of a day. No amount is ever added to one in another currency.

    `orders` counts all, `cancelled` those of them that were cancelled, which `amounts` leaves out. `texts`, `segments` and
    `cost` are those of the texts that the provider accepted, whenever that was; `cost` has those whose price it said.
    """

    orders: int = 0
    cancelled: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)
    texts: int = 0
    segments: int = 0
    cost: dict[str, Decimal] = field(default_factory=dict)
    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, order: Order) -> None:
        """Count this order."""
        self.orders += 1
        if order.status == "cancelled":
            self.cancelled += 1
        else:
            self.amounts[order.currency] = self.amounts.get(order.currency, Decimal()) + order.amount
        self.states[order.sms.status.value] += 1
        if order.sms.reason:
            self.reasons[order.sms.reason] += 1
        for segments, cost in _accepted(order):
            self.texts += 1
            self.segments += segments
            if price := stated_price(cost or ""):
                self.cost[price.currency] = self.cost.get(price.currency, Decimal()) + price.amount

    def public(self) -> dict[str, Any]:
        """Return the figures as the API shows them: money as strings, names in order."""
        return {
            "orders": self.orders,
            "cancelled": self.cancelled,
            "amounts": {currency: show_amount(self.amounts[currency], currency) for currency in sorted(self.amounts)},
            "texts": self.texts,
            "segments": self.segments,
            "cost": {currency: f"{self.cost[currency]:f}" for currency in sorted(self.cost)},
            "states": dict(sorted(self.states.items())),
            "reasons": dict(sorted(self.reasons.items())),
        }

    @classmethod
    def of_public(cls, shown: dict[str, Any]) -> "Figures":
        """Return the figures that are shown so."""
        return cls(
            **shown
            | {
                name: {currency: Decimal(sum_) for currency, sum_ in shown[name].items()}
                for name in ("amounts", "cost")
            }
            | {name: Counter(shown[name]) for name in ("states", "reasons")}
        )


def _accepted(order: Order) -> Iterable[tuple[int, str | None]]:
    """Yield segments and cost of each of the order's texts that the provider accepted: one a request at most."""
    is_accepted = False
    for entry in order.sms.history:
        if entry.get("cause") in PROOFS:
            is_accepted = True
        elif entry.get("cause") == Cause.requested:
            if is_accepted:
                # Orders from before 2026-11-30 do not say what the earlier text had.
                yield int(entry.get("earlier_segments", order.sms.content.segments)), entry.get("earlier_cost")
            is_accepted = False
    if is_accepted:
        yield order.sms.content.segments, order.sms.cost


@dataclass
class DayCount:
    """A count under way: when it began, and how far it came.

    `shard` is the list shard that it is at, `follows` the sort key of the last order that it counted there.
    """

    began_at: str
    figures: Figures = field(default_factory=Figures)
    shard: int = 0
    follows: str | None = None


def days_left(balance: Decimal, currency: str, days: Iterable[Figures]) -> int | None:
    """Return how many whole days the balance lasts if each costs as much as these did on average.

    None if that is not known: without days, where they cost nothing, or anything in another currency.
    """
    days = list(days)
    cost = sum((day.cost.get(currency, Decimal()) for day in days), Decimal())
    if not cost or any(other != currency for day in days for other in day.cost):
        return None
    return max(int(balance * len(days) / cost), 0)
