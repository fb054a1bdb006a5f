"""Measure one call of each of our functions: store calls, capacity units, CPU, memory; docs/cost.md is computed from it.

As deployed (the folder that `make build` leaves), on the local store, through AWS's runtime client. `make bench-units`.
"""

import json
import statistics
import tempfile
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import build
from bench.contest import CUSTOMER, PATHS
from bench.report import RESULTS, machine, table
from bench.runtime_api import Environment, Function
from bench.services import Call, Provider, Store, recording, running_store, serving
from tests.support.events import form_event, http_event, stream_event

CALLS = 60
ROUNDS = 3
WEBHOOK = "/webhooks/africastalking/delivery/key"
# The delivery reports for each text: on its way, then delivered.
REPORTS = ("Submitted", "Success")


class Shop:
    """Creates the events for the functions, one order's life after another."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.customer = ""
        self.order: dict[str, Any] = {}
        self.reports: list[tuple[str, str]] = []

    def event(self, name: str) -> dict[str, Any]:
        """Return the next event for a function."""
        if name == "create_customer":
            return http_event(*PATHS[name], CUSTOMER)
        if name == "create_order":
            return http_event(*PATHS[name], {"customer": self.customer, "item": "macbook m2", "amount": "56000.68"})
        if name == "list_orders":
            return http_event(*PATHS[name])
        if name == "get_order":
            order = self.order["id"]["S"]
            return http_event("GET", f"/api/v1/sales/orders/{order}", parameters={"order": order})
        if name == "send_sms":
            return stream_event(self.queued())
        if name == "record_delivery_report":
            message, status = self.reports.pop(0)
            fields = {"id": message, "status": status, "phoneNumber": CUSTOMER["phone_number"]}
            return form_event(WEBHOOK, fields, {"secret": "key"})
        return {}

    def queued(self) -> dict[str, Any]:
        """Store a new order with its text queued; return its item."""
        new = str(uuid.uuid4())
        image = {**self.order, "id": {"S": new}, "sort_key": {"S": f"{self.order['order_date']['S']}#{new}"}}
        self.store.put(self.store.template.functions["send_sms"].environment["ORDERS_TABLE"], image)
        return image

    def learn(self, name: str, answer: Any, calls: list[Call]) -> None:
        """Note what later events need from a call."""
        if name == "create_customer":
            self.customer = json.loads(answer["body"])["id"]
        if name == "create_order":
            self.order = next(call.parameters["Item"] for call in calls if call.operation == "PutItem")
        for call in calls:
            if name == "send_sms" and call.operation == "TransactWriteItems":
                _, message = (part["Put"]["Item"]["id"]["S"] for part in call.parameters["TransactItems"])
                self.reports += [(message.removeprefix("message#"), status) for status in REPORTS]


def measure(store: Store, provider: str) -> dict[str, dict[str, float]]:
    """Measure each function; return its figures."""
    layer, folders = build.ours()
    runtime = build.build("runtime", build.RUNTIME, bytecode=True)
    shop = Shop(store)
    measured: dict[str, dict[str, float]] = {}
    with recording(store.url) as (address, calls):
        for name in (
            "create_customer", "create_order", "send_sms", "record_delivery_report", "get_order", "list_orders", "sweep_sms",
        ):  # fmt: skip
            function = store.template.functions[name]
            endpoints = {"DYNAMODB_ENDPOINT": address, "SECRETS_ENDPOINT": provider, "SMS_ENDPOINT": provider}
            task = folders[function.logical_id]
            deployed = Function(function.handler, task, (layer, runtime), function.environment | endpoints)
            # Different kinds of calls take turns; the result is the mean of an equal number of each.
            kinds = len(REPORTS) if name == "record_delivery_report" else 1
            cold: list[tuple[float, float]] = []
            cpu: list[list[float]] = [[] for _ in range(kinds)]
            made: list[list[Call]] = [[] for _ in range(kinds)]
            for _ in range(ROUNDS):
                with Environment(deployed) as environment:
                    for number in range(CALLS // ROUNDS):
                        event = shop.event(name)
                        calls.clear()
                        spent = environment.invoke(event)
                        shop.learn(name, spent.answer, calls)
                        if number == 0:
                            cold.append((environment.init.cpu, spent.cpu))
                        elif number > 3:
                            cpu[number % kinds].append(spent.cpu)
                            made[number % kinds] = list(calls)
                    memory = environment.peak_memory()
            measured[name] = {
                "round_trips": sum(map(len, made)) / kinds,
                "read_units": sum(call.units for each in made for call in each if call.is_read) / kinds,
                "write_units": sum(call.units for each in made for call in each if not call.is_read) / kinds,
                "cpu_ms": 1000 * statistics.fmean(map(statistics.median, cpu)),
                "init_cpu_ms": 1000 * statistics.median(init for init, _ in cold),
                "first_cpu_ms": 1000 * statistics.median(first for _, first in cold),
                "memory_mb": memory / 1e6,
            }
            print(name, measured[name], flush=True)
    return measured


def main() -> None:
    """Measure, and write bench/results/units.json."""
    with (
        tempfile.TemporaryDirectory(prefix="sales-bench-") as folder,
        running_store(Path(folder)) as store,
        serving(Provider) as provider,
    ):
        measured = measure(store, provider)
    written = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
        "functions": measured,
    }
    (RESULTS / "units.json").write_text(json.dumps(written, indent=1) + "\n")
    rows = [[name, *(f"{value:.3g}" for value in each.values())] for name, each in measured.items()]
    print(table(["function", *measured["create_order"]], rows))


if __name__ == "__main__":
    main()
