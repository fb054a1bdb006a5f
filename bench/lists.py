"""Measure pages of 1,000 to 1,000,000 orders and customers, for 1, 4 and 16 list shards and each filter: time and units.

It uses the product's own store module on the local store. Creating a million orders through the API would take hours, so
one order of each state is created that way; the others are written into the store's file as copies with their own values.
Customers likewise. `make bench-lists`, or `python -m bench.lists 4` for one number of shards.
"""

import contextlib
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.report import RESULTS, machine, publish, table
from bench.sample import ORDERS, PEOPLE, Kind, customer, moment
from bench.services import Store as LocalStore
from bench.services import recording, running_store
from sales.domain.clock import format_time
from sales.domain.orders import Order
from sales.runtime.settings import settings
from sales.store import Store
from sales.store.items import unmarshal_item
from sales.store.table import FILTERED_READS
from tests.conftest import ENVIRONMENT

SIZES = (1_000, 10_000, 100_000, 1_000_000)
SHARDS = (1, 4, 16)
LIMIT = 25
# The machine may be busy during some batches: the median is that of the quietest one.
BATCHES, PAGES = 5, 20
# Deeper trees and colder caches may cost a page this much more in the median, and no units. The 99th percentile is the
# slowest or second slowest of a hundred pages, where one pause of a busy machine lasts as long as several pages, so it must
# exceed a ratio and a number of milliseconds. Time that more orders cost must show at every larger size too; if it does
# not, it was the machine.
FLAT, FLAT_P99, PAUSE_MS = 1.5, 3.0, 25.0
# Each partition rounds its answer up to half a unit.
ROUNDED = 1.05


