"""Runs within the built artefact, with nothing but its packages: see inside.py. Prints what it found as JSON."""

import cProfile
import json
import os
import pstats
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

CONTEXT = SimpleNamespace(aws_request_id="1", get_remaining_time_in_millis=lambda: 60_000)
CUSTOMER = {"name": "john doe", "phone_number": "+254704590344", "email": "example@gmail.com"}


def package(file):
    """Whose code it is: the first folder below the layer's, or the standard library's module."""
    # Where sources are beside the bytecode it is known by them, else by the name it was compiled with.
    for layer in ("/opt/python/", "/SharedLayer/python/"):
        if layer in file:
            return file.partition(layer)[2].partition("/")[0].removesuffix(".py")
    if file == "~":
        return "built-in functions"
    return "functions" if "/functions/" in file else "standard library"


def event(function, body):
    from tests.support.events import http_event

    return http_event("POST", f"/api/v1/sales/{function}", body, headers={"host": "bench"})


def spent(call, times):
    """Milliseconds of processor time a call."""
    began = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - began) * 1000 / times


def silent(call, times):
    """The same with nothing logged and nothing counted."""
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


def probed(call, times):
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
    packages = Counter()
    for (file, _, _), (_, _, own, _, _) in pstats.Stats(profile).stats.items():
        packages[package(file)] += own * 1000 / times
    found = {name: value for name, value in packages.items() if value >= 0.01}
    return {"packages": found, "on": sorted(on)[2], "off": sorted(off)[2]}


def warm(calls, batch):
    sys.path.append(os.environ["PROBED"])
    from functions.create_customer.app import handler as create_customer
    from functions.create_order.app import handler as create_order
    from functions.send_sms.app import handler as send_sms
    from sales.runtime.settings import settings
    from sales.store import store
    from tests.support.events import stream_event

    out, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: PTH123, SIM115 - where logs go, to the end
    customer = json.loads(create_customer(event("customers", CUSTOMER), CONTEXT)["body"])["id"]
    order = {"customer": customer, "item": "macbook m2", "amount": "56000.68"}
    client = store()._client  # noqa: SLF001 - what the stream would hand over
    waiting = []

    def create():
        return create_order(event("orders", order), CONTEXT)

    def fill(count):
        for _ in range(count):
            key = {"id": {"S": json.loads(create()["body"])["id"]}}
            waiting.append(client.get_item(TableName=settings().orders_table, Key=key)["Item"])

    def send():
        images, waiting[:batch] = waiting[:batch], []
        return send_sms(stream_event(*images), CONTEXT)

    found = {"create_order": probed(create, calls)}
    texts = max(calls // batch, 5)
    fill((20 + texts * 3 + 10) * batch)
    found[f"send_sms, {batch} texts"] = probed(send, texts)
    print(json.dumps(found), file=out)


def tls():
    from sales import store

    store._ROOTS = Path(os.environ["ROOTS"])  # noqa: SLF001 - what is compared
    client = store.aws_client("dynamodb", os.environ["DYNAMODB_ENDPOINT"])

    def call(_=None):
        return client.get_item(TableName="t", Key={"id": {"S": "1"}})

    first = spent(call, 1)
    began = time.process_time()
    with ThreadPoolExecutor(9) as threads:
        list(threads.map(call, range(9)))
    print(json.dumps({"first": first, "nine": (time.process_time() - began) * 1000}))


if __name__ == "__main__":
    warm(int(sys.argv[2]), int(sys.argv[3])) if sys.argv[1] == "warm" else tls()
