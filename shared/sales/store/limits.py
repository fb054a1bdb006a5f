"""How many texts have gone out today, in all and to one number, and which wait because of a limit.

A day is the shop's. The counters are taken from before a text is claimed, so that no number of senders exceeds a limit; what a
sender that dies has taken is lost for that day.
"""

from datetime import datetime
from typing import NamedTuple

from sales.store.items import Item, expiry, unmarshal_item
from sales.store.numbers import number_key
from sales.store.table import Conflict, Connection, Table

__all__ = ["LimitState", "Limits"]

_HELD_ID = "control#limits"


class LimitState(NamedTuple):
    """Today's texts, how many wait for each limit, and the limit of a number under which they wait.

    `held_earlier`: the last texts that had to wait were held on an earlier day.
    """

    texts: int = 0
    held: int = 0
    held_by_number: int = 0
    number_limit: int = 0
    held_earlier: bool = False


def _day_id(day: str) -> str:
    return f"control#day#{day}"


class Limits:
    """The counters. Safe to share between threads; every method may raise Problem `unavailable`."""

    def __init__(self, connection: Connection, orders: Table, customers: Table) -> None:
        self._connection = connection
        self._orders = orders
        self._customers = customers

    def take(self, day: str, wanted: int, limit: int, now: datetime) -> int:
        """Take up to `wanted` texts from this day's allowance; return how many it had left for us."""
        room = min(wanted, limit)
        while room > 0:
            values = {":room": room, ":most": limit - room, ":expires": expiry(now)}
            condition = "attribute_not_exists(texts) OR texts <= :most"
            try:
                self._orders.update(
                    {"id": _day_id(day)}, "SET expires_at = :expires ADD texts :room", values, condition=condition
                )
            except Conflict as conflict:
                room = min(room, limit - int(conflict.current["texts"]))
            else:
                return room
        return 0

    def give_back(self, day: str, count: int) -> None:
        """Return texts to the day's allowance that certainly did not go out."""
        self._orders.update({"id": _day_id(day)}, "ADD texts :count", {":count": -count})

    def take_number(self, number: str, day: str, limit: int) -> bool:
        """Take one text from the number's allowance of this day; return whether it had one left."""
        key = {"code": number_key(number)}
        values = {":day": day, ":one": 1}
        try:
            # Most numbers get one text a day.
            new_day = "attribute_not_exists(texts_day) OR texts_day < :day"
            self._customers.update(key, "SET texts_day = :day, texts = :one", values, condition=new_day)
        except Conflict:
            try:
                same_day = "texts_day >= :day AND texts < :limit"
                self._customers.update(key, "ADD texts :one", values | {":limit": limit}, condition=same_day)
            except Conflict:
                return False
        return True

    def give_back_number(self, number: str, day: str) -> None:
        """Return a text to the number's allowance that certainly did not go out."""
        values = {":day": day, ":one": -1}
        try:
            self._customers.update(
                {"code": number_key(number)}, "ADD texts :one", values, condition="texts_day = :day AND texts > :one"
            )
        except Conflict:
            # The next day has begun.
            return

    def note_held(self, day: str, *, by_day: int, by_number: int, number_limit: int) -> None:
        """Add to the texts that wait today, and store the limit of a number that they wait under."""
        values: Item = {":day": day, ":held": by_day, ":by_number": by_number, ":limit": number_limit}
        try:
            self._orders.update(
                {"id": _HELD_ID},
                "SET number_limit = :limit ADD held :held, held_by_number :by_number",
                values,
                names={"#day": "day"},
                condition="#day = :day",
            )
        except Conflict:
            self._orders.put(
                {"id": _HELD_ID, "day": day, "held": by_day, "held_by_number": by_number, "number_limit": number_limit}
            )

    def state(self, day: str) -> LimitState:
        """Return what is known about this day."""
        keys = [(self._orders.name, {"id": _day_id(day)}), (self._orders.name, {"id": _HELD_ID})]
        texts, held = 0, LimitState()
        for _, typed in self._connection.get_many(keys):
            item = unmarshal_item(typed)
            if item["id"] == _day_id(day):
                texts = int(item["texts"])
            elif item["day"] == day:
                held = LimitState(0, int(item["held"]), int(item["held_by_number"]), int(item["number_limit"]))
            else:
                held = LimitState(held_earlier=True)
        return held._replace(texts=texts)