class Filler:
    """Write items into the store's file as the store itself writes them."""

    def __init__(self, local: LocalStore, file: Path, shards: int, kind: Kind) -> None:
        self._file, self._shards, self._kind = file, shards, kind
        self._table = local.template.functions["create_order"].environment[kind.variable]
        self._models: dict[Any, tuple[int, str, int]] = {}
        for name, number in kind.states.items():
            model = kind.model(number, shards)
            key = getattr(model, kind.key)
            store = product(local, local.url, shards)
            if isinstance(model, Order):
                store.orders.add(model)
            else:
                store.customers.add(model)
            with contextlib.closing(sqlite3.connect(file)) as connection:
                text, size = connection.execute(
                    f'SELECT item_json, item_size FROM "{self._table}" WHERE pk = ?',  # noqa: S608 - from the template
                    (f"S:{key}",),
                ).fetchone()
            self._models[name] = (number, str(text), int(size))
            local.client.call("DeleteItem", {"TableName": self._table, "Key": {kind.key: {"S": key}}})
        with contextlib.closing(sqlite3.connect(file)) as connection, connection:
            for index in kind.indexes:
                # Only the store's own writes use this index, and they end here.
                connection.execute(f'DROP INDEX IF EXISTS "{self._table}::gsi::{index}::base_key"')

    def _items(self, numbers: range) -> Iterator[tuple[dict[str, str], str, int]]:
        kind = self._kind
        patterns: dict[Any, tuple[str, int]] = {}
        for name, (first, text, size) in self._models.items():
            pattern = text.replace("%", "%%")
            old = kind.values(first, self._shards)
            for each in (each for each in old if each not in kind.attributes):
                pattern = pattern.replace(old[each], f"%({each})s")
            for each in kind.attributes:
                pattern = pattern.replace(f'"{each}":{{"S":"{old[each]}"}}', f'"{each}":{{"S":"%({each})s"}}')
            patterns[name] = (pattern, size - sum(len(old[each]) for each in kind.attributes))
        for number in numbers:
            values = kind.values(number, self._shards)
            pattern, size = patterns[kind.state(number)]
            text = pattern % values
            if number % 997 == 0:
                copied = unmarshal_item(json.loads(text))
                model = kind.model(number, self._shards)
                assert kind.read(copied) == model, text
                stored = kind.write(model)
                assert all(copied[each] == stored[each] for each in ("sort_key", *kind.indexes.values())), text
            yield values, text, size + sum(len(values[each]) for each in kind.attributes)

    def fill(self, numbers: range) -> float:
        """Add these items; return the seconds it took."""
        start = time.monotonic()
        key, indexes = self._kind.key, self._kind.indexes
        with contextlib.closing(sqlite3.connect(self._file, timeout=60)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA cache_size = -1000000")
            for first in range(numbers.start, numbers.stop, 50_000):
                rows = list(self._items(range(first, min(first + 50_000, numbers.stop))))
                connection.executemany(
                    f'INSERT INTO "{self._table}" (pk, item_json, item_size) VALUES (?, ?, ?)',  # noqa: S608 - from the template
                    ((f"S:{values[key]}", text, size) for values, text, size in rows),
                )
                for index, partition in indexes.items():
                    connection.executemany(
                        f'INSERT INTO "{self._table}::gsi::{index}" (gsi_pk, gsi_sk, table_pk, item_json) '  # noqa: S608 - from the template
                        "VALUES (?, ?, ?, ?)",
                        (
                            (f"S:{values[partition]}", f"S:{values['sort_key']}", f"S:{values[key]}", text)
                            for values, text, _ in rows
                        ),
                    )
                connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return time.monotonic() - start


@dataclass(frozen=True)
class Page:
    """The cost of a page: milliseconds, read units, rows."""

    p50: float
    p99: float
    units: float
    rows: int


RARE = "customer, sms_status of none"


def filters_of_orders(size: int) -> dict[str, dict[str, Any]]:
    """Return the filters to measure on this many orders; the pages have 25 rows unless the filter leaves fewer."""
    middle = f"{format_time(moment(size // 2))}#"
    return {
        "none, first page": {},
        "none, in the middle": {"follows": middle},
        "order_date_from, order_date_to": {
            "since": format_time(moment(size // 2 - 100)),
            "until": format_time(moment(size // 2 + 100)),
        },
        "sms_status": {"filters": {"sms_status": "delivered"}},
        "customer": {"filters": {"customer": customer(0).id}},
        "reference": {"filters": {"reference": f"r{size // 2:07}"}},
        "customer, order_date_to": {"filters": {"customer": customer(0).code}, "until": middle},
        "customer, sms_status": {"filters": {"customer": customer(0).id, "sms_status": "delivered"}},
        # None of the regular's texts has failed, so a page reads as many rows as it may.
        RARE: {"filters": {"customer": customer(0).id, "sms_status": "failed"}},
    }


def filters_of_customers(size: int) -> dict[str, dict[str, Any]]:
    """Return the filters to measure on customers."""
    one, shared = customer(size // 2 + 1, 1), customer(0, 1)
    return {
        "customers: none, first page": {},
        "customers: phone_number": {"filters": {"phone_number": shared.phone_number}},
        "customers: email": {"filters": {"email": shared.email}},
        "customers: email, phone_number": {"filters": {"email": shared.email, "phone_number": shared.phone_number}},
        "customers: code": {"filters": {"code": one.code}},
    }


def product(local: LocalStore, url: str, shards: int) -> Store:
    """Return the product's store, set up for these shards, on the local database or a relay in front of it."""
    deployed = local.template.functions["create_order"].environment
    tables = {name: deployed[name] for name in ("ORDERS_TABLE", "CUSTOMERS_TABLE")}
    os.environ.update(ENVIRONMENT | tables | {"DYNAMODB_ENDPOINT": url, "LIST_SHARDS": str(shards)})
    settings.cache_clear()
    return Store(settings())


def measure(local: LocalStore, shards: int, size: int) -> dict[str, Page]:
    """Measure each filter."""
    pages = {}
    with recording(local.url) as (address, calls):
        direct, counted = product(local, local.url, shards), product(local, address, shards)
        filters = [(name, "orders", chosen) for name, chosen in filters_of_orders(size).items()]
        if shards == 1:
            # Each filter of customers has its own index, which is not sharded.
            filters += [(name, "customers", chosen) for name, chosen in filters_of_customers(size).items()]
        for name, page_of, chosen in filters:
            bounds: dict[str, Any] = {"since": None, "until": None} if page_of == "orders" else {}
            wanted: dict[str, Any] = {"filters": {}, "follows": None} | bounds | chosen
            rows = len(getattr(counted, page_of).page(**wanted, limit=LIMIT).rows)
            units = sum(call.units for call in calls)
            calls.clear()
            batches = []
            for _ in range(BATCHES):
                times = []
                for _ in range(PAGES):
                    start = time.perf_counter()
                    getattr(direct, page_of).page(**wanted, limit=LIMIT)
                    times.append(1000 * (time.perf_counter() - start))
                batches.append(times)
            p99 = statistics.quantiles([each for times in batches for each in times], n=100)[98]
            pages[name] = Page(min(map(statistics.median, batches)), p99, units, rows)
    return pages


def fill_and_measure(shards: int) -> dict[str, Any]:
    """Measure every size with this many shards."""
    seconds, filled = 0.0, 0
    sizes: dict[str, Any] = {}
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sales-bench-") as folder, running_store(Path(folder)) as local:
        file = Path(folder) / "store" / "dynoxide.sqlite"
        fillers = [Filler(local, file, shards, kind) for kind in ((ORDERS, PEOPLE) if shards == 1 else (ORDERS,))]
        for size in SIZES:
            seconds += sum(filler.fill(range(filled, size)) for filler in fillers)
            filled = size
            sizes[str(size)] = {name: asdict(page) for name, page in measure(local, shards, size).items()}
            print(f"{shards} shards, {size:,} orders, filled in {seconds:.0f} s", sizes[str(size)], flush=True)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
        "seconds": round(seconds),
        "all_seconds": round(time.monotonic() - began),
        "sizes": sizes,
    }


def steep(first: Page, later: Page) -> Iterator[str]:
    """Yield how a page among more rows is worse than among fewer."""
    if later.rows != first.rows:
        yield f"{later.rows} rows, not {first.rows}"
    if later.units > ROUNDED * first.units:
        yield f"{later.units:g} read units, not {first.units:g}"
    if later.p50 > FLAT * first.p50:
        yield f"median {later.p50:.1f} ms, not {first.p50:.1f} ms"
    if later.p99 > max(FLAT_P99 * first.p99, first.p99 + PAUSE_MS):
        yield f"99th percentile {later.p99:.1f} ms, not {first.p99:.1f} ms"


def shown(measured: dict[str, Any]) -> tuple[list[list[Any]], list[str]]:
    """Return the rows of the table, and what in them is not flat."""
    rows: list[list[Any]] = []
    broken = []
    for shards, one in measured.items():
        for name in one["sizes"][str(SIZES[0])]:
            first, *more = each = [Page(**one["sizes"][str(size)][name]) for size in SIZES]
            rows.append(
                [shards, name, first.rows, f"{first.p50:.1f}, {first.p99:.1f}"]
                + [f"{later.p50 / first.p50:.2f}, {later.p99 / first.p99:.2f}" for later in more]
                + [" / ".join(f"{size.units:g}" for size in each)]
            )
            # The rare filter grows until a page reads as many rows as it may; from there on it is as flat as the others.
            least = 1 if name == RARE else 0
            for at in range(least + 1, len(SIZES)):
                later = replace(
                    each[at], p50=min(page.p50 for page in each[at:]), p99=min(page.p99 for page in each[at:])
                )
                broken += [f"ListShards {shards}, {name}, {SIZES[at]:,}: {what}" for what in steep(each[least], later)]
    return rows, broken


def publish_lists(measured: dict[str, Any]) -> int:
    """Write the page; 1 if a page of a million rows costs more than one of a thousand."""
    rows, broken = shown(measured)
    body = "\n".join(
        [
            f"A page of at most {LIMIT} rows through `sales.store`, read {BATCHES * PAGES} times in a row. Times among 1,000 orders (or",
            "customers) are in milliseconds, the others are ratios to them: the median of the quietest batch of",
            f"{PAGES}, and the 99th percentile of all. The store counts read units. The regular customer placed a tenth of all orders",
            "and has no failed text; nine tenths of all texts are delivered; a tenth of all customers share number and e-mail.",
            "Filters of customers are measured with one shard, because their indexes are not sharded.",
            "",
            table(
                ["ListShards", "filter", "rows", "1,000: p50, p99 ms"]
                + [f"{size:,}" for size in SIZES[1:]]
                + [f"read units at {' / '.join(f'{size:,}' for size in SIZES)}"],
                rows,
            ),
            "",
            "With more shards a page reads more partitions, a whole page from each, since one of them may hold all rows: its units",
            "grow with the shards. That is the price of spreading the writes.",
            "",
            f"*{RARE}* matches nothing: a page reads {FILTERED_READS:,} rows for it and says that there are more to search.",
            "It is compared with the first size that has so many.",
            "",
            f"Not flat (median {FLAT:g} times, 99th percentile {FLAT_P99:g} times and {PAUSE_MS:g} ms, at every larger size too; any difference in units and rows): "
            f"{'; '.join(broken) or 'nothing'}. The bench took "
            + ", ".join(f"{one['all_seconds']} s ({one['seconds']} s of it filling)" for one in measured.values())
            + f" for {', '.join(measured)} shards.",
        ]
    )
    publish("lists", "Lists: pages of 1,000 to 1,000,000 orders", body)
    return 1 if broken else 0


def main() -> int:
    """Fill and measure, for the numbers of shards in the arguments or for all."""
    data = RESULTS / "lists.json"
    measured: dict[str, Any] = json.loads(data.read_text()) if data.is_file() else {}
    for shards in [int(each) for each in sys.argv[1:]] or SHARDS:
        measured[str(shards)] = fill_and_measure(shards)
        measured = dict(sorted(measured.items(), key=lambda each: int(each[0])))
        data.write_text(json.dumps(measured, indent=1) + "\n")
    return publish_lists(measured)


if __name__ == "__main__":
    sys.exit(main())
