"""The whole system on this machine: how soon an order's text goes out, how many requests it takes, what it weighs idle.

A system of its own is started for it. `python -m bench.latency [--seconds 30] [--no-django]`; `make bench-latency`.

- Order to text: from the moment the order's request is sent to the moment the sandbox takes its text, at a steady rate.
  Of that, the stream's delay: from the order's own time to its claim by the sender.
- Requests a second: eight clients that keep their connections, each asking as fast as it is answered; and the same
  clients against Django REST Framework under gunicorn on PostgreSQL (SQLite where there is none), which sends no text
  and verifies no token. For ours, the processor time that each process took for a request.
- Memory: the proportional set size of all processes of the system, which counts what they share once.
"""

import argparse
import http.client
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import build
from bench.report import RESULTS, machine
from tests.local.system import BASE, System, free_ports, until

RATES = (1, 10, 50)
CLIENTS = 8
WARM_UP_SECONDS = 3
SHARED_ORDERS = 800
HEAD = {"Content-Type": "application/json"}


class Client:
    """One connection that is kept."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = HEAD | headers

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a success. Raises RuntimeError for anything else."""
        self._connection.request(method, path, json.dumps(body) if body is not None else None, self._headers)
        answer = self._connection.getresponse()
        raw = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{answer.status} {raw[:300]!r}")
        return json.loads(raw)


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


def throughput(make: Callable[[], Callable[[], object]], seconds: float) -> float:
    """Requests a second that eight clients get answered."""
    began = time.monotonic() + WARM_UP_SECONDS
    end = began + seconds

    def work(_: int) -> int:
        ask, done = make(), 0
        while time.monotonic() < end:
            ask()
            done += began < time.monotonic() < end
        return done

    with ThreadPoolExecutor(CLIENTS) as threads:
        return sum(threads.map(work, range(CLIENTS))) / seconds


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
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks = int(fields[11]) + int(fields[12])
            found[kind] = found.get(kind, 0) + ticks * 1000 / os.sysconf("SC_CLK_TCK")
    return found


