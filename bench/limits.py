"""Ask for 10,000 texts on a day that allows 500, with and without kills, then raise the limit.

`make bench-limits` (ORDERS=1000 for fewer) starts its own local systems, writes bench/results/limits.md and its part of
bench/README.md, and exits with 1 if a promise broke.
"""

import os
import random
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass

from bench.backlog import place
from bench.report import publish, table
from tests.support.system import System, running, until

ORDERS = int(os.environ.get("ORDERS", "10000"))
LIMIT = int(os.environ.get("LIMIT", "500"))
# The most that one sender holds of the day's allowance at a time: a look of the sweep; a batch of the stream is smaller.
LARGEST_BATCH = 100
SENDERS = ("worker-send_sms", "worker-sweep_sms")
# Orders in these states still wait for something.
UNSETTLED = {"queued", "sending"}


@dataclass
class Result:
    """The outcome of a run: its texts before and after the limit was raised, and the states of orders in between."""

    kills: int
    texts: int
    held: int
    other: int
    after: int
    twice: int
    unsettled: int

    @property
    def broken(self) -> dict[str, int]:
        """The promises that broke, each by how much."""
        return {
            "texts above the limit": max(self.texts - LIMIT, 0),
            "texts below the limit, beyond a batch for each kill": max(
                LIMIT - self.texts - LARGEST_BATCH * self.kills, 0
            ),
            "orders that neither went out nor show that they are held": ORDERS - self.held - self.other,
            "texts that went out twice": self.twice,
            "orders without an end once the limit was raised": self.unsettled,
        }


def kill_senders(system: System, done: threading.Event) -> int:
    """Kill a random sender each second until `done`; return how many died."""
    kills = 0
    while not done.wait(1):
        if workers := sorted(name for name in system.pids() if name.startswith(SENDERS)):
            system.kill(random.choice(workers))  # noqa: S311 - not a secret
            kills += 1
    return kills


def states(system: System) -> Counter[tuple[str, str | None]]:
    """Return how many orders show which state and reason."""
    return Counter((order["sms"]["status"], order["sms"]["reason"]) for order in system.orders())


def run(*, kill: bool) -> Result:
    """Place the orders, wait until no text moves, raise the limit and wait until all are settled."""
    with running(SMS_PER_DAY=str(LIMIT), SMS_LEASE_SECONDS="15") as system:
        system.behave(delivery="none")
        done, kills = threading.Event(), [0]
        killer = threading.Thread(target=lambda: kills.__setitem__(0, kill_senders(system, done) if kill else 0))
        killer.start()
        place(system)
        done.set()
        killer.join()

        def held() -> int:
            return states(system)["queued", "limit"]

        # Leases of killed senders run out, and nothing moves any more.
        still = -1
        while still != (still := held()):
            time.sleep(20)
        before, shown = len(system.texts()), states(system)
        system.stop()
        system.environment["SMS_PER_DAY"] = "0"
        system.start()
        until(lambda: not any(status in UNSETTLED for status, _ in states(system)), seconds=60 + ORDERS / 20, every=5)
        texts = [text["text"] for text in system.texts()]
        return Result(
            kills=kills[0],
            texts=before,
            held=shown["queued", "limit"],
            other=sum(count for (status, _), count in shown.items() if status not in UNSETTLED),
            after=len(texts),
            twice=len(texts) - len(set(texts)),
            unsettled=sum(count for (status, _), count in states(system).items() if status in UNSETTLED),
        )


def main() -> int:
    """Measure, and write the page; 1 if a promise broke."""
    results = {"without kills": run(kill=False), "a sender killed each second": run(kill=True)}
    rows = [
        [title, result.kills, result.texts, result.held, result.after, *result.broken.values()]
        for title, result in results.items()
    ]
    names = next(iter(results.values())).broken
    head = [
        f"{ORDERS:,} orders, {LIMIT} texts a day",
        "kills",
        "texts",
        "held",
        "texts once the limit was raised",
        *names,
    ]
    publish("limits", "Limits: more texts than a day allows", table(head, rows))
    return 1 if any(any(result.broken.values()) for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
