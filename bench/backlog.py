"""Orders pile up while the gateway is down; once it is back with 200 ms latency they drain, the newest not last.

`make bench-backlog` (ORDERS=1000 for fewer) starts a local system of its own, writes bench/results/backlog.md and its part
of bench/README.md, and ends with 1 where a promise broke.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from bench.report import publish, table
from tests.support.system import ROOT, System, running

ORDERS = int(os.environ.get("ORDERS", "10000"))
LATENCY_MS = 200
LEAST_PER_SECOND = 200
# Placed while the backlog drains.
NEW = 20
# Whatever would yet go out by itself does so within a lease and a sweep (local/config.py).
SETTLE_SECONDS = 35


def place(system: System) -> float:
    """Places the orders; the seconds it took."""
    customer = system.customer()

    def one(number: int) -> None:
        body = {"customer": customer["id"], "item": f"item {number}", "amount": "1"}
        answer = system.call("POST", "orders", body)
        assert answer.status == 201, answer.raw

    began = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(one, range(ORDERS)))
    return time.monotonic() - began


def wait_of(system: System, order: dict[str, Any]) -> float:
    """Seconds from an order to its text."""
    sms = system.reaches(order, "sent", "delivered")
    sent = datetime.fromisoformat(sms["updated_at"])
    return (sent - datetime.fromisoformat(order["order_date"])).total_seconds()


def limit(system: System) -> float:
    """How many texts a second the machine does with the same calls made bare, by as many processes as sweep."""
    parts = sum(name.startswith("worker-sweep_sms") for name in system.pids())
    key = (system.state / "sms-api-key").read_text().strip()
    command = [sys.executable, "-m", "bench.bare_drain", f"http://127.0.0.1:{system.port + 3}", system.sandbox(""), key]
    processes = [
        subprocess.Popen(
            [*command, str(part), str(parts)],
            cwd=ROOT,
            env=system.environ(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for part in range(parts)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [[float(each) for each in process.communicate()[0].split()] for process in processes]
    counts, begins, ends = zip(*said, strict=True)
    return sum(counts) / (max(ends) - min(begins))


def main() -> int:
    with running() as system:
        system.behave(default="http:429")
        placing = place(system)
        meanwhile = len(system.texts())
        system.behave(latency_ms=LATENCY_MS, delivery="none")
        customer = system.customer()
        newest = []
        for number in range(NEW):
            newest.append(system.order(customer, item=f"new item {number}"))
            time.sleep(0.1)
        give_up = time.monotonic() + 60 + ORDERS / 20
        taken: list[dict[str, Any]] = []
        while time.monotonic() < give_up and len(taken) < ORDERS + NEW:
            # Reading them all costs the machine what it measures; they know themselves when they came.
            time.sleep(8)
            taken = system.texts()
        waits = sorted(wait_of(system, order) for order in newest)
        time.sleep(SETTLE_SECONDS)
        taken = system.texts()
        bare = limit(system)
    times = sorted(datetime.fromisoformat(text["recorded_at"]).timestamp() for text in taken)
    seconds = times[-1] - times[0]
    middle = times[len(times) // 10 : len(times) * 9 // 10]
    steady = len(middle) / max(middle[-1] - middle[0], 0.001)
    # Each order has an item of its own.
    each = Counter(text["text"] for text in taken)
    promises = {
        "texts that went out before the gateway was back": meanwhile,
        "texts that are missing": ORDERS + NEW - len(each),
        "texts that went out twice": len(taken) - len(each),
        f"the middle 80 % slower than {LEAST_PER_SECOND}/s": int(steady < LEAST_PER_SECOND),
        "the newest starved (a wait of more than a tenth of the drain)": int(waits[-1] > max(seconds / 10, 2)),
    }
    measured = {
        "orders while the gateway was down (429)": f"{ORDERS} in {placing:.0f} s",
        "gateway's latency once it is back": f"{LATENCY_MS} ms",
        "the whole drain": f"{len(taken)} texts in {seconds:.1f} s, {len(taken) / seconds:.0f}/s",
        "the middle 80 %": f"{steady:.0f}/s",
        "the same calls of store and gateway bare, in as many processes": f"{bare:.0f}/s: the drain is {steady / bare:.2f} of it",
        f"{NEW} orders placed while it drains": f"text after {waits[NEW // 2]:.2f} s median, {waits[-1]:.2f} s at most",
    }
    body = (
        table(("measured", ""), list(measured.items()))
        + "\n\n"
        + table(("broken promises", ""), list(promises.items()))
    )
    publish("backlog", "Backlog: the gateway comes back", body)
    return 1 if any(promises.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
