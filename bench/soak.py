"""5,000 orders at 50/s through a gateway that fails and workers that are killed each second; nothing may be sent twice.

`make bench-soak` (ORDERS=1000 for fewer) starts a local system of its own, writes bench/results/soak.md, and ends with
1 where a promise broke.
"""

import os
import random
import sys
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bench.report import publish, table
from tests.local.system import System, running, until

ORDERS = int(os.environ.get("ORDERS", "5000"))
PER_SECOND = 50
LEASE = 15
# Of all answers 5 % lose the reply to a text that was taken, 5 % are a 429 (certainly not sent), 5 % refuse for now.
AMBIGUOUS = ("drop_after", "http503_after", "garbage_after")
SHARES = (*AMBIGUOUS, "http:429", "http:429", "http:429", "status:405", "status:405", "status:405")
FINAL = {"delivered", "failed", "unknown"}
WORKERS = ("worker-send_sms", "worker-sweep_sms", "worker-create_order", "worker-record_delivery_report")


@dataclass
class Killer:
    """kill -9 of a worker, any, each second until `done`."""

    system: System
    done: threading.Event = field(default_factory=threading.Event)
    kills: list[tuple[float, str]] = field(default_factory=list)

    def run(self) -> None:
        while not self.done.wait(1):
            if each := sorted(name for name in self.system.pids() if name.startswith(WORKERS)):
                name = random.choice(each)
                self.kills.append((time.time(), name))
                self.system.kill(name)

    def explains(self, order: dict[str, Any]) -> bool:
        """Whether a sender was killed while it had this order's lease."""
        entries = order["sms"]["history"]
        claimed = [datetime.fromisoformat(entry["at"]).timestamp() for entry in entries if entry["status"] == "sending"]
        senders = [at for at, name in self.kills if name.startswith(WORKERS[:2])]
        return any(claim - 1 <= at <= claim + LEASE for claim in claimed[-1:] for at in senders)


def script(answers: int) -> list[str]:
    """That many answers, 15 % of them faults, the same ones at each run."""
    rolls = random.Random(5000)
    return [rolls.choice(SHARES) if rolls.random() < 0.15 else "accept" for _ in range(answers)]


def place(system: System, customers: list[dict[str, Any]]) -> float:
    """Places an order for each customer at an even rate; how many a second it came to."""
    began = time.monotonic()

    def one(number: int) -> None:
        time.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
        body = {"customer": customers[number]["id"], "item": f"item {number}", "amount": "1"}
        for _ in range(20):
            try:
                answer = system.call("POST", "orders", body, idempotency_key=f"soak-{number}")
            except OSError:
                continue
            if answer.status == 201:
                return
            time.sleep(0.2)
        raise AssertionError(f"order {number} was never answered 201")

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(one, range(len(customers))))
    return len(customers) / (time.monotonic() - began)


def main() -> int:
    with running(SMS_LEASE_SECONDS=str(LEASE)) as system:
        with ThreadPoolExecutor(8) as threads:
            customers = list(
                threads.map(lambda each: system.customer(phone_number=f"+25470{1_000_000 + each}"), range(ORDERS))
            )
        system.behave(script=script(ORDERS * 2), latency_ms=50)
        killer = Killer(system)
        thread = threading.Thread(target=killer.run)
        thread.start()
        try:
            rate = place(system, customers)
        finally:
            killer.done.set()
            thread.join()
        began = time.monotonic()

        def settled() -> list[dict[str, Any]] | None:
            found = list(system.orders())
            return found if all(order["sms"]["status"] in FINAL for order in found) else None

        found = until(settled, seconds=300, every=2)
        waited = time.monotonic() - began
        texts: dict[str, list[str]] = defaultdict(list)
        for text in system.texts():
            texts[text["text"]].append(text["answer"])

    def received(order: dict[str, Any]) -> list[str]:
        return texts[order["sms"]["text"]]

    states = Counter(order["sms"]["status"] for order in found)
    unknown = [order for order in found if order["sms"]["status"] == "unknown"]
    promises = {
        "orders that are missing": ORDERS - len(found),
        "orders whose text went out twice": sum(len(received(order)) > 1 for order in found),
        "delivered without a text": sum(
            order["sms"]["status"] == "delivered" and not received(order) for order in found
        ),
        "failed with a text": sum(order["sms"]["status"] == "failed" and bool(received(order)) for order in found),
        "unknown without an ambiguous answer or a sender killed in flight": sum(
            not (set(received(order)) & set(AMBIGUOUS) or killer.explains(order)) for order in unknown
        ),
    }
    measured = {
        "orders": f"{len(found)} at {rate:.0f}/s",
        "workers killed -9": len(killer.kills),
        "settled after the last order": f"{waited:.0f} s",
        "states": ", ".join(f"{count} {state}" for state, count in states.most_common()),
        "orders by texts received": ", ".join(
            f"{count} with {texts}" for texts, count in Counter(len(received(order)) for order in found).most_common()
        ),
    }
    body = (
        table(("measured", ""), list(measured.items()))
        + "\n\n"
        + table(("broken promises", ""), list(promises.items()))
    )
    publish("soak", "Soak: a gateway that fails, workers that are killed", body)
    return 1 if any(promises.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
