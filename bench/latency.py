"""The whole system on this machine: how soon an order's text goes out, how many requests it takes, what it weighs idle.

A system of its own is started for it. `python -m bench.latency [--seconds 20] [--no-django]`; `make bench-latency`.

- Order to text: from the moment the order's request is sent to the moment the sandbox takes its text, at a steady rate.
  Of that, the stream's delay: from the order's own time to its claim by the sender.
- Requests a second: eight clients that keep their connections, each asking as fast as it is answered; the same clients
  against Django REST Framework under gunicorn, bare; and what the store alone takes of the write that creates an order.
- The same with the SMS gateway taking its time: Django as the original does it (a verified token, the text sent in the
  request), with few and with many threads, beside ours; orders answered, texts out, texts known to be delivered.
- Processor time that each process takes for an order, from a system that has nothing else to do.
- Memory: the proportional set size of all processes of the system, which counts what they share once.
"""

import argparse
import http.client
import json
import re
import sqlite3
import statistics
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
from bench.report import RESULTS, machine
from bench.runtime_api import cpu_clock
from bench.services import running_store
from deployment.template import load
from local.aws.dynamodb import DatabaseClient, request_headers
from local.config import Config
from tests.support.system import BASE, System, free_ports, until

RATES = (1, 10, 50)
CLIENTS = 8
# Enough that nobody who can answer more at once lacks clients, however long the SMS gateway takes.
CROWD = 128
GATEWAY_MS = (0, 200, 1000)
# Gunicorn's threads a worker, two workers: as its documentation sets it up, and as many as the crowd has clients.
THREADS = {"few": 4, "many": CROWD // servers.WORKERS}
WARM_UP_SECONDS = 3
SHARED_ORDERS = 600
HEAD = {"Content-Type": "application/json"}
# The states that a text is to leave.
PENDING = ("queued", "sending", "sent")


class Client:
    """One connection that is kept."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = HEAD | headers

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """The JSON of a success. Raises RuntimeError for anything else."""
        raw = json.dumps(body) if body is not None else None
        self._connection.request(method, path, raw, self._headers | (headers or {}))
        answer = self._connection.getresponse()
        found = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{answer.status} {found[:300]!r}")
        return json.loads(found)


type Asking = Callable[[], Callable[[], object]]


def percentile(values: list[float], share: int) -> float:
    return statistics.quantiles(values, n=100)[share - 1]


def texts(system: System, rate: int, seconds: float, customer: str) -> dict[str, float]:
    """Orders at a steady rate for so long, and when their texts went out."""
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
        asked = time.perf_counter()
        local.client.call("POST", f"{BASE}/orders", {"customer": customer, "item": item, "amount": "1"})
        answered.append(time.perf_counter() - asked)

    with ThreadPoolExecutor(32) as threads:
        began = time.monotonic()
        list(threads.map(one, range(count)))
        took = time.monotonic() - began

    def taken() -> dict[str, float] | None:
        found = {}
        for text in system.texts():
            if match := re.search(rf"{mark}-\d+", text["text"]):
                found.setdefault(match[0], datetime.fromisoformat(text["recorded_at"]).timestamp())
        return found if len(found) == count else None

    found = until(taken, seconds=120, every=1)
    waits = [found[item] - moment for item, moment in sent.items()]
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


def throughput(make: Asking, seconds: float, clients: int = CLIENTS) -> tuple[float, int]:
    """Requests a second that so many clients get answered, and all that were answered, warming up included."""
    began = time.monotonic() + WARM_UP_SECONDS
    end = began + seconds

    def work(_: int) -> tuple[int, int]:
        ask, done, total = make(), 0, 0
        while time.monotonic() < end:
            ask()
            total += 1
            done += began < time.monotonic() < end
        return done, total

    with ThreadPoolExecutor(clients) as threads:
        counted = list(threads.map(work, range(clients)))
    return sum(done for done, _ in counted) / seconds, sum(total for _, total in counted)


def creating(connect: Callable[[], Client], order: dict[str, str]) -> Asking:
    def make() -> Callable[[], object]:
        client = connect()
        return lambda: client.call("POST", f"{BASE}/orders", order)

    return make


def rates(connect: Callable[[], Client], order: dict[str, str], seconds: float) -> dict[str, float]:
    """Requests a second of the two things a shop does most."""

    def listing() -> Callable[[], object]:
        client = connect()
        return lambda: client.call("GET", f"{BASE}/orders")

    return {
        "list_orders": throughput(listing, seconds)[0],
        "create_order": throughput(creating(connect, order), seconds)[0],
    }


def sustained(
    system: System, connect: Callable[[], Client], order: dict[str, str], seconds: float, settled: Callable[[], bool]
) -> dict[str, float]:
    """A crowd that creates orders: answered a second while it does, and texts a second until the last is out, and
    known to be delivered. What is only put off is not gained.
    """
    before, began, moment = len(system.texts()), time.monotonic(), time.time()
    answered, total = throughput(creating(connect, order), seconds, CROWD)
    until(settled, seconds=300, every=0.5)
    took = time.monotonic() - began
    sent = system.texts()[before:]
    last = max(datetime.fromisoformat(text["recorded_at"]).timestamp() for text in sent)
    return {
        "answered": answered,
        "orders": total,
        "texts": len(sent),
        "texts_rate": len(sent) / (last - moment),
        "delivered_rate": total / took,
    }


def nothing_pending(system: System) -> bool:
    """Whether every text of the system has left the states that it passes through."""
    return not any(system.call("GET", f"orders?limit=1&sms_status={state}").body["data"] for state in PENDING)


def processes(system: System) -> dict[int, str]:
    """The system's processes, and what each is."""
    names: dict[int, str] = {}
    for name, pid in system.pids().items():
        names[pid] = f"{names[pid]}, {name}" if pid in names else name
    return names


def processor(system: System) -> dict[str, float]:
    """Milliseconds of processor time that each kind of process has taken so far."""
    found: dict[str, float] = {}
    for pid, name in processes(system).items():
        kind = re.sub(r"^worker-(.*)-\d+$", r"\1", name)
        with suppress(OSError):
            found[kind] = found.get(kind, 0) + cpu_clock(pid) * 1000
    return found


def stored(system: System) -> int | None:
    """How many changes of items the store has written so far; none where the store does not tell."""
    file = system.state / "store" / "dynoxide.sqlite"
    if not file.is_file():
        return None
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM _stream_records").fetchone()[0])


def shares(system: System, order: dict[str, str]) -> dict[str, Any]:
    """What an order takes, its text and both delivery reports included: milliseconds of each process, and writes."""
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
    asked = {"list_orders"}  # that was us
    return {
        "ms": {kind: (after[kind] - before.get(kind, 0)) / count for kind in after if kind not in asked},
        "writes": (ended - written) / count if written is not None and ended is not None else None,
    }


def memory(system: System) -> dict[str, float]:
    """Megabytes of each process, what they share counted once."""
    found = {}
    for pid, name in processes(system).items():
        with suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            found[name] = int(re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[1]) / 1000
    return found


def store_alone(where: str | None, item: dict[str, Any], seconds: float) -> dict[str, float]:
    """How many of the write that creates an order the store takes from clients that do nothing else."""
    with tempfile.TemporaryDirectory(prefix="sales-bench-", dir=where) as name, running_store(Path(name)) as store:
        table = store.template.functions["create_order"].environment["ORDERS_TABLE"]
        port, head = int(store.url.rpartition(":")[2]), request_headers("PutItem")

        def putting() -> Callable[[], object]:
            client = Client(port, head)

            def put() -> None:
                new = str(uuid.uuid4())
                keys = {"id": {"S": new}, "sort_key": {"S": f"{item['order_date']['S']}#{new}"}}
                asked = {"TableName": table, "Item": item | keys, "ConditionExpression": "attribute_not_exists(id)"}
                client.call("POST", "/", asked)

            return put

        before = cpu_clock(store.pid)
        rate, total = throughput(putting, seconds)
        return {"rate": rate, "ms": (cpu_clock(store.pid) - before) * 1000 / total}


def an_item(system: System, order_id: str) -> dict[str, Any]:
    """An order as it is stored."""
    config = Config(port=system.port, state=system.state, settings={})
    table = load(config.template, config.parameters).functions["create_order"].environment["ORDERS_TABLE"]
    found = DatabaseClient(config.database_url).call("GetItem", {"TableName": table, "Key": {"id": {"S": order_id}}})
    item: dict[str, Any] = found["Item"]
    return item


def ours(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
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
        # As many workers are started as the highest rate takes, and connections made.
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
        for milliseconds in GATEWAY_MS:
            print(f"a gateway of {milliseconds} ms", flush=True)
            system.behave(latency_ms=milliseconds)
            found["gateway"][milliseconds] = sustained(
                system, connect, order, options.seconds / 2, lambda: nothing_pending(system)
            )
    finally:
        system.stop()
    print("the store alone", flush=True)
    found["store"] = {"disk": store_alone(None, item, options.seconds / 4)}
    if Path("/dev/shm").is_dir():  # memory: what is left without a disk
        found["store"]["memory"] = store_alone("/dev/shm", item, options.seconds / 4)
    return found


def bare_django(database: str, seconds: float) -> dict[str, float]:
    """Django REST Framework that verifies no token and sends no text."""
    port = free_ports()
    order = {"customer": servers.prepare(database), "item": "macbook m2", "amount": "56000.68"}
    with servers.gunicorn(port, "project:application", THREADS["few"], {"DATABASE": database}):
        return rates(lambda: Client(port, {}), order, seconds)


def original_django(folder: Path, database: str, threads: int, seconds: float) -> dict[int, dict[str, float]]:
    """Django REST Framework as the original uses it, for each gateway."""
    found = {}
    with servers.outside(folder / "state") as outside:
        system, environment = outside.system, {"DATABASE": database} | outside.environment
        customer = servers.prepare(database, **outside.environment)
        order = {"customer": customer, "item": "macbook m2", "amount": "56000.68"}
        with servers.gunicorn(system.port, "original:application", threads, environment):
            head = {"Authorization": f"Bearer {system.token()}"}
            asking = Client(system.port, head)
            for milliseconds in GATEWAY_MS:
                system.behave(latency_ms=milliseconds)
                found[milliseconds] = sustained(
                    system,
                    lambda: Client(system.port, head),
                    order,
                    seconds,
                    lambda: asking.call("GET", "/pending") == 0,
                )
    return found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {"date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), "machine": machine()}
    with tempfile.TemporaryDirectory(prefix="sales-bench-") as name:
        found |= ours(Path(name) / "state", options)
    if options.django:
        found["django"] = {}
        for kind in ("bare", *THREADS):
            print(f"Django, {kind}", flush=True)
            # Each with a database of its own: rows of one are nothing that another should index.
            with tempfile.TemporaryDirectory(prefix="sales-bench-") as name, servers.database(Path(name)) as given:
                database, found["database"] = given
                if kind == "bare":
                    found["django"][kind] = bare_django(database, options.seconds / 2)
                else:
                    found["django"][kind] = original_django(Path(name), database, THREADS[kind], options.seconds / 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20, help="of each load")
    parser.add_argument("--idle", type=float, default=10, help="seconds before memory is read")
    parser.add_argument("--no-django", dest="django", action="store_false")
    parser.add_argument("--dry", action="store_true", help="print, write nothing")
    options = parser.parse_args()
    # Keys as they are when read again.
    found = json.loads(json.dumps(measure(options)))
    print(latency_report.page(found))
    if not options.dry:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "latency.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
        latency_report.write(found, RESULTS)


if __name__ == "__main__":
    main()
