"""Probe the built artefact from inside, with only its own packages: see inside.py. Prints the results as JSON."""

import cProfile
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

CONTEXT: Any = SimpleNamespace(aws_request_id="1", get_remaining_time_in_millis=lambda: 60_000)
CUSTOMER = {"name": "john doe", "phone_number": "+254704590344", "email": "example@gmail.com"}


def package(file: str) -> str:
    """Return whose code a file is: the first folder below the layer, or the standard library."""
    # A module with its source next to its bytecode has that path, else the path it was compiled with.
    for layer in ("/opt/python/", "/SharedLayer/python/"):
        if layer in file:
            return file.partition(layer)[2].partition("/")[0].removesuffix(".py")
    if file == "~":
        return "built-in functions"
    return "functions" if "/functions/" in file else "standard library"


def event(resource: str, body: dict[str, str]) -> dict[str, Any]:
    """Return the event of a POST."""
    from tests.support.events import http_event

    return http_event("POST", f"/api/v1/sales/{resource}", body, headers={"host": "bench"})


def spent(call: Callable[[], object], times: int) -> float:
    """Return the milliseconds of processor time per call."""
    began = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - began) * 1000 / times


def silent(call: Callable[[], object], times: int) -> float:
    """Return the same without logs and metrics."""
    from sales.runtime import log, metrics

    parts = [(log, "info"), (log, "warning"), (metrics, "count"), (metrics, "observe")]
    kept = [getattr(module, name) for module, name in parts]
    for module, name in parts:
        setattr(module, name, lambda *_, **__: None)
    try:
        return spent(call, times)
    finally:
        for (module, name), function in zip(parts, kept, strict=True):
            setattr(module, name, function)


def probe(call: Callable[[], object], times: int) -> dict[str, Any]:
    """Return processor time with and without logs and metrics, and milliseconds by package under the profiler."""
    for _ in range(20):
        call()
    on, off = [], []
    for _ in range(5):
        on.append(spent(call, max(times // 5, 1)))
        off.append(silent(call, max(times // 5, 1)))
    profile = cProfile.Profile(time.process_time)
    profile.enable()
    for _ in range(times):
        call()
    profile.disable()
    packages: dict[str, float] = defaultdict(float)
    for entry in profile.getstats():
        file = "~" if isinstance(entry.code, str) else entry.code.co_filename
        packages[package(file)] += entry.inlinetime * 1000 / times
    return {
        "packages": {name: value for name, value in packages.items() if value >= 0.01},
        "on": sorted(on)[2],
        "off": sorted(off)[2],
    }


def warm(calls: int, batch: int) -> None:
    """Probe create_order and send_sms."""
    from functions.create_customer.app import handler as create_customer
    from functions.create_order.app import handler as create_order
    from functions.send_sms.app import handler as send_sms
    from sales.runtime.aws import aws_client
    from sales.runtime.settings import settings
    from tests.support.events import stream_event

    out, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: PTH123, SIM115 - takes the logs until the process ends
    customer = json.loads(create_customer(event("customers", CUSTOMER), CONTEXT)["body"])["id"]
    order = {"customer": customer, "item": "macbook m2", "amount": "56000.68"}
    # It reads items as the stream hands them over.
    client = aws_client("dynamodb", settings().dynamodb_endpoint)
    waiting: list[dict[str, Any]] = []

    def create() -> dict[str, Any]:
        answer: dict[str, Any] = create_order(event("orders", order), CONTEXT)
        return answer

    def fill(count: int) -> None:
        for _ in range(count):
            key = {"id": {"S": json.loads(create()["body"])["id"]}}
            waiting.append(client.get_item(TableName=settings().orders_table, Key=key)["Item"])

    def send() -> object:
        images, waiting[:batch] = waiting[:batch], []
        return send_sms(stream_event(*images), CONTEXT)

    results = {"create_order": probe(create, calls)}
    texts = max(calls // batch, 5)
    fill((20 + texts * 3 + 10) * batch)
    results[f"send_sms, {batch} texts"] = probe(send, texts)
    print(json.dumps(results), file=out)


def tls() -> None:
    """Time the store client's calls over TLS."""
    from sales.runtime import aws

    aws._ROOTS = Path(os.environ["ROOTS"])  # noqa: SLF001 - the roots are what is compared
    client = aws.aws_client("dynamodb", os.environ["DYNAMODB_ENDPOINT"])

    def call(_: object = None) -> None:
        client.get_item(TableName="t", Key={"id": {"S": "1"}})

    first = spent(call, 1)
    began = time.process_time()
    with ThreadPoolExecutor(9) as threads:
        list(threads.map(call, range(9)))
    print(json.dumps({"first": first, "nine": (time.process_time() - began) * 1000}))


if __name__ == "__main__":
    warm(int(sys.argv[2]), int(sys.argv[3])) if sys.argv[1] == "warm" else tls()
