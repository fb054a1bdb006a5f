"""Each part of the local system is killed -9 a hundred times under load; nothing acknowledged is lost, nothing sent twice.

`make bench-kills` (KILLS=10 for fewer, PARTS=store,gateway for some) starts a local system of its own for each part,
writes bench/results/kills.md, and ends with 1 where a promise broke.
"""

import contextlib
import json
import os
import random
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from bench.report import RESULTS, publish, table
from tests.local.system import System, running, until

KILLS = int(os.environ.get("KILLS", "100"))
PER_SECOND = 3
CLIENTS = 4
LEASE = 15
# The stream's reader and the schedule are one process; a worker is whichever processes run functions at that moment.
PARTS = tuple((os.environ.get("PARTS") or "store,gateway,worker,stream,identity,sandbox").split(","))
# After its successor has started, seconds until it is killed too: at every moment of its start and its work.
BETWEEN = (0.2, 2.0)
# Two systems that look for free ports at once would find the same.
STARTING = threading.Lock()
KEPT = RESULTS / "kills.json"
FINAL = {"delivered", "failed", "unknown"}


@dataclass
class Load:
    """Orders at an even rate until `done`, each asked for again with its key until it is acknowledged."""

    system: System
    customer: dict[str, Any]
    done: threading.Event = field(default_factory=threading.Event)
    acknowledged: dict[int, set[str]] = field(default_factory=dict)
    retries: int = 0

    def run(self, first: int) -> None:
        number = first
        while not self.done.is_set():
            began = time.monotonic()
            self._order(number)
            number += CLIENTS
            self.done.wait(max(0.0, began + CLIENTS / PER_SECOND - time.monotonic()))

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
        raise AssertionError(f"order {number} was not acknowledged within three minutes")


def kill(system: System, part: str) -> None:
    """Kills the part and waits until its successor is there; of the workers one, at random, which comes back when needed."""

    def alive() -> dict[str, int]:
        return {name: pid for name, pid in system.pids().items() if name == part or name.startswith(f"{part}-")}

    before = until(alive, seconds=60)
    name = random.choice(sorted(before))
    system.kill(name)
    if part != "worker":
        until(lambda: alive().get(name, before[name]) != before[name], seconds=60)


def measure(part: str) -> tuple[list[object], dict[str, int]]:
    """The row of this part, and how often each promise broke."""
    with contextlib.ExitStack() as ends:
        with STARTING:
            system = ends.enter_context(running(SMS_LEASE_SECONDS=str(LEASE)))
        system.behave(latency_ms=20)
        system.token()
        load = Load(system, system.customer(phone_number="+254700000305"))
        failures: list[BaseException] = []

        def client(first: int) -> None:
            try:
                load.run(first)
            except BaseException as error:  # noqa: BLE001 - whatever it was, the bench must not pass
                failures.append(error)

        clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for each in clients:
            each.start()
        began = time.monotonic()
        try:
            for _ in range(KILLS):
                time.sleep(random.uniform(*BETWEEN))
                kill(system, part)
        finally:
            load.done.set()
            for each in clients:
                each.join()
        took = time.monotonic() - began

        def settled() -> list[dict[str, Any]] | None:
            with contextlib.suppress(OSError, KeyError):
                found = list(system.orders())
                return found if all(order["sms"]["status"] in FINAL for order in found) else None
            return None

        orders = until(settled, seconds=300, every=1)
        texts = Counter(text["text"] for text in system.texts())

    stored = Counter(order["id"] for order in orders)
    acknowledged = {each for ids in load.acknowledged.values() for each in ids}
    received = {order["id"]: texts[order["sms"]["text"]] for order in orders}
    states = Counter(order["sms"]["status"] for order in orders)
    broken = {
        "acknowledged orders lost": len(acknowledged - set(stored)),
        # Each key has its own item.
        "second orders for one key": len(orders) - len({order["item"] for order in orders}),
        "second texts": sum(max(0, count - 1) for count in received.values()),
        "delivered without a text": sum(
            order["sms"]["status"] == "delivered" and not received[order["id"]] for order in orders
        ),
        "clients that gave up": len(failures),
    }
    said = ", ".join(f"{count} {state}" for state, count in states.most_common())
    row = [part, KILLS, f"{took:.0f} s", len(acknowledged), load.retries, said, *broken.values()]
    print(row, flush=True)
    return row, broken


def main() -> int:
    # Side by side: most of the time of each goes by while the supervisor waits before it starts again what keeps dying.
    with ThreadPoolExecutor(len(PARTS)) as threads:
        measured = list(threads.map(measure, PARTS))
    # Parts that are not killed this time keep what they came to the last time.
    kept = json.loads(KEPT.read_text()) if KEPT.is_file() else {}
    kept |= {str(row[0]): row for row, _ in measured}
    KEPT.write_text(json.dumps(kept, indent=1) + "\n")
    rows = list(kept.values())
    kinds = list(measured[0][1])
    any_broken = any(any(broken.values()) for _, broken in measured)
    head = (
        "part",
        "kills -9",
        "within",
        "orders acknowledged",
        "requests repeated",
        "texts",
        *kinds,
    )
    body = (
        table(head, rows)
        + f"\n\nEach part has a system of its own, all side by side, each with {PER_SECOND} orders a second through the API; an order that is not answered is "
        "asked for again with its `Idempotency-Key`.\nThe part is killed again 0.2 to 2 seconds after its successor has started. `stream` is also the "
        "schedule, one process; `worker` is any process that runs a\nfunction at that moment. `unknown` is the promise kept: "
        "whether the text went out cannot be told, so it is not sent again."
    )
    publish("kills", "Kills: each part of the local system, killed -9 under load", body)
    return 1 if any_broken else 0


if __name__ == "__main__":
    sys.exit(main())
