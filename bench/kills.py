"""Each part of the local system is killed -9 a hundred times under load; nothing acknowledged is lost, nothing sent twice.

`make bench-kills` (KILLS=5 for fewer, PARTS=store,gateway for some) starts a local system of its own for each part, and ends
with 1 where a promise broke. A hundred kills and more are written to bench/results/kills.md and bench/README.md.
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
# The stream's reader and the schedule are one process; a worker is whichever processes run functions at that moment.
# The supervisor does not come back by itself: who runs the system starts it again, and it ends what is left of before.
ALL = ("store", "gateway", "worker", "stream", "identity", "sandbox", "supervisor")
PARTS = tuple(filter(None, os.environ.get("PARTS", "").split(","))) or ALL
# A start of everything takes several times as long as one of a part, so two systems share the supervisor's kills.
SYSTEMS = {"supervisor": 2}
# After its successor has started, seconds until it is killed too: at every moment of its start and its work.
BETWEEN = (0.1, 1.5)
KEPT = RESULTS / "kills.json"
# An order is at rest that waits for nobody here. A report that the sandbox gave up, after a minute in which nobody could take it,
# leaves it `sent`, which is true.
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

    def has_more_than(self, count: int) -> bool:
        """Whether more orders than that are acknowledged by now."""
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
        raise AssertionError(f"order {number} was not acknowledged within three minutes")


@dataclass
class Found:
    """What the kills of a part came to."""

    part: str
    kills: int = 0
    seconds: float = 0
    acknowledged: int = 0
    retries: int = 0
    states: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Found") -> None:
        self.kills += other.kills
        self.seconds = max(self.seconds, other.seconds)
        self.acknowledged += other.acknowledged
        self.retries += other.retries
        self.states.update(other.states)
        self.broken.update(other.broken)

    def row(self) -> list[object]:
        said = ", ".join(f"{count} {state}" for state, count in self.states.most_common())
        broken = [self.broken[name] for name in BROKEN]
        return [self.part, self.kills, f"{self.seconds:.0f} s", self.acknowledged, self.retries, said, *broken]


def kill(system: System, part: str) -> None:
    """Kills the part and waits until its successor is there; of the workers one, at random, which comes back when needed."""

    def alive() -> dict[str, int]:
        return {name: pid for name, pid in system.pids().items() if name == part or name.startswith(f"{part}-")}

    before = until(alive, seconds=60)
    name = random.choice(sorted(before))
    if part == "supervisor":
        os.kill(before[name], signal.SIGKILL)
        # What was left over answers until it is ended, so an answer alone does not tell that the new one has started.
        system.start()
    else:
        system.kill(name)
    if part != "worker":
        until(lambda: alive().get(name, before[name]) != before[name], seconds=60)


def measure(part: str, kills: int) -> Found:
    """What so many kills of this part came to, in a system of its own."""
    with contextlib.ExitStack() as ends:
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
            for number in range(kills):
                if number % 2:
                    # Else a part that orders need, and that takes long to start, would never see one.
                    until(partial(load.has_more_than, len(load.acknowledged)), seconds=120)
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
                return found if not any(order["sms"]["status"] in WAITING for order in found) else None
            return None

        until(settled, seconds=300, every=1)
        # Reports that are on their way have their time, and so has a text that must not come a second time.
        time.sleep(LEASE)
        orders = until(settled, seconds=300, every=1)
        texts = Counter(text["text"] for text in system.texts())

    stored = {order["id"] for order in orders}
    acknowledged = {each for ids in load.acknowledged.values() for each in ids}
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
    found = Found(
        part, kills, took, len(acknowledged), load.retries,
        Counter(order["sms"]["status"] for order in orders), Counter(dict(zip(BROKEN, counts, strict=True))),
    )  # fmt: skip
    print(found.row(), *failures, flush=True)
    return found


def say(found: dict[str, Found]) -> None:
    """Writes the page, and the table into the README. Parts that were not killed this time keep what they came to before."""
    rows = json.loads(KEPT.read_text()) if KEPT.is_file() else {}
    rows |= {part: each.row() for part, each in found.items()}
    rows = {part: rows[part] for part in ALL if part in rows}
    KEPT.write_text(json.dumps(rows, indent=1) + "\n")
    head = ("part", "kills -9", "within", "orders acknowledged", "requests repeated", "texts", *BROKEN)
    body = (
        f"{table(head, list(rows.values()))}\n\n"
        "Each part has a system of its own (the supervisor, which takes all others with it, two), those of a run side by side, each with "
        "an order a second\nthrough the API; an order that is not answered is asked for again with its `Idempotency-Key`. "
        f"The part is killed again {BETWEEN[0]} to {BETWEEN[1]} seconds after its\nsuccessor has started, every other time after it has let an order through. `stream` is also the schedule, one process; "
        "`worker` is any process that runs a function at that moment; after `supervisor`\n`make run` is started again. `unknown` is the promise "
        "kept: whether the text went out cannot be told, so it is not sent again; `sent` is a text whose report the sandbox gave up\nwhile nobody "
        "could take it."
    )
    publish("kills", "Kills: each part of the local system, killed -9 under load", body)


def main() -> int:
    began = time.monotonic()
    shares = [
        (part, len(range(first, KILLS, n))) for part in PARTS for n in [SYSTEMS.get(part, 1)] for first in range(n)
    ]
    # Side by side: most of the time of each goes by while the supervisor waits before it starts again what keeps dying.
    with ThreadPoolExecutor(len(shares)) as threads:
        asked = [threads.submit(measure, *share) for share in shares]
    found: dict[str, Found] = {}
    for (part, _), each in zip(shares, asked, strict=True):
        if error := each.exception():
            print(f"{part}:", *traceback.format_exception(error), file=sys.stderr)
        else:
            found.setdefault(part, Found(part)).add(each.result())
    minutes = (time.monotonic() - began) / 60
    if whole := {part: each for part, each in found.items() if each.kills >= 100}:
        say(whole)
    print(f"{minutes:.1f} minutes")
    failed = any(each.exception() for each in asked)
    return 1 if failed or any(sum(each.broken.values()) for each in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
