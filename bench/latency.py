"""Measure the whole system on this machine: how soon a text goes out, how many requests it answers, its memory when idle.

It starts its own system. `python -m bench.latency [--seconds 20] [--no-django]`; `make bench-latency`.

- Order to text: from sending the order's request until the sandbox receives its text, at a steady rate. Of that, the
  stream's delay: from the order's own time until the sender claims it.
- Requests per second: eight clients that keep their connections, each asking as fast as it is answered; the same clients
  against bare Django REST Framework under gunicorn; and how many of the writes that create an order the store alone does.
- The same with a slow provider: Django as the original does it (it verifies the token and sends the text within the
  request), with few and with many threads, compared with ours; orders answered, texts sent, texts known to be delivered.
- Processor time per order of each process, on a system that does nothing else.
- Memory: the proportional set size of all processes of the system, which counts shared memory once.
"""

import argparse
import json
import re
import sqlite3
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import latency_report, servers
from bench.load import (
    CLIENTS,
    CROWD,
    WARM_UP_SECONDS,
    Client,
    nothing_pending,
    percentile,
    rates,
    sustained,
    throughput,
)  # fmt: skip
from bench.report import RESULTS, machine
from bench.runtime_api import cpu_clock
from bench.services import running_store
from deployment.template import load
from local.aws.dynamodb import DatabaseClient, request_headers
from local.config import Config
from tests.support.system import BASE, System, free_ports, until

