"""Pages of orders with 1,000 to 1,000,000 of them, for 1, 4 and 16 list shards and each filter: time and capacity units.

Through the product's own store module, on the local store. A million orders through its front door would take hours;
so the first order of each state goes in by that door, and the others are written into the store's file beside it, as
copies that differ in what differs between orders. `make bench-lists`, or `python -m bench.lists 4` for one setting.
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
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.report import RESULTS, machine, publish, table
from bench.services import Store as LocalStore
from bench.services import recording, running_store
from sales import store as sales_store
from sales.auth import Caller
from sales.clock import format_time
from sales.customers import Customer, list_shard
from sales.identity import code_of, customer_ids, order_id
from sales.messages import Cause, Status, render, text_template
from sales.orders import Order
from sales.settings import settings
from tests.conftest import ENVIRONMENT

SIZES = (1_000, 10_000, 100_000, 1_000_000)
SHARDS = (1, 4, 16)
LIMIT = 25
PAGES = 200
START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=20)
CUSTOMERS = 1_000
INDEXES = {
    "by_date": "list_shard",
    "by_customer": "customer_code",
    "by_sms_status": "sms_shard",
    "by_reference": "reference",
}
# More than this for the time of a page, or anything for its units, is not flat. Times: deeper trees, colder caches.
FLAT = 3.0
# Each partition's answer is rounded up to half a unit by itself.
ROUNDED = 1.05


CALLER = Caller("tester", "sales-service", frozenset())


def order_name(number: int) -> str:
    """The id of the order, as the product makes it of an Idempotency-Key."""
    return order_id(CALLER, f"order-{number}")


def customer(number: int) -> Customer:
    """A customer; number 0 is the regular, whose every tenth order it is."""
    name = next(customer_ids(CALLER, f"customer-{number}"))
    return Customer.new(
        id=name,
        code=code_of(name),
        name="john doe",
        phone_number="+254704590344",
        email="example@gmail.com",
        now=START,
        fingerprint="",
        shards=1,
    )


def moment(number: int) -> datetime:
    """When an order was made."""
    return START + STEP * number


def state(number: int) -> Status:
    """Nine of ten texts are delivered; every tenth has failed."""
    return Status.failed if number % 10 == 7 else Status.delivered


def order(number: int, shards: int) -> Order:
    """An order whose text has come to its end, by the product's own moves."""
    whose = customer(0 if number % 10 == 0 else 1 + number % (CUSTOMERS - 1))
    made = moment(number)
    text = render(text_template(""), name=whose.name, item="macbook m2", currency="KES", amount="56000.68")
    new = Order.new(
        id=order_name(number),
        customer=whose,
        item="macbook m2",
        amount=Decimal("56000.68"),
        currency="KES",
        reference=f"r{number:07}",
        text=text,
        now=made,
        client="sales-service",
        fingerprint="0" * 64,
        shards=shards,
    )
    causes = (Cause.claimed, Cause.accepted, Cause.report_success)
    if state(number) is Status.failed:
        causes = (Cause.claimed, Cause.refused)
    for cause in causes:
        sent = {"message_id": f"ATXid_{number:032x}", "cost": "KES 0.8000"}
        after = new.after(cause, made, **(sent if cause is Cause.accepted else {}))
        assert after, cause
        new = after
    assert new.sms.status is state(number)
    return replace(new, due_at=None)


