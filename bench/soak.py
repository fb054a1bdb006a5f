"""Place 5,000 orders at 50/s while the provider fails and workers are killed each second; no text may be sent twice.

`make bench-soak` (ORDERS=1000 for fewer) starts its own local system, writes bench/results/soak.md and its part of
bench/README.md, and exits with 1 if a promise broke.
"""

import json
import os
import random
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bench.report import publish, table
from sales.store.items import due_shard
from tests.support.days import differing_days, offset_before_midnight
from tests.support.system import System, request, running, until

ORDERS = int(os.environ.get("ORDERS", "5000"))
PER_SECOND = 50
# Enough clients that every order is requested on time, however long others wait: kills and restarts use much of the
# processors.
CLIENTS = 1500
LEASE = 15
SETTLE = 15
# Of all attempts, 5 % are ambiguous (the answer to an accepted text is lost, or the connection before it is accepted), 5 %
# are certainly not sent (429 here, and refused connections in the outages below), and 5 % are refused for now.
AMBIGUOUS = ("drop_before", "drop_after", "http503_after", "http504_after", "garbage_after", "html_after")
NOT_SENT = "http:429"
REFUSED = "status:405"
SHARES = {**dict.fromkeys(AMBIGUOUS, 0.05 / len(AMBIGUOUS)), NOT_SENT: 0.025, REFUSED: 0.05}
OUTAGE_EVERY, OUTAGE_MS = 6.0, 500
FINAL = {"delivered", "failed", "unknown"}
SENDERS = ("worker-send_sms", "worker-sweep_sms")
WORKERS = (*SENDERS, "worker-create_order", "worker-record_delivery_report")


@dataclass(frozen=True)
class Kill:
    """A worker killed at a Unix time."""

    at: float
    name: str
    pid: int


@dataclass
class Trouble:
    """Until `done`, kills a random worker every second, and every few seconds lets the provider refuse connections."""

    system: System
    done: threading.Event = field(default_factory=threading.Event)
    kills: list[Kill] = field(default_factory=list)
    outages: int = 0

    def kill(self) -> None:
        """Kill workers."""
        while not self.done.wait(1):
            pids = self.system.pids()
            if workers := sorted(name for name in pids if name.startswith(WORKERS)):
                name = random.choice(workers)  # noqa: S311 - not a secret
                self.system.kill(name)
                self.kills.append(Kill(time.time(), name, pids[name]))

    def refuse(self) -> None:
        """Have the provider refuse connections."""
        while not self.done.wait(OUTAGE_EVERY):
            with suppress(OSError):
                request("POST", self.system.sandbox("/_sandbox/outage"), {"ms": OUTAGE_MS})
                self.outages += 1


@dataclass(frozen=True)
class Evidence:
    """The sandbox's requests by text, the kills, and the invocations that ended with their process."""

    requests: dict[str, list[dict[str, Any]]]
    kills: list[Kill]
    lost: list[dict[str, Any]]

    @classmethod
    def of(cls, system: System, kills: list[Kill]) -> "Evidence":
        """Collect it from the system."""
        requests: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for each in request("GET", system.sandbox("/_sandbox/requests")).body["requests"]:
            requests[(each["fields"] or {}).get("message", "")].append(each)
        log = [json.loads(line) for line in (system.state / "logs" / "invocations.log").read_text().splitlines()]
        return cls(requests, kills, lost(log))

    def explains(self, order: dict[str, Any]) -> bool:
        """Return whether the order is `unknown` for a reason: an ambiguous answer to its text, or a kill after its claim."""
        history = order["sms"]["history"]
        outcome = next(entry for entry in reversed(history) if entry["status"] == "unknown")
        if outcome["cause"] != "lease_expired":
            return any(each["answer"] in AMBIGUOUS for each in self.requests[order["sms"]["text"]])
        claim = seconds(next(entry["at"] for entry in reversed(history) if entry["status"] == "sending"))
        return any(
            seconds(each["time"]) <= claim <= kill.at <= claim + LEASE
            and each["pid"] == kill.pid
            and has(each, order["id"])
            for each in self.lost
            for kill in self.kills
            if kill.name.startswith(SENDERS)
        )