RATES = (1, 10, 50)
PROVIDER_MS = (0, 200, 1000)
# Gunicorn's threads per worker, with two workers: as its documentation suggests, and one for each client of the crowd.
THREADS = {"few": 4, "many": CROWD // servers.WORKERS}
SHARED_ORDERS = 600


def texts(system: System, rate: int, seconds: float, customer: str) -> dict[str, float]:
    """Create orders at a steady rate and measure when their texts went out."""
    local = threading.local()
    token = system.token()
    count = max(int(rate * seconds), 20)
    mark = f"r{rate}-{time.time_ns()}"
    sent: dict[str, float] = {}
    answered: list[float] = []

    def one(number: int) -> None:
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        if not hasattr(local, "client"):
            local.client = Client(system.port, {"Authorization": f"Bearer {token}"})
        item = f"{mark}-{number}"
        sent[item] = time.time()
        start = time.perf_counter()
        local.client.call("POST", f"{BASE}/orders", {"customer": customer, "item": item, "amount": "1"})
        answered.append(time.perf_counter() - start)

    with ThreadPoolExecutor(32) as threads:
        began = time.monotonic()
        list(threads.map(one, range(count)))
        took = time.monotonic() - began

    def received() -> dict[str, float] | None:
        times: dict[str, float] = {}
        for text in system.texts():
            if match := re.search(rf"{mark}-\d+", text["text"]):
                times.setdefault(match[0], datetime.fromisoformat(text["recorded_at"]).timestamp())
        return times if len(times) == count else None

    times = until(received, seconds=120, every=1)
    waits = [times[item] - moment for item, moment in sent.items()]
    delays = []
    for order in system.orders(customer=customer):
        if order["item"] in sent:
            claimed = next(entry["at"] for entry in order["sms"]["history"] if entry["status"] == "sending")
            delays.append(
                (datetime.fromisoformat(claimed) - datetime.fromisoformat(order["order_date"])).total_seconds()
            )
    return {
        "asked_rate": rate,
        "rate": count / took,
        "orders": count,
        "answer_p50": percentile(answered, 50),
        "answer_p99": percentile(answered, 99),
        "stream_p50": percentile(delays, 50),
        "stream_p99": percentile(delays, 99),
        "text_p50": percentile(waits, 50),
        "text_p99": percentile(waits, 99),
        "text_max": max(waits),
    }


def processes(system: System) -> dict[int, str]:
    """Return the system's process ids, with the names of the parts in each."""
    names: dict[int, str] = {}
    for name, pid in system.pids().items():
        names[pid] = f"{names[pid]}, {name}" if pid in names else name
    return names


def processor(system: System) -> dict[str, float]:
    """Return the milliseconds of processor time that each kind of process has used so far."""
    used: dict[str, float] = {}
    for pid, name in processes(system).items():
        kind = re.sub(r"^worker-(.*)-\d+$", r"\1", name)
        with suppress(OSError):
            used[kind] = used.get(kind, 0) + cpu_clock(pid) * 1000
    return used


def stored(system: System) -> int | None:
    """Return how many changes of items the store has written so far, or None if the store does not say."""
    file = system.state / "store" / "dynoxide.sqlite"
    if not file.is_file():
        return None
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM _stream_records").fetchone()[0])


def shares(system: System, order: dict[str, str]) -> dict[str, Any]:
    """Return what an order costs with its text and both delivery reports: milliseconds per process, and writes."""
    head = {"Authorization": f"Bearer {system.token()}"}
    until(lambda: nothing_pending(system), seconds=300, every=1)
    before, written = processor(system), stored(system)

    def work(_: int) -> None:
        client = Client(system.port, head)
        for _ in range(SHARED_ORDERS // CLIENTS):
            client.call("POST", f"{BASE}/orders", order)

    with ThreadPoolExecutor(CLIENTS) as threads:
        list(threads.map(work, range(CLIENTS)))
    until(lambda: nothing_pending(system), seconds=300, every=1)
    after, ended = processor(system), stored(system)
    count = SHARED_ORDERS // CLIENTS * CLIENTS
    polled = {"list_orders"}  # by this bench
    return {
        "ms": {kind: (after[kind] - before.get(kind, 0)) / count for kind in after if kind not in polled},
        "writes": (ended - written) / count if written is not None and ended is not None else None,
    }


def memory(system: System) -> dict[str, float]:
    """Return the megabytes of each process, with shared memory counted once."""
    megabytes = {}
    for pid, name in processes(system).items():
        with suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            [kilobytes] = re.findall(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)
            megabytes[name] = int(kilobytes) / 1000
    return megabytes


def store_alone(where: str | None, item: dict[str, Any], seconds: float) -> dict[str, float]:
    """Return how many writes that create an order the store does for clients that do nothing else."""
    with tempfile.TemporaryDirectory(prefix="sales-bench-", dir=where) as name, running_store(Path(name)) as store:
        table = store.template.functions["create_order"].environment["ORDERS_TABLE"]
        port, head = int(store.url.rpartition(":")[2]), request_headers("PutItem")

        def putting() -> Callable[[], object]:
            client = Client(port, head)

            def write() -> None:
                new = str(uuid.uuid4())
                keys = {"id": {"S": new}, "sort_key": {"S": f"{item['order_date']['S']}#{new}"}}
                put = {"TableName": table, "Item": item | keys, "ConditionExpression": "attribute_not_exists(id)"}
                client.call("POST", "/", put)

            return write

        before = cpu_clock(store.pid)
        rate, total = throughput(putting, seconds)
        return {"rate": rate, "ms": (cpu_clock(store.pid) - before) * 1000 / total}


def an_item(system: System, order_id: str) -> dict[str, Any]:
    """Return the item of an order."""
    config = Config(port=system.port, state=system.state, settings={})
    table = load(config.template, config.parameters).functions["create_order"].environment["ORDERS_TABLE"]
    answer = DatabaseClient(config.database_url).call("GetItem", {"TableName": table, "Key": {"id": {"S": order_id}}})
    item: dict[str, Any] = answer["Item"]
    return item


def ours(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure our system and its store."""
    found: dict[str, Any] = {}
    system = System(folder)
    for start in ("first_start", "second_start"):
        system.stop()
        began = time.monotonic()
        system.start()
        found[start] = time.monotonic() - began
    try:
        time.sleep(options.idle)
        found["idle_memory"] = memory(system)
        customer = system.customer()
        order = {"customer": customer["id"], "item": "macbook m2", "amount": "56000.68"}
        item = an_item(system, system.order(customer)["id"])
        # Start the workers and connections that the highest rate needs.
        texts(system, max(RATES), 2 * WARM_UP_SECONDS, customer["id"])
        found["texts"] = []
        for rate in RATES:
            print(f"order to text, {rate}/s", flush=True)
            found["texts"].append(texts(system, rate, options.seconds, customer["id"]))
        print("requests a second", flush=True)
        head = {"Authorization": f"Bearer {system.token()}"}

        def connect() -> Client:
            return Client(system.port, head)

        found["ours"] = rates(connect, order, options.seconds / 2)
        print("processor time of an order", flush=True)
        found["processor"] = shares(system, order)
        found["busy_memory"] = memory(system)
        found["gateway"] = {}
        for milliseconds in PROVIDER_MS:
            print(f"a provider of {milliseconds} ms", flush=True)
            system.behave(latency_ms=milliseconds)
            found["gateway"][milliseconds] = sustained(
                system, connect, order, options.seconds / 2, lambda: nothing_pending(system)
            )
    finally:
        system.stop()
    print("the store alone", flush=True)
    found["store"] = {"disk": store_alone(None, item, options.seconds / 4)}
    # A file in memory shows the cost without a disk.
    memory_folder = "/dev/shm"  # noqa: S108 - only temporary folders are created in it
    if Path(memory_folder).is_dir():
        found["store"]["memory"] = store_alone(memory_folder, item, options.seconds / 4)
    return found


def bare_django(database: str, seconds: float) -> dict[str, float]:
    """Measure Django REST Framework that verifies no token and sends no text."""
    port = free_ports()
    order = {"customer": servers.prepare(database), "item": "macbook m2", "amount": "56000.68"}
    with servers.gunicorn(port, "project:application", THREADS["few"], {"DATABASE": database}):
        return rates(lambda: Client(port, {}), order, seconds)


def original_django(folder: Path, database: str, threads: int, seconds: float) -> dict[int, dict[str, float]]:
    """Measure Django REST Framework as the original uses it, with each latency of the provider."""
    measured = {}
    with servers.outside(folder / "state") as outside:
        system, environment = outside.system, {"DATABASE": database} | outside.environment
        customer = servers.prepare(database, **outside.environment)
        order = {"customer": customer, "item": "macbook m2", "amount": "56000.68"}
        with servers.gunicorn(system.port, "original:application", threads, environment):
            head = {"Authorization": f"Bearer {system.token()}"}
            client = Client(system.port, head)
            for milliseconds in PROVIDER_MS:
                system.behave(latency_ms=milliseconds)
                measured[milliseconds] = sustained(
                    system,
                    lambda: Client(system.port, head),
                    order,
                    seconds,
                    lambda: client.call("GET", "/pending") == 0,
                )
    return measured


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure our system and Django; return what bench/results/latency.json holds."""
    found: dict[str, Any] = {"date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), "machine": machine()}
    with tempfile.TemporaryDirectory(prefix="sales-bench-") as name:
        found |= ours(Path(name) / "state", options)
    if options.django:
        found["django"] = {}
        for kind in ("bare", *THREADS):
            print(f"Django, {kind}", flush=True)
            # Each has its own database, so that none indexes the rows of another.
            with tempfile.TemporaryDirectory(prefix="sales-bench-") as name, servers.database(Path(name)) as chosen:
                database, found["database"] = chosen
                if kind == "bare":
                    found["django"][kind] = bare_django(database, options.seconds / 2)
                else:
                    found["django"][kind] = original_django(Path(name), database, THREADS[kind], options.seconds / 2)
    return found


def main() -> None:
    """Measure, and write bench/results/latency.* and the part of bench/README.md."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20, help="of each load")
    parser.add_argument("--idle", type=float, default=10, help="seconds before memory is read")
    parser.add_argument("--no-django", dest="django", action="store_false")
    parser.add_argument("--dry", action="store_true", help="print only, write nothing")
    options = parser.parse_args()
    # With keys as strings, as when the file is read again.
    measured = json.loads(json.dumps(measure(options)))
    print(latency_report.page(measured))
    if not options.dry:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "latency.json").write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n")
        latency_report.write(measured, RESULTS)


if __name__ == "__main__":
    main()
