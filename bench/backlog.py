"""Let orders pile up while the provider is down, then measure how they drain at 200 ms latency, the newest not last.

`make bench-backlog` (ORDERS=1000 for fewer) starts its own local system, writes bench/results/backlog.md and its part of
bench/README.md, and exits with 1 if a promise broke.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import IO, Any, cast

from bench.report import publish, table
from tests.support.system import ROOT, System, running

ORDERS = int(os.environ.get("ORDERS", "10000"))
LATENCY_MS = 200
LEAST_PER_SECOND = 200
# Placed while the backlog drains.
NEW = 20
# Anything still to be sent goes out within a lease and a sweep (local/config.py).
SETTLE_SECONDS = 35


def place(system: System) -> float:
    """Place the orders; return the seconds it took."""
    customer = system.customer()

    def one(number: int) -> None:
        body = {"customer": customer["id"], "item": f"item {number}", "amount": "1"}
        answer = system.call("POST", "orders", body)
        if answer.status != 201:
            raise RuntimeError(answer.raw)

    began = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(one, range(ORDERS)))
    return time.monotonic() - began


def wait_of(system: System, order: dict[str, Any]) -> float:
    """Return the seconds from an order to its text."""
    sms = system.reaches(order, "sent", "delivered")
    sent = datetime.fromisoformat(str(sms["updated_at"]))
    return (sent - datetime.fromisoformat(order["order_date"])).total_seconds()


def limit(system: System) -> float:
    """Return how many texts per second the bare calls reach, in as many processes as sweep."""
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
        if cast(IO[str], process.stdout).readline() != "ready\n":
            raise RuntimeError("a drain did not start")
    for process in processes:
        start = cast(IO[str], process.stdin)
        start.write("go\n")
        start.flush()
    results = [[float(number) for number in process.communicate()[0].split()] for process in processes]
    counts, begins, ends = zip(*results, strict=True)
    return float(sum(counts) / (max(ends) - min(begins)))


def main() -> int:
    """Measure, and write the page; 1 if a promise broke."""
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
        texts: list[dict[str, Any]] = []
        while time.monotonic() < give_up and len(texts) < ORDERS + NEW:
            # Reading all texts takes processor time from the drain, so do it rarely: each has its own time.
            time.sleep(8)
            texts = system.texts()
        waits = sorted(wait_of(system, order) for order in newest)
        time.sleep(SETTLE_SECONDS)
        texts = system.texts()
        bare = limit(system)
    times = sorted(datetime.fromisoformat(text["recorded_at"]).timestamp() for text in texts)
    seconds = times[-1] - times[0]
    middle = times[len(times) // 10 : len(times) * 9 // 10]
    steady = len(middle) / max(middle[-1] - middle[0], 0.001)
    # Every order has its own item, so every text is different.
    sent = Counter(text["text"] for text in texts)
    promises = {
        "texts that went out before the provider was back": meanwhile,
        "texts that are missing": ORDERS + NEW - len(sent),
        "texts that went out twice": len(texts) - len(sent),
        f"the middle 80 % slower than {LEAST_PER_SECOND}/s": int(steady < LEAST_PER_SECOND),
        "the newest starved (waited for more than a tenth of the drain)": int(waits[-1] > max(seconds / 10, 2)),
    }
    measured = {
        "orders while the provider was down (429)": f"{ORDERS} in {placing:.0f} s",
        "the provider's latency once it is back": f"{LATENCY_MS} ms",
        "the whole drain": f"{len(texts)} texts in {seconds:.1f} s, {len(texts) / seconds:.0f}/s",
        "the middle 80 %": f"{steady:.0f}/s",
        "the bare calls to store and provider, in as many processes": f"{bare:.0f}/s: the drain is {steady / bare:.2f} of it",
        f"{NEW} orders placed while it drains": f"text after {waits[NEW // 2]:.2f} s median, {waits[-1]:.2f} s at most",
    }
    body = (
        table(("measured", ""), list(measured.items()))
        + "\n\n"
        + table(("broken promises", ""), list(promises.items()))
    )
    publish("backlog", "Backlog: the provider comes back", body)
    return 1 if any(promises.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
