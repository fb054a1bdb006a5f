"""The shop's days in the store: the figures of each as last counted, and which to count again.

A change to an order of a day that is over *marks* the day, before the change itself is written. The sweep counts a marked day
once the mark has settled: by then every write that the mark announced is in the table and its index, or will never be. A mark
goes only if the count began after it had settled and no later mark was made. So whatever stops in between, a day whose
figures may be wrong is marked.
"""

import json
import threading
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, tzinfo
from typing import NamedTuple

from sales.domain.clock import format_time, parse_time, plus
from sales.domain.days import DayCount, Figures
from sales.store.items import Item, unmarshal_item
from sales.store.table import Conflict, Connection, Table

__all__ = ["POSITION_ID", "REPEAT", "Day", "Days", "DaysPosition", "is_day"]

_PREFIX, POSITION_ID = "day#", "control#days"
# Marked days have a partition of the due index of their own, so that no number of them is in the way of texts.
_DUE_SHARD = "days"
# A process marks a day again after this part of the time that a mark takes to settle.
REPEAT = 0.2
# A day on which changes keep coming is counted again and again. That takes no more than this part of the time.
_SHARE = 0.05
# But it waits no longer than this many seconds: a count that was interrupted may have taken long because nothing swept.
_LONGEST_WAIT = 3600


class Day(NamedTuple):
    """A day of the shop. Without `figures` it was not counted yet in the shop's present time.

    `version` is how many times a count has been stored; `counting` is the count under way.
    """

    date: str
    figures: Figures | None = None
    counted_at: str | None = None
    marked_at: str = ""
    due_at: str | None = None
    counting: DayCount | None = None
    version: int = 0


class DaysPosition(NamedTuple):
    """The first day with an order, and the last one that was marked for its first count."""

    first: str
    until: str


def is_day(item_id: str) -> bool:
    """Return whether an item of the orders table is a day's, which is counted from the orders at any time."""
    return item_id.startswith(_PREFIX)


class Days:
    """The days. Safe to share between threads; every method may raise Problem `unavailable`.

    `settle_seconds` is longer than a write may follow its mark, with all that clocks differ and the index is behind.
    """

    def __init__(self, connection: Connection, table: Table, zone: tzinfo, settle_seconds: float) -> None:
        self._connection = connection
        self._table = table
        self._offset = str(zone)
        self._settle_seconds = settle_seconds
        self._marked: dict[str, datetime] = {}
        # A thread that finds its day marked writes right away, so the mark must be stored by then.
        self._marking = threading.Lock()

    def mark(self, day: str, now: datetime) -> None:
        """Have the sweep count this day again. Call it before each write that changes an order of a day that is over.

        A process stores a mark only once in a while: it counts for what the process writes until the next one.
        """
        with self._marking:
            earlier = self._marked.get(day)
            if earlier and 0 <= (now - earlier).total_seconds() < self._settle_seconds * REPEAT:
                return
            self._table.update(
                {"id": f"{_PREFIX}{day}"},
                "SET marked_at = :now, due_shard = :shard, due_at = if_not_exists(due_at, :due),"
                " version = if_not_exists(version, :none)",
                {":now": format_time(now), ":shard": _DUE_SHARD, ":due": format_time(self._settled(now)), ":none": 0},
            )
            self._marked[day] = now

    def due(self, now: datetime, limit: int) -> list[Day]:
        """Return up to `limit` days that are to be counted by now, longest due first."""
        values = {":shard": _DUE_SHARD, ":until": format_time(now)}
        rows = self._table.query("by_due", "due_shard = :shard AND due_at <= :until", values, limit=limit)
        if not rows:
            return []
        days, _ = self.get(row["id"].removeprefix(_PREFIX) for row in rows)
        return sorted((day for day in days if day.due_at), key=lambda day: str(day.due_at))

    def get(self, dates: Iterable[str]) -> tuple[list[Day], DaysPosition | None]:
        """Return those of these days that have an item, in any order, and the position; a round trip for each hundred."""
        ids = (POSITION_ID, *(f"{_PREFIX}{date}" for date in dates))
        items = self._connection.get_many((self._table.name, {"id": item_id}) for item_id in ids)
        days, position = [], None
        for item in (unmarshal_item(typed) for _, typed in items):
            if item["id"] != POSITION_ID:
                days.append(self._day_from_item(item))
            elif item["offset"] == self._offset:
                position = DaysPosition(item["first"], item["until"])
        return days, position

    def save_position(self, position: DaysPosition) -> None:
        """Store how far days are marked for their first count, in the shop's present time."""
        self._table.put({"id": POSITION_ID, "offset": self._offset, **position._asdict()})

    def keep(self, day: Day, counting: DayCount, now: datetime) -> None:
        """Store how far a count has come; the next sweep goes on from there. Do nothing if another one was faster."""
        values = {":count": json.dumps(asdict(counting) | {"figures": counting.figures.public()})}
        # Figures in another time of the shop must not pass for present ones.
        removes = "" if day.figures else "figures, counted_at"
        self._save(day, "counting = :count, due_at = :due", values | {":due": format_time(now)}, removes)

    def save(self, day: Day, counting: DayCount, now: datetime) -> None:
        """Store the figures of a finished count, and take the mark away if they hold; else the day stays due for later.

        Do nothing if another count of the day was faster.
        """
        figures = "figures = :figures, counted_at = :began"
        values = {":figures": json.dumps(counting.figures.public()), ":began": counting.began_at}
        if format_time(self._settled(parse_time(day.marked_at))) <= counting.began_at and self._save(
            day, figures, values, "due_shard, due_at, counting", marked_at=day.marked_at
        ):
            return
        took = (now - parse_time(counting.began_at)).total_seconds()
        again = max(self._settled(now), plus(now, min(took / _SHARE, _LONGEST_WAIT)))
        self._save(day, f"{figures}, due_at = :due", values | {":due": format_time(again)}, "counting")

    def _save(self, day: Day, sets: str, values: Item, removes: str, *, marked_at: str = "") -> bool:
        """Update a day if no other count of it was stored since it was read, nor a later mark than this; return whether."""
        values = values | {":offset": self._offset, ":read": day.version, ":version": day.version + 1}
        condition = "version = :read"
        if marked_at:
            condition, values[":marked"] = f"{condition} AND marked_at = :marked", marked_at
        expression = f"SET {sets}, utc_offset = :offset, version = :version" + (removes and f" REMOVE {removes}")
        try:
            self._table.update({"id": f"{_PREFIX}{day.date}"}, expression, values, condition=condition)
        except Conflict:
            return False
        return True

    def _settled(self, marked: datetime) -> datetime:
        return plus(marked, self._settle_seconds)

    def _day_from_item(self, item: Item) -> Day:
        day = Day(
            date=item["id"].removeprefix(_PREFIX),
            marked_at=item["marked_at"],
            due_at=item.get("due_at"),
            version=int(item["version"]),
        )
        if item.get("utc_offset") != self._offset:
            return day
        counting = json.loads(item["counting"]) if "counting" in item else None
        return day._replace(
            figures=Figures.of_public(json.loads(item["figures"])) if "figures" in item else None,
            counted_at=item.get("counted_at"),
            counting=DayCount(**counting | {"figures": Figures.of_public(counting["figures"])}) if counting else None,
        )