class Filler:
    """Writes orders into the store's file, as the store itself writes them."""

    def __init__(self, local: LocalStore, file: Path, shards: int) -> None:
        self._local, self._file, self._shards = local, file, shards
        self._table = local.template.functions["list_orders"].environment["ORDERS_TABLE"]
        self._codes = [(each.id, each.code) for each in map(customer, range(CUSTOMERS))]
        self._models = {}
        for number in (0, 7):
            model = order(number, shards)
            product(local.url, shards, self._table).add_order(model)
            with contextlib.closing(sqlite3.connect(file)) as connection:
                text, size = connection.execute(
                    f'SELECT item_json, item_size FROM "{self._table}" WHERE pk = ?', (f"S:{model.id}",)
                ).fetchone()
            self._models[state(number)] = (number, str(text), int(size))
            local.client.call("DeleteItem", {"TableName": self._table, "Key": {"id": {"S": model.id}}})
        with contextlib.closing(sqlite3.connect(file)) as connection, connection:
            for index in INDEXES:
                # Only writes look there, and from here on there are none but these.
                connection.execute(f'DROP INDEX IF EXISTS "{self._table}::gsi::{index}::base_key"')

    def _values(self, number: int) -> dict[str, str]:
        """What differs between two orders of one state."""
        name = order_name(number)
        who, code = self._codes[0 if number % 10 == 0 else 1 + number % (CUSTOMERS - 1)]
        shard = list_shard(name, self._shards)
        return {
            "id": name,
            "customer": who,
            "customer_code": code,
            "date": format_time(moment(number)),
            "reference": f"r{number:07}",
            "message_id": f"ATXid_{number:032x}",
            "list_shard": shard,
            "sms_shard": f"{state(number).value}#{shard}",
        }

    def _items(self, numbers: range) -> Iterator[tuple[dict[str, str], str, int]]:
        patterns = {}
        for kind, (first, text, size) in self._models.items():
            pattern = text.replace("%", "%%")
            old = self._values(first)
            # The longest first: an id is part of the sort key, a shard's number of nearly everything.
            for name in ("id", "customer", "customer_code", "date", "reference", "message_id"):
                pattern = pattern.replace(old[name], f"%({name})s")
            for name in ("list_shard", "sms_shard"):
                pattern = pattern.replace(f'"{name}":{{"S":"{old[name]}"}}', f'"{name}":{{"S":"%({name})s"}}')
            patterns[kind] = (pattern, size - len(old["list_shard"]) - len(old["sms_shard"]))
        for number in numbers:
            values = self._values(number)
            pattern, size = patterns[state(number)]
            text = pattern % values
            if number % 997 == 0:
                copied = sales_store.unmarshal_item(json.loads(text))
                assert Order.from_item(copied) == order(number, self._shards), text
                assert Order.from_item(copied).to_item()["sort_key"] == copied["sort_key"]
                assert Order.from_item(copied).to_item()["sms_shard"] == copied["sms_shard"]
            yield values, text, size + len(values["list_shard"]) + len(values["sms_shard"])

    def fill(self, numbers: range) -> float:
        """Adds these orders; the seconds it took."""
        start = time.monotonic()
        with contextlib.closing(sqlite3.connect(self._file, timeout=60)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA cache_size = -1000000")
            for first in range(numbers.start, numbers.stop, 50_000):
                rows = list(self._items(range(first, min(first + 50_000, numbers.stop))))
                connection.executemany(
                    f'INSERT INTO "{self._table}" (pk, item_json, item_size) VALUES (?, ?, ?)',
                    ((f"S:{values['id']}", text, size) for values, text, size in rows),
                )
                for index, key in INDEXES.items():
                    connection.executemany(
                        f'INSERT INTO "{self._table}::gsi::{index}" (gsi_pk, gsi_sk, table_pk, item_json) '
                        "VALUES (?, ?, ?, ?)",
                        (
                            (f"S:{values[key]}", f"S:{values['date']}#{values['id']}", f"S:{values['id']}", text)
                            for values, text, _ in rows
                        ),
                    )
                connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return time.monotonic() - start


@dataclass(frozen=True)
class Found:
    """What a page took: milliseconds, read units, rows."""

    p50: float
    p99: float
    units: float
    rows: int


def questions(size: int) -> dict[str, dict[str, Any]]:
    """What is asked of a list of so many, all of pages that have 25 rows where the filter lets so many through."""
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
    }


def product(url: str, shards: int, orders: str) -> sales_store.Store:
    """The product's store module, set up for these shards."""
    os.environ.update(ENVIRONMENT | {"ORDERS_TABLE": orders, "DYNAMODB_ENDPOINT": url, "LIST_SHARDS": str(shards)})
    settings.cache_clear()
    return sales_store.Store(settings())


