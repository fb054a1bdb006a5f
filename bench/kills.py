"""Kill each part of the local system a hundred times under load: nothing acknowledged may be lost, no text sent twice.

`make bench-kills` (KILLS=5 for fewer, PARTS=store,gateway for some) starts a local system for each part, and exits with 1
if a promise broke. From a hundred kills on, it writes the results to bench/results/kills.md and bench/README.md.
"""

import contextlib
import json
import os
import random
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bench.report import RESULTS, publish, table
from tests.support.system import System, running, until

KILLS = int(os.environ.get("KILLS", "100"))
PER_SECOND = 1
CLIENTS = 4
LEASE = 15
# The stream's reader and the schedule are one process; a worker is any process that runs a function at that moment.
# Nothing restarts the supervisor: the bench starts it again, and it ends the processes that the last one left behind.
ALL = ("store", "gateway", "worker", "stream", "identity", "sandbox", "supervisor")
PARTS = tuple(filter(None, os.environ.get("PARTS", "").split(","))) or ALL
# Starting everything takes several times as long as starting a part, so two systems share the supervisor's kills.
SYSTEMS = {"supervisor": 2}
# Seconds from a successor's start until it is killed too: anywhere in its start and its work.
BETWEEN = (0.1, 1.5)
KEPT = RESULTS / "kills.json"
# Orders in these states are not settled yet. If the sandbox gave up a delivery report after failing for a minute, its order
# stays `sent`, which is true.
WAITING = {"queued", "sending"}
BROKEN = (
    "acknowledged orders lost",
    "second orders for one key",
    "second texts",
    "delivered without a text",
    "clients that gave up",
)


@dataclass
class Load:
    """Creates orders at an even rate until `done`, and repeats each with its key until it is acknowledged."""

    system: System
    customer: dict[str, Any]
    done: threading.Event = field(default_factory=threading.Event)
    acknowledged: dict[int, set[str]] = field(default_factory=dict)
    retries: int = 0

    def run(self, first: int) -> None:
        """Create every order whose number this client has."""
        number = first
        while not self.done.is_set():
            began = time.monotonic()
            self._order(number)
            number += CLIENTS
            self.done.wait(max(0.0, began + CLIENTS / PER_SECOND - time.monotonic()))

    def has_more_than(self, count: int) -> bool:
        """Return whether more orders than that are acknowledged by now."""
        return len(self.acknowledged) > count

    def _order(self, number: int) -> None:
        body = {"customer": self.customer["id"], "item": f"item {number}", "amount": "1"}
        give_up = time.monotonic() + 180
        while time.monotonic() < give_up:
            with contextlib.suppress(OSError):
                answer = self.system.call("POST", "orders", body, idempotency_key=f"kills-{number}")
                if answer.status == 201:
                    self.acknowledged.setdefault(number, set()).add(answer.body["id"])
                    return
            self.retries += 1
            time.sleep(0.2)
        raise RuntimeError(f"order {number} was not acknowledged within three minutes")


@dataclass
class Result:
    """The result of the kills of one part."""

    part: str
    kills: int = 0
    seconds: float = 0
    acknowledged: int = 0
    retries: int = 0
    states: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Result") -> None:
        """Add the kills of another system."""
        self.kills += other.kills
        self.seconds = max(self.seconds, other.seconds)
        self.acknowledged += other.acknowledged
        self.retries += other.retries
        self.states.update(other.states)
        self.broken.update(other.broken)

    def row(self) -> list[object]:
        """Return the row of the table."""
        states = ", ".join(f"{count} {state}" for state, count in self.states.most_common())
        broken = [self.broken[name] for name in BROKEN]
        return [self.part, self.kills, f"{self.seconds:.0f} s", self.acknowledged, self.retries, states, *broken]


def kill(system: System, part: str) -> None:
    """Kill the part and wait for its successor; of the workers kill a random one, which comes back when it is needed."""

    def alive() -> dict[str, int]:
        return {name: pid for name, pid in system.pids().items() if name == part or name.startswith(f"{part}-")}

    before = until(alive, seconds=60)
    name = random.choice(sorted(before))  # noqa: S311 - not a secret
    if part == "supervisor":
        os.kill(before[name], signal.SIGKILL)
        # The processes left behind answer until they are ended, so an answer does not prove that the new system has started.
        system.start()
    else:
        system.kill(name)
    if part != "worker":
        until(lambda: alive().get(name, before[name]) != before[name], seconds=60)


