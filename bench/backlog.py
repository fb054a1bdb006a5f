"""Orders pile up while the gateway is down; once it is back with 200 ms latency they drain, the newest not last.

`python -m bench.backlog [orders]` starts a local system of its own, prints the rate, and ends with 1 where it breaks.
"""

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from tests.local.system import running

NEW = 20


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("orders", nargs="?", type=int, default=10_000)
    arguments.add_argument("--least", type=float, default=200, help="texts a second")
    given = arguments.parse_args()
    orders: int = given.orders
    # First retries soon, all tries within the time the orders take to come in.
    with running(SMS_RETRY_SECONDS="2", SMS_LEASE_SECONDS="60") as system:
        customer = system.customer()
        system.behave(default="http:429", delivery="none")
        body = {"customer": customer["id"], "item": "backlog", "amount": "1"}

        def place(number: int) -> None:
            answer = system.call("POST", "orders", body | {"item": f"item {number}"})
            assert answer.status == 201, answer.raw

        began = time.monotonic()
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(place, range(orders)))
        print(f"{orders} orders in {time.monotonic() - began:.0f} s; texts taken meanwhile: {len(system.texts())}")
        system.behave(latency_ms=200, delivery="none")
        back = time.monotonic()
        newest = []
        for _ in range(NEW):
            newest.append(system.order(customer)["id"])
            time.sleep(0.05)
        give_up = back + 60 + orders / 20
        taken: list[dict[str, object]] = []
        while time.monotonic() < give_up and len(taken) < orders + NEW:
            time.sleep(1)
            taken = system.texts()
        times = sorted(datetime.fromisoformat(str(text["recorded_at"])).timestamp() for text in taken)
        waits = []
        for order_id in newest:
            sms = system.call("GET", f"orders/{order_id}").body
            sent = sms["sms"]["updated_at"]
            waits.append((datetime.fromisoformat(sent) - datetime.fromisoformat(sms["order_date"])).total_seconds())
    seconds = times[-1] - times[0]
    # The whole drain, the waits for what was not yet due included; and its busiest stretch.
    middle = times[len(times) // 10 : len(times) * 9 // 10]
    steady = len(middle) / max(middle[-1] - middle[0], 0.001)
    texts = Counter(text["text"] for text in taken)
    twice = [text for text, count in texts.items() if count > 1 and "macbook" not in str(text)]
    print(f"{len(taken)} texts in {seconds:.1f} s: {len(taken) / seconds:.0f}/s; the middle 80 %: {steady:.0f}/s")
    print(f"orders placed while it drained waited {max(waits):.1f} s at most, {sorted(waits)[NEW // 2]:.1f} s median")
    print(f"texts that went out twice: {len(twice)}")
    fine = len(taken) == orders + NEW and not twice and steady >= given.least and max(waits) < seconds / 2
    print("fine" if fine else "BROKEN")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