def measure(local: LocalStore, shards: int, size: int) -> dict[str, Found]:
    """Each question, asked so often."""
    orders = local.template.functions["list_orders"].environment["ORDERS_TABLE"]
    found = {}
    with recording(local.url) as (address, calls):
        direct, counted = product(local.url, shards, orders), product(address, shards, orders)
        for name, question in questions(size).items():
            asked: dict[str, Any] = {"filters": {}, "since": None, "until": None, "follows": None} | question
            filters = asked.pop("filters")
            rows = len(counted.orders(filters, **asked, limit=LIMIT).items)
            units = sum(call.units for call in calls)
            calls.clear()
            times = []
            for _ in range(PAGES):
                start = time.perf_counter()
                direct.orders(filters, **asked, limit=LIMIT)
                times.append(1000 * (time.perf_counter() - start))
            quantiles = statistics.quantiles(times, n=100)
            found[name] = Found(quantiles[49], quantiles[98], units, rows)
    return found


def fill_and_measure(shards: int) -> dict[str, Any]:
    """Every size with this many shards."""
    seconds, filled, found = 0.0, 0, {}
    with tempfile.TemporaryDirectory(prefix="sales-bench-") as folder, running_store(Path(folder)) as local:
        filler = Filler(local, Path(folder) / "store" / "dynoxide.sqlite", shards)
        for size in SIZES:
            seconds += filler.fill(range(filled, size))
            filled = size
            found[str(size)] = {name: asdict(one) for name, one in measure(local, shards, size).items()}
            print(f"{shards} shards, {size:,} orders, filled in {seconds:.0f} s", found[str(size)], flush=True)
    return {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine(), "seconds": round(seconds), "sizes": found}


def shown(measured: dict[str, Any]) -> tuple[list[list[Any]], list[str]]:
    """The rows of the page, and what in them is not flat."""
    rows: list[list[Any]] = []
    broken = []
    for shards, one in measured.items():
        for name in one["sizes"][str(SIZES[0])]:
            first, *more = each = [Found(**one["sizes"][str(size)][name]) for size in SIZES]
            rows.append(
                [shards, name, first.rows, f"{first.p50:.1f}, {first.p99:.1f}"]
                + [f"{later.p50 / first.p50:.2f}, {later.p99 / first.p99:.2f}" for later in more]
                + [" / ".join(f"{size.units:g}" for size in each)]
            )
            where = f"ListShards {shards}, {name}"
            if any(later.rows != first.rows for later in more):
                broken.append(f"{where}: {[size.rows for size in each]} rows")
            if max(size.units for size in each) > ROUNDED * first.units:
                broken.append(f"{where}: {[size.units for size in each]} read units")
            if max(size.p50 for size in each) > FLAT * first.p50:
                broken.append(f"{where}: {[round(size.p50, 1) for size in each]} ms")
    return rows, broken


def main() -> int:
    """Fills and measures, for the numbers of shards given or all; 1 if pages of a million are not those of a thousand."""
    data = RESULTS / "lists.json"
    measured: dict[str, Any] = json.loads(data.read_text()) if data.is_file() else {}
    for shards in [int(each) for each in sys.argv[1:]] or SHARDS:
        measured[str(shards)] = fill_and_measure(shards)
        measured = dict(sorted(measured.items(), key=lambda each: int(each[0])))
        data.write_text(json.dumps(measured, indent=1) + "\n")
    rows, broken = shown(measured)
    body = "\n".join(
        [
            f"A page of at most {LIMIT} orders through `sales.store`, asked {PAGES} times one after the other. Times of 1,000",
            "orders in milliseconds, those of more as ratios to them (median, 99th percentile); read units as the store counts",
            "them. The regular customer has a tenth of all orders; nine tenths of all texts are delivered.",
            "",
            table(
                ["ListShards", "filter", "rows", "1,000: p50, p99 ms"]
                + [f"{size:,}" for size in SIZES[1:]]
                + [f"read units at {' / '.join(f'{size:,}' for size in SIZES)}"],
                rows,
            ),
            "",
            "More shards ask more partitions, each for a whole page, since all rows may lie in one: the units of a page grow",
            "with the shards. That is the price of spreading the writes.",
            "",
            f"Not flat: {'; '.join(broken) or 'nothing'}. Filling took "
            + ", ".join(f"{one['seconds']} s" for one in measured.values())
            + f" for {', '.join(measured)} shards.",
        ]
    )
    publish("lists", "Lists: pages of 1,000 to 1,000,000 orders", body)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