def shares(system: System, order: dict[str, str]) -> dict[str, float]:
    """Milliseconds of processor time that an order takes in each process, its text and delivery report included."""
    head = {"Authorization": f"Bearer {system.token()}"}
    before = processor(system)

    def work(_: int) -> list[dict[str, Any]]:
        client = Client(system.port, head)
        return [client.call("POST", f"{BASE}/orders", order) for _ in range(SHARED_ORDERS // CLIENTS)]

    with ThreadPoolExecutor(CLIENTS) as threads:
        placed = [each for made in threads.map(work, range(CLIENTS)) for each in made]
    for each in placed:
        system.reaches(each, "delivered", seconds=120)
    asked = {"get_order"}  # that was us
    after = processor(system)
    return {kind: (after[kind] - before.get(kind, 0)) / len(placed) for kind in after if kind not in asked}


def memory(system: System) -> dict[str, float]:
    """Megabytes of each process, what they share counted once."""
    found = {}
    for pid, name in processes(system).items():
        with suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            found[name] = int(re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[1]) / 1000
    return found


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A database server of its own, as Django's settings name it. Raises FileNotFoundError where there is none."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        raise FileNotFoundError("no PostgreSQL here")
    # It refuses to run as root.
    user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    data, port = folder / "postgresql", free_ports()
    data.mkdir()
    if user:
        folder.chmod(0o755)
        shutil.chown(data, "nobody", "nogroup")
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": data}
    initdb = [*user, str(programs[-1] / "initdb"), "-D", str(data), "-U", "bench", "-A", "trust"]
    subprocess.run(initdb, check=True, **quiet)
    command = [
        *user,
        str(programs[-1] / "postgres"),
        "-D",
        str(data),
        "-p",
        str(port),
        "-h",
        "127.0.0.1",
        "-k",
        str(data),
    ]
    server = subprocess.Popen(command, **quiet)
    ready = [str(programs[-1] / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-U", "bench", "-d", "postgres"]
    try:
        until(lambda: subprocess.run(ready, check=False, **quiet).returncode == 0, seconds=30)
        yield f"NAME=postgres USER=bench HOST=127.0.0.1 PORT={port}"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)


def django(folder: Path, database: str, seconds: float) -> dict[str, float]:
    """Requests a second of Django REST Framework under gunicorn, two workers, as its documentation sets it up."""
    port = free_ports()
    programs = build.ROOT / ".venv-bench" / "bin"
    project = build.CONTESTANTS / "django"
    environment = os.environ | {"DATABASE": database, "PYTHONDONTWRITEBYTECODE": "1"}
    customer = subprocess.check_output(
        [str(programs / "python"), "project.py", "prepare"], cwd=project, env=environment, text=True
    ).strip()
    command = [str(programs / "gunicorn"), "--workers", "2", "--bind", f"127.0.0.1:{port}", "project:application"]
    command += ["--worker-class", "gthread", "--threads", "4", "--log-level", "error"]
    server = subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.DEVNULL)
    order = {"customer": customer, "item": "macbook m2", "amount": "56000.68"}

    def answers() -> bool:
        with suppress(OSError):
            Client(port, {}).call("GET", f"{BASE}/orders")
            return True
        return False

    try:
        until(answers, seconds=30)
        return rates(lambda: Client(port, {}), order, seconds)
    finally:
        server.terminate()
        server.wait(20)


def rates(connect: Callable[[], Client], order: dict[str, str], seconds: float) -> dict[str, float]:
    """Requests a second of the two things a shop does most."""

    def creating() -> Callable[[], object]:
        client = connect()
        return lambda: client.call("POST", f"{BASE}/orders", order)

    def listing() -> Callable[[], object]:
        client = connect()
        return lambda: client.call("GET", f"{BASE}/orders")

    return {"list_orders": throughput(listing, seconds), "create_order": throughput(creating, seconds)}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {"date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), "machine": machine()}
    with tempfile.TemporaryDirectory(prefix="sales-bench-") as name:
        folder = Path(name)
        system = System(folder / "state")
        began = time.monotonic()
        system.start()
        found["first_start"] = time.monotonic() - began
        system.stop()
        began = time.monotonic()
        system.start()
        found["second_start"] = time.monotonic() - began
        try:
            time.sleep(options.idle)
            found["idle_memory"] = memory(system)
            customer = system.customer()["id"]
            for _ in range(4):  # workers are started, connections made
                texts(system, 20, 1, customer)
            found["texts"] = []
            for rate in RATES:
                print(f"order to text, {rate}/s", flush=True)
                found["texts"].append(texts(system, rate, options.seconds, customer))
                print(found["texts"][-1], flush=True)
            print("requests a second", flush=True)
            head = {"Authorization": f"Bearer {system.token()}"}
            order = {"customer": customer, "item": "macbook m2", "amount": "56000.68"}
            found["ours"] = rates(lambda: Client(system.port, head), order, options.seconds / 2)
            print(found["ours"], flush=True)
            found["processor"] = shares(system, order)
            found["busy_memory"] = memory(system)
        finally:
            system.stop()
        if options.django:
            try:
                with postgresql(folder) as database:
                    found["django"] = django(folder, database, options.seconds / 2)
                found["database"] = "PostgreSQL"
            except FileNotFoundError:
                found["django"] = django(folder, str(folder / "django.sqlite"), options.seconds / 2)
                found["database"] = "SQLite"
            print(found["django"], flush=True)
    return found


def written(found: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [
        "# The whole system on one machine\n",
        f"Written by `make bench-latency`: {found['date']}, {found['machine']}. The clients share its cores.\n",
        "## From order to text\n",
        "Seconds from sending the order's request to the sandbox taking its text.\n",
        "| asked orders/s | orders/s | orders | answer p50 | answer p99 | stream p50 | stream p99 | text p50 | text p99 | text max |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for each in found["texts"]:
        columns = ("answer_p50", "answer_p99", "stream_p50", "stream_p99", "text_p50", "text_p99", "text_max")
        times = (each[name] for name in columns)
        cells = [
            str(each["asked_rate"]),
            f"{each['rate']:.1f}",
            str(each["orders"]),
            *(f"{value:.3f}" for value in times),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["\n## Requests a second\n", f"{CLIENTS} clients, each asking as fast as it is answered.\n"]
    lines += ["| | create_order | list_orders (25) |", "|---|---|---|"]
    sides = [("`make run`: tokens verified, orders durable, texts sent", found["ours"])]
    if "django" in found:
        sides.append((f"Django REST Framework, gunicorn, {found['database']}: neither", found["django"]))
    lines += [f"| {title} | {each['create_order']:.0f} | {each['list_orders']:.0f} |" for title, each in sides]
    took = found["processor"]
    lines += [
        f"\nProcessor time of an order with its text and report ({SHARED_ORDERS} of them), in ms:\n",
        "| process | ms |",
        "|---|---|",
        *(f"| {kind} | {took[kind]:.1f} |" for kind in sorted(took, key=lambda kind: -took[kind]) if took[kind] >= 0.1),
        f"| **all** | **{sum(took.values()):.1f}** |",
    ]
    lines += [
        "\n## Memory\n",
        "Megabytes (proportional set size).\n",
        "| process | idle | after the load |",
        "|---|---|---|",
    ]
    idle, busy = found["idle_memory"], found["busy_memory"]
    for name in sorted({*idle, *busy}):
        lines.append(f"| {name} | {idle.get(name, 0):.0f} | {busy.get(name, 0):.0f} |")
    lines.append(f"| **all** | **{sum(idle.values()):.0f}** | **{sum(busy.values()):.0f}** |")
    lines.append(f"\nStart: {found['first_start']:.1f} s the first time, {found['second_start']:.1f} s the second.\n")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=30, help="of each load")
    parser.add_argument("--idle", type=float, default=10, help="seconds before memory is read")
    parser.add_argument("--no-django", dest="django", action="store_false")
    parser.add_argument("--dry", action="store_true", help="print, write nothing")
    options = parser.parse_args()
    found = measure(options)
    print(written(found))
    if not options.dry:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "latency.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
        (RESULTS / "latency.md").write_text(written(found))


if __name__ == "__main__":
    main()
