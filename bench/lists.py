"""Pages of 1,000 to 1,000,000 orders and customers, for 1, 4 and 16 list shards and each filter: time, capacity units.

Through the product's own store module, on the local store. A million orders through its front door would take hours;
so the first order of each state goes in by that door, and the others are written into the store's file beside it, as
copies that differ in what differs between orders; customers likewise. `make bench-lists`, or `python -m bench.lists 4` for one setting.
"""

import contextlib
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from bench.report import RESULTS, machine, publish, table
from bench.services import Store as LocalStore
from bench.services import recording, running_store
from sales import store as sales_store
from sales.domain.caller import Caller
from sales.domain.clock import format_time
from sales.domain.customers import Customer, list_shard
from sales.domain.ids import code_of, customer_ids, order_id
from sales.domain.orders import Order
from sales.domain.sms.content import render
from sales.domain.sms.states import Cause, Status
from sales.domain.sms.wording import text_template
from sales.runtime.settings import settings
from tests.conftest import ENVIRONMENT

SIZES = (1_000, 10_000, 100_000, 1_000_000)
SHARDS = (1, 4, 16)
LIMIT = 25
# The machine may be busy for some of them: the median is that of the quietest batch.
BATCHES, PAGES = 5, 20
START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=20)
CUSTOMERS = 1_000
# More than this for the median of a page, or anything for its units, is not flat: deeper trees, colder caches. A 99th
# percentile is the slowest or second slowest of a hundred pages, and one pause of a machine that does other things as
# well is as long as several pages: it must be that many times more and that many milliseconds longer. Time that more orders
# cost, even more orders cost as well: what is gone at a larger size was the machine.
FLAT, FLAT_P99, PAUSE_MS = 1.5, 3.0, 25.0
# Each partition's answer is rounded up to half a unit by itself.
ROUNDED = 1.05


CALLER = Caller("tester", "sales-service", frozenset())


def order_name(number: int) -> str:
    """The id of the order, as the product makes it of an Idempotency-Key."""
    return order_id(CALLER, f"order-{number}")