def measure(part: str, kills: int) -> Result:
    """Kill this part so many times in its own system."""
    with contextlib.ExitStack() as ends:
        system = ends.enter_context(running(SMS_LEASE_SECONDS=str(LEASE)))
        system.behave(latency_ms=20)
        system.token()
        load = Load(system, system.customer(phone_number="+254700000305"))
        failures: list[BaseException] = []

        def client(first: int) -> None:
            try:
                load.run(first)
            except BaseException as error:  # noqa: BLE001 - any error must fail the bench
                failures.append(error)

        clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for thread in clients:
            thread.start()
        began = time.monotonic()
        try:
            for number in range(kills):
                if number % 2:
                    # Otherwise a slow-starting part that orders need would never see one.
                    until(partial(load.has_more_than, len(load.acknowledged)), seconds=120)
                time.sleep(random.uniform(*BETWEEN))  # noqa: S311 - not a secret
                kill(system, part)
        finally:
            load.done.set()
            for thread in clients:
                thread.join()
        took = time.monotonic() - began

        def settled() -> list[dict[str, Any]] | None:
            with contextlib.suppress(OSError, KeyError):
                orders = list(system.orders())
                return orders if not any(order["sms"]["status"] in WAITING for order in orders) else None
            return None

        until(settled, seconds=300, every=1)
        # Leave time for reports on their way, and for a second text that must not come.
        time.sleep(LEASE)
        orders = until(settled, seconds=300, every=1)
        texts = Counter(text["text"] for text in system.texts())

    stored = {order["id"] for order in orders}
    acknowledged = {order_id for ids in load.acknowledged.values() for order_id in ids}
    received = {order["id"]: texts[order["sms"]["text"]] for order in orders}
    delivered = [order for order in orders if order["sms"]["status"] == "delivered"]
    counts = (
        len(acknowledged - stored),
        # Each key has its own item.
        len(orders) - len({order["item"] for order in orders}),
        sum(max(0, count - 1) for count in received.values()),
        sum(not received[order["id"]] for order in delivered),
        len(failures),
    )
    result = Result(
        part, kills, took, len(acknowledged), load.retries,
        Counter(order["sms"]["status"] for order in orders), Counter(dict(zip(BROKEN, counts, strict=True))),
    )  # fmt: skip
    print(result.row(), *failures, flush=True)
    return result


def write(results: dict[str, Result]) -> None:
    """Write the page, and the table into bench/README.md; parts that were not killed this time keep their last result."""
    rows = json.loads(KEPT.read_text()) if KEPT.is_file() else {}
    rows |= {part: result.row() for part, result in results.items()}
    rows = {part: rows[part] for part in ALL if part in rows}
    KEPT.write_text(json.dumps(rows, indent=1) + "\n")
    head = ("part", "kills -9", "within", "orders acknowledged", "requests repeated", "texts", *BROKEN)
    body = (
        f"{table(head, list(rows.values()))}\n\n"
        "Each part has its own system (the supervisor, which takes all others with it, has two). All systems of a run work at the "
        "same time, each with\nan order per second through the API; an order without an answer is repeated with its `Idempotency-Key`. "
        f"The part is killed again {BETWEEN[0]} to {BETWEEN[1]} seconds\nafter its successor has started, every other time only after an order got through. `stream` includes the schedule (one process); "
        "`worker` is any\nprocess that runs a function at that moment; after killing `supervisor` the bench runs `make run` again. `unknown` keeps "
        "the promise: we cannot tell\nwhether the text went out, so it is not sent again. `sent` is a text whose delivery report the sandbox gave up "
        "while nothing could receive it."
    )
    publish("kills", "Kills: each part of the local system, killed -9 under load", body)


def main() -> int:
    """Kill all parts, and write the page; 1 if a promise broke."""
    began = time.monotonic()
    shares = [
        (part, len(range(first, KILLS, n))) for part in PARTS for n in [SYSTEMS.get(part, 1)] for first in range(n)
    ]
    # At the same time: each spends most of its time waiting for the supervisor, which delays restarts of a part that keeps dying.
    with ThreadPoolExecutor(len(shares)) as threads:
        futures = [threads.submit(measure, *share) for share in shares]
    results: dict[str, Result] = {}
    for (part, _), future in zip(shares, futures, strict=True):
        if error := future.exception():
            print(f"{part}:", *traceback.format_exception(error), file=sys.stderr)
        else:
            results.setdefault(part, Result(part)).add(future.result())
    minutes = (time.monotonic() - began) / 60
    if whole := {part: result for part, result in results.items() if result.kills >= 100}:
        write(whole)
    print(f"{minutes:.1f} minutes")
    failed = any(future.exception() for future in futures)
    return 1 if failed or any(sum(result.broken.values()) for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
