"""5,000 orders at 50/s through a gateway that fails and workers that are killed each second; nothing may be sent twice.

`python -m bench.soak [orders]` starts a local system of its own, prints counts, and ends with 1 where a promise broke.
"""

import argparse
import random
import sys
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.local.system import System, running, until

PER_SECOND = 50
# Of all answers 5 % lose the reply to a text that was taken, 5 % are a 429 (certainly not sent), 5 % refuse for now.
AMBIGUOUS = ("drop_after", "http503_after", "garbage_after")
SHARES = (*AMBIGUOUS, "http:429", "http:429", "http:429", "status:405", "status:405", "status:405")
FINAL = {"delivered", "failed", "unknown"}


def script(answers: int) -> list[str]:
    """That many answers, 15 % of them faults, the same ones at each run."""
    rolls = random.Random(5000)
    return [rolls.choice(SHARES) if rolls.random() < 0.15 else "accept" for _ in range(answers)]


def place(system: System, customers: list[dict[str, Any]], orders: int) -> float:
    """Places the orders at an even rate; how many a second it came to."""
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
        list(threads.map(one, range(orders)))
    return orders / (time.monotonic() - began)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("orders", nargs="?", type=int, default=5000)
    orders = arguments.parse_args().orders
    kills = 0
    with running(SMS_LEASE_SECONDS="15") as system:
        with ThreadPoolExecutor(8) as threads:
            customers = list(
                threads.map(lambda each: system.customer(phone_number=f"+25470{1_000_000 + each}"), range(orders))
            )
        system.behave(script=script(orders * 2), latency_ms=50)
        done = threading.Event()

        def kill() -> None:
            nonlocal kills
            names = ("worker-send_sms", "worker-sweep_sms", "worker-create_order", "worker-record_delivery_report")
            while not done.wait(1):
                each = sorted(name for name in system.pids() if name.startswith(names))
                if each:
                    system.kill(random.choice(each))
                    kills += 1

        killer = threading.Thread(target=kill)
        killer.start()
        rate = place(system, customers, orders)
        done.set()
        killer.join()
        began = time.monotonic()

        def settled() -> list[dict[str, Any]] | None:
            found = list(system.orders())
            return found if all(order["sms"]["status"] in FINAL for order in found) else None

        found = until(settled, seconds=180, every=2)
        waited = time.monotonic() - began
        texts: dict[str, list[str]] = defaultdict(list)
        for text in system.texts():
            texts[text["text"]].append(text["answer"])
    states = Counter(order["sms"]["status"] for order in found)
    reasons = Counter(order["sms"]["reason"] for order in found if order["sms"]["status"] == "unknown")
    received = Counter(len(texts[order["sms"]["text"]]) for order in found)
    print(f"orders {len(found)}, {rate:.1f}/s, kills {kills}, settled {waited:.0f} s after the last one")
    print(f"states {dict(states)}, unknown because of {dict(reasons)}")
    print(f"texts per order {dict(received)}")
    broken = [
        order["id"]
        for order in found
        if len(texts[order["sms"]["text"]]) > 1
        or (order["sms"]["status"] == "delivered" and not texts[order["sms"]["text"]])
        or (order["sms"]["status"] == "failed" and texts[order["sms"]["text"]])
    ]
    # Unknown is only what was answered ambiguously, by the sandbox's own log, or whose sender was killed.
    strange = [
        order["id"]
        for order in found
        if order["sms"]["status"] == "unknown"
        and order["sms"]["reason"] != "lease_expired"
        and not set(texts[order["sms"]["text"]]) & set(AMBIGUOUS)
    ]
    if len(found) != orders or broken or strange:
        print(f"BROKEN: {len(found)} orders of {orders}; {broken[:5]}; {strange[:5]}")
        return 1
    print("none twice, each accounted for")
    return 0


if __name__ == "__main__":
    sys.exit(main())