def customer(number: int, shards: int = 1) -> Customer:
    """A customer; number 0 is the regular, whose every tenth order it is. Every tenth shares number and e-mail with it."""
    name = next(customer_ids(CALLER, f"customer-{number}"))
    own = 0 if number % 10 == 0 else number
    return Customer.new(
        id=name,
        code=code_of(name),
        name="john doe",
        phone_number=f"+25470{own:07}",
        email=f"example{own:07}@gmail.com",
        now=moment(number),
        fingerprint="",
        shards=shards,
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
        after = new.on(cause, made, **(sent if cause is Cause.accepted else {}))
        assert after, cause
        new = after
    assert new.sms.status is state(number)
    return replace(new, due_at=None)


@dataclass(frozen=True)
class Kind:
    """A table to be filled: its items' key, its indexes by their partitions, and what differs between two items.

    `model` is an item as the product makes it, of which there are as many kinds as `states` says; `values` is what in
    it is its own, in the order of replacing: a text that is part of another one comes after it.
    """

    variable: str
    key: str
    indexes: dict[str, str]
    states: dict[Any, int]
    state: Callable[[int], Any]
    model: Callable[[int, int], Order | Customer]
    values: Callable[[int, int], dict[str, str]]
    # Short values, which stand in too many other places to be replaced but where they are an attribute.
    attributes: tuple[str, ...]
    read: Callable[[dict[str, Any]], Order | Customer]


@cache
def whose(number: int) -> tuple[str, str, str]:
    """Id, code and number of a customer."""
    found = customer(number)
    return found.id, found.code, found.phone_number


def values_of_order(number: int, shards: int) -> dict[str, str]:
    """What differs between two orders of one state."""
    name = order_name(number)
    who, code, number_of_who = whose(0 if number % 10 == 0 else 1 + number % (CUSTOMERS - 1))
    shard = list_shard(name, shards)
    return {
        "id": name,
        "customer": who,
        "customer_code": code,
        "sort_key": f"{format_time(moment(number))}#{name}",
        "date": format_time(moment(number)),
        "reference": f"r{number:07}",
        "message_id": f"ATXid_{number:032x}",
        "to": number_of_who,
        "list_shard": shard,
        "sms_shard": f"{state(number).value}#{shard}",
    }


def values_of_customer(number: int, shards: int) -> dict[str, str]:
    """What differs between two customers."""
    found = customer(number, shards)
    return {
        "id": found.id,
        "code": found.code,
        "sort_key": found.sort_key,
        "date": found.created_at,
        "email_key": found.email,
        "phone_number": found.phone_number,
        "list_shard": found.list_shard,
    }


ORDERS = Kind(
    "ORDERS_TABLE",
    "id",
    {
        "by_date": "list_shard",
        "by_customer": "customer_code",
        "by_sms_status": "sms_shard",
        "by_reference": "reference",
    },
    {Status.delivered: 0, Status.failed: 7},
    state,
    order,
    values_of_order,
    ("list_shard", "sms_shard"),
    Order.from_item,
)
PEOPLE = Kind(
    "CUSTOMERS_TABLE",
    "code",
    {"by_date": "list_shard", "by_phone_number": "phone_number", "by_email": "email_key"},
    {None: 0},
    lambda _: None,
    customer,
    values_of_customer,
    ("list_shard",),
    Customer.from_item,
)


class Filler:
    """Writes items into the store's file, as the store itself writes them."""

    def __init__(self, local: LocalStore, file: Path, shards: int, kind: Kind) -> None:
        self._file, self._shards, self._kind = file, shards, kind
        self._table = local.template.functions["create_order"].environment[kind.variable]
        self._models = {}
        for name, number in kind.states.items():
            model = kind.model(number, shards)
            key = getattr(model, kind.key)
            store = product(local, local.url, shards)
            there = store.add_order(model) if isinstance(model, Order) else store.add_customer(model)
            assert there is None
            with contextlib.closing(sqlite3.connect(file)) as connection:
                text, size = connection.execute(
                    f'SELECT item_json, item_size FROM "{self._table}" WHERE pk = ?', (f"S:{key}",)
                ).fetchone()
            self._models[name] = (number, str(text), int(size))
            local.client.call("DeleteItem", {"TableName": self._table, "Key": {kind.key: {"S": key}}})
        with contextlib.closing(sqlite3.connect(file)) as connection, connection:
            for index in kind.indexes:
                # Only writes look there, and from here on there are none but these.
                connection.execute(f'DROP INDEX IF EXISTS "{self._table}::gsi::{index}::base_key"')

    def _items(self, numbers: range) -> Iterator[tuple[dict[str, str], str, int]]:
        kind, patterns = self._kind, {}
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
                copied = sales_store.unmarshal_item(json.loads(text))
                model = kind.model(number, self._shards)
                assert kind.read(copied) == model, text
                stored = model.to_item()
                assert all(copied[each] == stored[each] for each in ("sort_key", *kind.indexes.values())), text
            yield values, text, size + sum(len(values[each]) for each in kind.attributes)

    def fill(self, numbers: range) -> float:
        """Adds these; the seconds it took."""
        start = time.monotonic()
        key, indexes = self._kind.key, self._kind.indexes
        with contextlib.closing(sqlite3.connect(self._file, timeout=60)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA cache_size = -1000000")
            for first in range(numbers.start, numbers.stop, 50_000):
                rows = list(self._items(range(first, min(first + 50_000, numbers.stop))))
                connection.executemany(
                    f'INSERT INTO "{self._table}" (pk, item_json, item_size) VALUES (?, ?, ?)',
                    ((f"S:{values[key]}", text, size) for values, text, size in rows),
                )
                for index, partition in indexes.items():
                    connection.executemany(
                        f'INSERT INTO "{self._table}::gsi::{index}" (gsi_pk, gsi_sk, table_pk, item_json) '
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
class Found:
    """What a page took: milliseconds, read units, rows."""

    p50: float
    p99: float
    units: float
    rows: int


RARE = "customer, sms_status of none"


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
        # No text of the regular's has failed: all that a page may read is read for it.
        RARE: {"filters": {"customer": customer(0).id, "sms_status": "failed"}},
    }


def questions_of_customers(size: int) -> dict[str, dict[str, Any]]:
    """The same, of the customers' list."""
    one, shared = customer(size // 2 + 1, 1), customer(0, 1)
    return {
        "customers: none, first page": {},
        "customers: phone_number": {"filters": {"phone_number": shared.phone_number}},
        "customers: email": {"filters": {"email": shared.email}},
        "customers: email, phone_number": {"filters": {"email": shared.email, "phone_number": shared.phone_number}},
        "customers: code": {"filters": {"code": one.code}},
    }


def product(local: LocalStore, url: str, shards: int) -> sales_store.Store:
    """The product's store module on the store, or on what is in front of it, set up for these shards."""
    deployed = local.template.functions["create_order"].environment
    tables = {name: deployed[name] for name in ("ORDERS_TABLE", "CUSTOMERS_TABLE")}
    os.environ.update(ENVIRONMENT | tables | {"DYNAMODB_ENDPOINT": url, "LIST_SHARDS": str(shards)})
    settings.cache_clear()
    return sales_store.Store(settings())


def measure(local: LocalStore, shards: int, size: int) -> dict[str, Found]:
    """Each question, asked so often."""
    found = {}
    with recording(local.url) as (address, calls):
        direct, counted = product(local, local.url, shards), product(local, address, shards)
        asked = [(name, "orders", question) for name, question in questions(size).items()]
        if shards == 1:
            # Each of their filters has an index of its own, which shards do not touch.
            asked += [(name, "customers", question) for name, question in questions_of_customers(size).items()]
        for name, page_of, question in asked:
            bounds: dict[str, Any] = {"since": None, "until": None} if page_of == "orders" else {}
            wanted: dict[str, Any] = {"filters": {}, "follows": None} | bounds | question
            rows = len(getattr(counted, page_of)(**wanted, limit=LIMIT).items)
            units = sum(call.units for call in calls)
            calls.clear()
            batches = []
            for _ in range(BATCHES):
                times = []
                for _ in range(PAGES):
                    start = time.perf_counter()
                    getattr(direct, page_of)(**wanted, limit=LIMIT)
                    times.append(1000 * (time.perf_counter() - start))
                batches.append(times)
            p99 = statistics.quantiles([each for times in batches for each in times], n=100)[98]
            found[name] = Found(min(map(statistics.median, batches)), p99, units, rows)
    return found


def fill_and_measure(shards: int) -> dict[str, Any]:
    """Every size with this many shards."""
    seconds, filled, found = 0.0, 0, {}
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sales-bench-") as folder, running_store(Path(folder)) as local:
        file = Path(folder) / "store" / "dynoxide.sqlite"
        fillers = [Filler(local, file, shards, kind) for kind in ((ORDERS, PEOPLE) if shards == 1 else (ORDERS,))]
        for size in SIZES:
            seconds += sum(filler.fill(range(filled, size)) for filler in fillers)
            filled = size
            found[str(size)] = {name: asdict(one) for name, one in measure(local, shards, size).items()}
            print(f"{shards} shards, {size:,} orders, filled in {seconds:.0f} s", found[str(size)], flush=True)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
        "seconds": round(seconds),
        "all_seconds": round(time.monotonic() - began),
        "sizes": found,
    }


def steep(first: Found, later: Found) -> Iterator[str]:
    """What of a page among more is not as it was among less."""
    if later.rows != first.rows:
        yield f"{later.rows} rows, not {first.rows}"
    if later.units > ROUNDED * first.units:
        yield f"{later.units:g} read units, not {first.units:g}"
    if later.p50 > FLAT * first.p50:
        yield f"median {later.p50:.1f} ms, not {first.p50:.1f} ms"
    if later.p99 > max(FLAT_P99 * first.p99, first.p99 + PAUSE_MS):
        yield f"99th percentile {later.p99:.1f} ms, not {first.p99:.1f} ms"


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
            # The rare one grows until a page reads all it may: from there on it is as flat as the others.
            least = 1 if name == RARE else 0
            for at in range(least + 1, len(SIZES)):
                later = replace(
                    each[at], p50=min(found.p50 for found in each[at:]), p99=min(found.p99 for found in each[at:])
                )
                broken += [f"ListShards {shards}, {name}, {SIZES[at]:,}: {what}" for what in steep(each[least], later)]
    return rows, broken


def publish_lists(measured: dict[str, Any]) -> int:
    """Writes the page; 1 if pages of a million are not those of a thousand."""
    rows, broken = shown(measured)
    body = "\n".join(
        [
            f"A page of at most {LIMIT} rows through `sales.store`, asked {BATCHES * PAGES} times one after the other. Times of 1,000",
            "orders (or customers) in milliseconds, those of more as ratios to them (median of the quietest batch of",
            f"{PAGES}, 99th percentile of all); read units as the store counts them. The regular customer has a tenth of all",
            "orders and no text that failed; nine tenths of all texts are delivered; a tenth of all customers share number and",
            "e-mail. Customers' filters are asked with one shard: no shard touches their indexes.",
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
            f"*{RARE}* finds nothing: a page reads {sales_store.FILTERED_READS:,} rows for it and says that there is more to look",
            "through. It is held against the size from which there are so many.",
            "",
            f"Not flat (median {FLAT:g} times, 99th percentile {FLAT_P99:g} times and {PAUSE_MS:g} ms, at every larger size too; units and rows at all): "
            f"{'; '.join(broken) or 'nothing'}. It took "
            + ", ".join(f"{one['all_seconds']} s ({one['seconds']} s of it filling)" for one in measured.values())
            + f" for {', '.join(measured)} shards.",
        ]
    )
    publish("lists", "Lists: pages of 1,000 to 1,000,000 orders", body)
    return 1 if broken else 0


def main() -> int:
    """Fills and measures, for the numbers of shards given or all."""
    data = RESULTS / "lists.json"
    measured: dict[str, Any] = json.loads(data.read_text()) if data.is_file() else {}
    for shards in [int(each) for each in sys.argv[1:]] or SHARDS:
        measured[str(shards)] = fill_and_measure(shards)
        measured = dict(sorted(measured.items(), key=lambda each: int(each[0])))
        data.write_text(json.dumps(measured, indent=1) + "\n")
    return publish_lists(measured)


if __name__ == "__main__":
    sys.exit(main())
