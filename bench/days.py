"""Ask for the figures of days among 1,000 and 1,000,000 orders, and count a day; `make bench-days` writes bench/results/days.md.

Exits with 1 if asking costs more among more orders.
"""

import contextlib
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from bench.lists import BATCHES, FLAT, ROUNDED, Filler, product
from bench.report import publish, table
from bench.sample import ORDERS, STEP, moment
from bench.services import Store as LocalStore
from bench.services import recording, running_store
from sales.domain import clock
from sales.domain.clock import format_time
from sales.domain.days import DayCount, Figures
from sales.services.days import count_days, figures_of
from sales.store import store
from sales.store.days import DaysPosition

TODAY = 1_000
A_DAY = int(timedelta(days=1) / STEP)
# Orders of whole days, and a thousand of today.
SIZES = tuple(TODAY + A_DAY * days for days in (0, 23, 232))
ASKED = {"today, with 1,000 orders": 1, "31 days, today among them": 31, "366 days, today among them": 366}
COUNTED = "30 days that are over"
PAGES = 10


@dataclass(frozen=True)
class Cost:
    """The cost of an answer: milliseconds in the median of the quietest batch, read units, days."""

    ms: float
    units: float
    days: int


def own_indexes(file: Path) -> list[str]:
    """Return the statements that create the indexes which the store's writes use, and which the filler drops."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'index' AND name LIKE '%::base_key'")
        return [sql.replace("CREATE INDEX ", "CREATE INDEX IF NOT EXISTS ", 1) for (sql,) in rows]


def use(local: LocalStore, address: str) -> None:
    """Let the product use the database at this address, in a shop whose days are UTC's."""
    # At the sample's first moment a day begins.
    os.environ["UTC_OFFSET"] = "+00:00"
    product(local, address, 1)
    store.cache_clear()


def plant(last: str, days: int) -> None:
    """Store the figures of so many days up to this one, as if the sweep had counted them."""
    end = clock.parse_time(last)
    for ago in range(days):
        day = (end - timedelta(days=ago)).date().isoformat()
        store().days.mark(day, clock.now() - timedelta(hours=1))
        (stored,), _ = store().days.get([day])
        store().days.save(stored, DayCount(format_time(clock.now()), Figures(orders=1)), clock.now())
    store().days.save_position(DaysPosition((end - timedelta(days=days - 1)).date().isoformat(), last))


def _days_with_orders(since: str, until: str) -> int:
    return len(figures_of(since, until))


def measure(local: LocalStore, size: int) -> dict[str, Cost]:
    """Measure each answer, and the count of the day before today, if there is one."""
    now = moment(size - 1)
    today = now.date()
    yesterday = (today - timedelta(days=1)).isoformat()
    clock.now = lambda: now
    use(local, local.url)
    plant(yesterday, 30)
    asks: dict[str, Callable[[], int]] = {
        name: partial(_days_with_orders, (today - timedelta(days=days - 1)).isoformat(), today.isoformat())
        for name, days in ASKED.items()
    }
    asks[COUNTED] = partial(_days_with_orders, (today - timedelta(days=30)).isoformat(), yesterday)
    costs = {}
    with recording(local.url) as (address, calls):
        for name, ask in asks.items():
            use(local, address)
            calls.clear()
            rows = ask()
            units = sum(call.units for call in calls)
            use(local, local.url)
            batches = []
            for _ in range(BATCHES):
                times = []
                for _ in range(PAGES):
                    start = time.perf_counter()
                    ask()
                    times.append(1000 * (time.perf_counter() - start))
                batches.append(times)
            costs[name] = Cost(min(map(statistics.median, batches)), units, rows)
        if size > TODAY:
            use(local, address)
            store().days.mark(yesterday, now - timedelta(minutes=10))
            calls.clear()
            start = time.perf_counter()
            assert count_days(has_time=lambda: True) == 1
            took = 1000 * (time.perf_counter() - start)
            costs[f"the sweep's count of a day of {A_DAY:,}"] = Cost(took, sum(call.units for call in calls), 1)
    return costs


def main() -> int:
    """Fill, measure, and write the page; 1 if a larger table costs more."""
    measured: dict[int, dict[str, Cost]] = {}
    with tempfile.TemporaryDirectory(prefix="sales-bench-") as folder, running_store(Path(folder)) as local:
        file = Path(folder) / "store" / "dynoxide.sqlite"
        indexes = own_indexes(file)
        filler = Filler(local, file, 1, ORDERS)
        filled = 0
        for size in SIZES:
            filler.fill(range(filled, size))
            with contextlib.closing(sqlite3.connect(file, timeout=60)) as connection, connection:
                for index in indexes:
                    connection.execute(index)
            filled = size
            measured[size] = measure(local, size)
            print(size, measured[size], flush=True)
    broken = []
    rows = []
    first = measured[SIZES[0]]
    for name in measured[SIZES[-1]]:
        each = [measured[size].get(name) for size in SIZES]
        base = next(cost for cost in each if cost)
        rows.append(
            [name]
            + ["-" if cost is None else f"{cost.ms:.1f} ms ({cost.ms / base.ms:.2f})" for cost in each]
            + [" / ".join("-" if cost is None else f"{cost.units:g}" for cost in each)]
        )
        if name in first:
            broken += [
                f"{name} among {size:,}"
                for size in SIZES[1:]
                if measured[size][name].units > ROUNDED * first[name].units
                or measured[size][name].ms > FLAT * first[name].ms
            ]
    body = "\n".join(
        [
            "The service behind `GET days` on the local store: the median of the quietest of",
            f"{BATCHES} batches of {PAGES} answers, in brackets its ratio to the smallest table, and the read units of one answer.",
            "Today has 1,000 orders in each table; all earlier days are counted. The sweep's count includes finding the day.",
            "",
            table(["asked", *(f"{size:,} orders" for size in SIZES), "read units"], rows),
            "",
            f"More than among {SIZES[0]:,} orders ({FLAT:g} times in time, {ROUNDED:g} times in units): {'; '.join(broken) or 'nothing'}.",
        ]
    )
    publish("days", "Days: their figures among 1,000 to 1,000,000 orders", body)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
