"""Clients that keep their connections and ask as fast as they are answered, and how many requests a second that comes to."""

import http.client
import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from tests.support.system import BASE, System, until

CLIENTS = 8
# More clients than any server here can answer at the same time, however slow the provider.
CROWD = 128
WARM_UP_SECONDS = 3
HEAD = {"Content-Type": "application/json"}
# The states a text passes through.
PENDING = ("queued", "sending", "sent")

# Connects a client and returns what makes one request.
type Requests = Callable[[], Callable[[], object]]


class Client:
    """One connection, kept open."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = HEAD | headers

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """Return the JSON of a success. Raise RuntimeError for any other status."""
        raw = json.dumps(body) if body is not None else None
        self._connection.request(method, path, raw, self._headers | (headers or {}))
        response = self._connection.getresponse()
        content = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{response.status} {content[:300]!r}")
        return json.loads(content)


def percentile(values: list[float], share: int) -> float:
    """Return this percentile of the values."""
    return statistics.quantiles(values, n=100)[share - 1]


def throughput(connect: Requests, seconds: float, clients: int = CLIENTS) -> tuple[float, int]:
    """Return requests answered per second, and all that were answered including the warm-up."""
    began = time.monotonic() + WARM_UP_SECONDS
    end = began + seconds

    def work(_: int) -> tuple[int, int]:
        ask, done, total = connect(), 0, 0
        while time.monotonic() < end:
            ask()
            total += 1
            done += began < time.monotonic() < end
        return done, total

    with ThreadPoolExecutor(clients) as threads:
        counted = list(threads.map(work, range(clients)))
    return sum(done for done, _ in counted) / seconds, sum(total for _, total in counted)


def creating(connect: Callable[[], Client], order: dict[str, str]) -> Requests:
    """Return requests that create this order."""

    def requests() -> Callable[[], object]:
        client = connect()
        return lambda: client.call("POST", f"{BASE}/orders", order)

    return requests


def rates(connect: Callable[[], Client], order: dict[str, str], seconds: float) -> dict[str, float]:
    """Return requests per second of what a shop does most: listing and creating orders."""

    def listing() -> Callable[[], object]:
        client = connect()
        return lambda: client.call("GET", f"{BASE}/orders")

    return {
        "list_orders": throughput(listing, seconds)[0],
        "create_order": throughput(creating(connect, order), seconds)[0],
    }


def sustained(
    system: System, connect: Callable[[], Client], order: dict[str, str], seconds: float, settled: Callable[[], bool]
) -> dict[str, float]:
    """Let a crowd create orders: return answers per second, and texts sent and known to be delivered per second.

    Both text rates count from the first request until the last text: sending later gains nothing.
    """
    before, began, moment = len(system.texts()), time.monotonic(), time.time()
    answered, total = throughput(creating(connect, order), seconds, CROWD)
    until(settled, seconds=300, every=0.5)
    took = time.monotonic() - began
    sent = system.texts()[before:]
    last = max(datetime.fromisoformat(text["recorded_at"]).timestamp() for text in sent)
    return {
        "answered": answered,
        "orders": total,
        "texts": len(sent),
        "texts_rate": len(sent) / (last - moment),
        "delivered_rate": total / took,
    }


def nothing_pending(system: System) -> bool:
    """Return whether no text of the system is still in a state that it passes through."""
    return not any(system.call("GET", f"orders?limit=1&sms_status={state}").body["data"] for state in PENDING)