def lost(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the invocations of invocations.log whose process ended before it answered."""
    ended = {each["request_id"] for each in log if "lost" in each}
    return [each for each in log if each["request_id"] in ended and "lost" not in each]


def has(invocation: dict[str, Any], order_id: str) -> bool:
    """Return whether the order is in the invocation's batch, or in its part of a sweep."""
    if "keys" in invocation:
        return {"id": {"S": order_id}} in invocation["keys"]
    return int(due_shard(order_id)) % int(invocation["parts"]) == int(invocation["part"])


def seconds(moment: str) -> float:
    """Return an ISO time as a Unix time."""
    return datetime.fromisoformat(moment).timestamp()


def script(answers: int) -> list[str]:
    """Return so many answers with the shares of faults above, the same at each run."""
    rolls = random.Random(5000)  # noqa: S311 - not a secret
    return rolls.choices([*SHARES, "accept"], [*SHARES.values(), 1 - sum(SHARES.values())], k=answers)


def place(system: System, customers: list[dict[str, Any]]) -> tuple[float, float]:
    """Place an order of each customer at an even rate; return the rate, and how many seconds later all were answered."""
    began = time.monotonic()

    def one(number: int) -> float:
        time.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
        start = time.monotonic()
        body = {"customer": customers[number]["id"], "item": f"item {number}", "amount": "1"}
        while time.monotonic() < start + 120:
            with suppress(OSError):
                if system.call("POST", "orders", body, idempotency_key=f"soak-{number}").status == 201:
                    return start
            time.sleep(0.2)
        raise RuntimeError(f"order {number} was never answered 201")

    with ThreadPoolExecutor(CLIENTS) as threads:
        last = max(threads.map(one, range(len(customers))))
    return len(customers) / (last - began), time.monotonic() - last


def share(count: int, attempts: int) -> str:
    """Return a count with its percentage."""
    return f"{count} ({count / attempts:.1%})"


def attempts(requests: Iterable[dict[str, Any]], orders: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return how the attempts ended."""
    answers = Counter(each["answer"] for each in requests)
    unconnected = sum(
        entry.get("reason", "").startswith("connect_") for order in orders for entry in order["sms"]["history"]
    )
    total = answers.total() + unconnected
    return {
        "attempts": str(total),
        "ambiguous": share(sum(answers[answer] for answer in AMBIGUOUS), total),
        "not sent: 429": share(answers[NOT_SENT], total),
        "not sent: connection refused": share(unconnected, total),
        "refused for now": share(answers[REFUSED], total),
    }


def main() -> int:
    """Soak, and write the page; 1 if a promise broke."""
    with running(SMS_LEASE_SECONDS=str(LEASE), DAY_SETTLE_SECONDS=str(SETTLE)) as system:
        with ThreadPoolExecutor(8) as threads:
            customers = list(
                threads.map(lambda each: system.customer(phone_number=f"+25470{1_000_000 + each}"), range(ORDERS))
            )
        # The shop's day ends while orders are placed.
        system.stop()
        offset = system.environment["UTC_OFFSET"] = offset_before_midnight(2)
        system.start()
        system.behave(script=script(ORDERS * 2), latency_ms=50)
        trouble = Trouble(system)
        troublemakers = [threading.Thread(target=each) for each in (trouble.kill, trouble.refuse)]
        for thread in troublemakers:
            thread.start()
        try:
            rate, late = place(system, customers)
        finally:
            trouble.done.set()
            for thread in troublemakers:
                thread.join()
        began = time.monotonic()

        def settled() -> list[dict[str, Any]] | None:
            orders = list(system.orders())
            return orders if all(order["sms"]["status"] in FINAL for order in orders) else None

        until(settled, seconds=300, every=2)
        waited = time.monotonic() - began
        # Anything still to be sent goes out within a lease and a sweep.
        time.sleep(LEASE + 5)
        orders = list(system.orders())
        texts: dict[str, list[str]] = defaultdict(list)
        for text in system.texts():
            texts[text["text"]].append(text["answer"])
        evidence = Evidence.of(system, trouble.kills)
        differing = differing_days(system, offset, settle_seconds=SETTLE)
        print(json.dumps(differing))

    def received(order: dict[str, Any]) -> list[str]:
        return texts[order["sms"]["text"]]

    states = Counter(order["sms"]["status"] for order in orders)
    unknown = [order for order in orders if order["sms"]["status"] == "unknown"]
    unexplained = [order for order in unknown if not evidence.explains(order)]
    for order in unexplained:
        print(json.dumps(order["sms"]["history"]))
    promises = {
        "missing orders": ORDERS - len(orders),
        "unsettled orders": sum(order["sms"]["status"] not in FINAL for order in orders),
        "orders whose text went out twice": sum(len(received(order)) > 1 for order in orders),
        "delivered without a text": sum(
            order["sms"]["status"] == "delivered" and not received(order) for order in orders
        ),
        "failed with a text": sum(order["sms"]["status"] == "failed" and bool(received(order)) for order in orders),
        "unknown without an ambiguous answer or a kill after the claim": len(unexplained),
        "days whose figures differ from a recount": len(differing),
    }
    measured = {
        "orders": f"{len(orders)} requested at {rate:.0f}/s, the last one answered {late:.1f} s later",
        "workers killed -9": f"{len(trouble.kills)}, {sum(each.name.startswith(SENDERS) for each in trouble.kills)} of them senders",
        f"outages of {OUTAGE_MS} ms with refused connections": trouble.outages,
        **attempts((each for requests in evidence.requests.values() for each in requests), orders),
        "settled after the last answer": f"{waited:.0f} s",
        "states": ", ".join(f"{count} {state}" for state, count in states.most_common()),
        "orders by texts received": ", ".join(
            f"{count} with {texts}" for texts, count in Counter(len(received(order)) for order in orders).most_common()
        ),
        "why unknown": ", ".join(
            f"{count} {reason}" for reason, count in Counter(order["sms"]["reason"] for order in unknown).most_common()
        )
        or "-",
    }
    body = (
        table(("measured", ""), list(measured.items()))
        + "\n\n"
        + table(("broken promises", ""), list(promises.items()))
    )
    publish("soak", "Soak: a failing provider and killed workers", body)
    return 1 if any(promises.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
