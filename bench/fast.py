"""How fast a function starts and works, ours beside what people would use instead. `make bench` runs it.

Every contestant is a folder as it would be deployed, started by AWS's own runtime client against a Runtime API and
the same store. CPU is user + system time of the function's process, read when it asks for its next event. Contestants
take turns, so that whatever else the machine does hits them alike; figures are medians over the rounds. Ratios to (a)
are what counts: they hold on other machines, milliseconds do not.

  python -m bench.fast [--rounds 9] [--warm 100] [--no-instructions] [--only a,c]
"""

import argparse
import json
import os
import pprint
import random
import statistics
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from bench import build, fast_report, servers
from bench.report import RESULTS, machine
from bench.runtime_api import Environment, Function
from bench.services import Call, Gateway, Store, recording, running_store, serving
from tests.support.events import http_event, stream_event
from tests.support.tokens import AUDIENCE, Issuer, running

FUNCTIONS = ("create_customer", "create_order", "list_orders", "send_sms")
BATCH = 10
SEEDED = 200
WARM_UP = 30
WARM_ROUNDS = 3
PLAIN = "plain `sam build`"
CUSTOMER = {"name": "john doe", "phone_number": "+254704590344", "email": "example@gmail.com"}
PATHS = {
    "create_customer": ("POST", "/api/v1/sales/customers"),
    "create_order": ("POST", "/api/v1/sales/orders"),
    "list_orders": ("GET", "/api/v1/sales/orders"),
}


@dataclass
class Contestant:
    """One way to build it. `plain`: as `sam build` ships it, without bytecode."""

    key: str
    title: str
    functions: dict[str, Function]
    sizes: tuple[int, int]
    plain: bool = False
    # What goes with each request, as a client sends it.
    headers: dict[str, str] = field(default_factory=dict)
    # What its functions need to find in the store.
    customer: str = ""
    order: dict[str, Any] = field(default_factory=dict)
    calls: dict[str, list[Call]] = field(default_factory=dict)
    # SQL statements, of those that have no store calls.
    statements: dict[str, int] = field(default_factory=dict)


class Bench:
    """The contestants on one store; Django on a database of its own kind."""

    def __init__(self, store: Store, gateway: str, folder: Path, database: tuple[str, str], issuer: Issuer) -> None:
        self.store = store
        self.gateway = gateway
        self.folder = folder
        self.database, self.database_name = database
        self.issuer = issuer
        self.environment = store.template.functions["create_order"].environment
        self.customers, self.orders = self.environment["CUSTOMERS_TABLE"], self.environment["ORDERS_TABLE"]
        self.runtime = build.build("runtime", build.RUNTIME, bytecode=True)
        self.contestants: dict[str, Contestant] = {}
        self._numbers = count(1)

    # ---- Contestants

    def prepare(self) -> None:
        """Builds all contestants, records what each asks of the store, and fills the lists."""
        ours = self._ours()
        self._record(ours)
        settled = ours.calls["send_sms"][-1].parameters["TransactItems"][0]["Put"]["Item"]
        for number in range(SEEDED):
            self._seed(settled, number)
        self._record(ours, "list_orders")
        stored = self._stored(ours)
        plain = ("boto3", "requests")
        self._add("a", "bare handler", "bare", plain, "app.{}", stored)
        powertools = (*plain, "aws-lambda-powertools[tracer]", "pydantic")
        self._add("d", "Powertools resolver, validation, Tracer, Idempotency", "powertools", powertools, "app.{}")
        self._add("e", "FastAPI + Mangum", "fastapi", ("boto3", "fastapi", "mangum"), "app.handler")
        self._add_django()

    def _ours(self) -> Contestant:
        layer, folders = build.ours()
        functions = {}
        for name in FUNCTIONS:
            function = self.store.template.functions[name]
            environment = function.environment | {
                "DYNAMODB_ENDPOINT": self.store.url,
                "SECRETS_ENDPOINT": self.gateway,
                "SMS_ENDPOINT": self.gateway,
            }
            task = folders[function.logical_id]
            functions[name] = Function(function.handler, task, (layer, self.runtime), environment)
        sizes = build.sizes(layer.parent, folders["CreateOrderFunction"])
        found = self.contestants["c"] = Contestant("c", "ours, as `make build` ships it", functions, sizes)
        return found

    def _stored(self, ours: Contestant) -> str:
        """The calls that ours made, as a module for the bare handlers to make."""
        calls = {name: [call.parameters for call in ours.calls[name]] for name in FUNCTIONS}
        # Ours settles together what is answered together; the bare one text by text, each call with a token of its own.
        texts = [next(call for call in ours.calls["send_sms"] if call.operation == name).parameters for name in _TEXT]
        texts[-1] = {"TransactItems": texts[-1]["TransactItems"][:2]}
        stored = {
            "CREATE_CUSTOMER": calls["create_customer"][0],
            "CREATE_ORDER": calls["create_order"],
            "LIST_ORDERS": calls["list_orders"][0],
            "SEND_SMS": texts,
        }
        return "".join(f"{name} = {pprint.pformat(value)}\n" for name, value in stored.items())

    def _add(
        self, key: str, title: str, source: str, requirements: tuple[str, ...], handler: str, stored: str = ""
    ) -> None:
        for plain in (False, True):
            folder = build.build(
                source + "-plain" * plain, requirements, source=source, stored=stored, bytecode=not plain
            )
            functions = {}
            for name in FUNCTIONS if key in ("a", "d") else FUNCTIONS[:3]:
                path = {"create_customer": "write", "create_order": "write", "list_orders": "read"}.get(name, name)
                environment = {
                    "DYNAMODB_ENDPOINT": self.store.url,
                    "SMS_ENDPOINT": self.gateway,
                    "CUSTOMERS_TABLE": self.customers,
                    "ORDERS_TABLE": self.orders,
                }
                chosen = handler.format(path if key == "d" else name)
                functions[name] = Function(chosen, folder, (self.runtime,), environment)
            made = Contestant(key, title, functions, build.sizes(folder))
            if plain:
                # It asks the same of the store.
                fast = self.contestants[key]
                label = {"a": "b"}.get(key, f"{key}-")
                made = replace(
                    fast, key=label, title=f"{title}, {PLAIN}", functions=functions, sizes=made.sizes, plain=True
                )
            else:
                self._record(made)
            self.contestants[made.key] = made

    def _add_django(self) -> None:
        base = ("djangorestframework", "apig-wsgi", "psycopg[binary]")
        original = (*base, "africastalking", "python-jose[cryptography]")
        sms = {
            "SMS_ENDPOINT": self.gateway,
            "SMS_API_KEY": "key",
            "WEBHOOK_SECRET": "key",
            "OKTA_ISSUER": self.issuer.url,
            "OKTA_AUDIENCE": AUDIENCE,
        }
        customer = servers.prepare(self.database, **sms)
        title = f"Django REST Framework, apig-wsgi, {self.database_name}"
        for plain in (False, True):
            folder = build.build("django" + "-plain" * plain, base, source="django", bytecode=not plain)
            key, named = ("f-", f"{title}, {PLAIN}") if plain else ("f", title)
            self._django(key, named, folder, "app.handler", self.database, customer, plain=plain)
        if self.database_name != "SQLite":
            file = str(self.folder / "django.sqlite")
            slim = build.build("django-sqlite", base[:2], source="django", bytecode=True)
            self._django(
                "fs", "f on SQLite in a temporary folder: not durable", slim, "app.handler", file, servers.prepare(file)
            )
        folder = build.build("django-original", original, source="django", bytecode=True)
        self._django(
            "fo", "f as the original: token verified, text sent in the request", folder, "app_original.handler",
            self.database, customer, headers={"Authorization": f"Bearer {self.issuer.token(exp=2**33)}"}, **sms,
        )  # fmt: skip

    def _django(
        self, key: str, title: str, folder: Path, handler: str, database: str, customer: str, *,
        plain: bool = False, headers: dict[str, str] | None = None, **environment: str,
    ) -> None:  # fmt: skip
        function = Function(handler, folder, (self.runtime,), environment | {"DATABASE": database})
        made = self.contestants[key] = Contestant(
            key, title, dict.fromkeys(FUNCTIONS[:3], function), build.sizes(folder), plain, headers or {}, customer
        )
        module = handler.partition(".")[0].replace("app_", "").replace("app", "project")
        for name in made.functions:
            event = self.event(made, name)
            asked = json.dumps([*PATHS[name], event.get("body"), made.headers])
            made.statements[name] = int(servers.django("statements", database, asked, module=module, **environment))

    def _record(self, contestant: Contestant, *names: str) -> None:
        """One request of each kind, warm, through a relay that writes down the calls to the store."""
        if contestant.key == "a":
            contestant.order = self.contestants["c"].order
        with recording(self.store.url) as (address, calls):
            for name in names or contestant.functions:
                function = contestant.functions[name]
                there = Function(
                    function.handler,
                    function.task,
                    function.path,
                    function.environment | {"DYNAMODB_ENDPOINT": address},
                )
                with Environment(there) as environment:
                    if name == "list_orders" and contestant.key == "d":
                        for number in range(SEEDED):
                            self._seed(contestant.order, number, "powertools")
                    for _ in range(2):
                        event = self.event(contestant, name)
                        calls.clear()
                        answer = environment.invoke(event).answer
                contestant.calls[name] = list(calls)
                if name == "create_customer":
                    body = json.loads(answer["body"])
                    contestant.customer = body["id" if contestant.key == "c" else "code"]
                if name == "create_order" and contestant.key in "cd":
                    puts = [call.parameters for call in calls if call.operation == "PutItem"]
                    contestant.order = next(put["Item"] for put in puts if put["TableName"] == self.orders)

    def _seed(self, order: dict[str, Any], number: int, shard: str = "0") -> None:
        """A row of the list that stays its first page, whatever is created meanwhile."""
        new = str(uuid.uuid4())
        keys = {"id": {"S": new}, "sort_key": {"S": f"2099-01-01T00:00:00.{number:06d}Z#{new}"}}
        self.store.put(self.orders, {**order, **keys, "list_shard": {"S": shard}})

    # ---- Events

    def event(self, contestant: Contestant, name: str) -> dict[str, Any]:
        if name == "send_sms":
            images = [self._queued(contestant) for _ in range(BATCH)]
            for image in images:
                self.store.put(self.orders, image)
            return stream_event(*images)
        method, path = PATHS[name]
        key = {"Idempotency-Key": f"key-{next(self._numbers)}-{uuid.uuid4()}", "host": "bench"} | contestant.headers
        if name == "create_customer":
            return http_event(method, path, CUSTOMER, headers=key)
        if name == "create_order":
            body = {"customer": contestant.customer, "item": "macbook m2", "amount": "56000.68"}
            return http_event(method, path, body, headers=key)
        return http_event(method, path, headers={"host": "bench"} | contestant.headers)

    def _queued(self, contestant: Contestant) -> dict[str, Any]:
        return {**contestant.order, "id": {"S": str(uuid.uuid4())}}

    # ---- Measuring

    def cold(self, contestant: Contestant, name: str) -> dict[str, float]:
        """A start and its first request."""
        event = self.event(contestant, name)
        with Environment(contestant.functions[name]) as environment:
            first = environment.invoke(event)
            return {
                "init_cpu": environment.init.cpu,
                "init_wall": environment.init.wall,
                "first_cpu": first.cpu,
                "first_wall": first.wall,
                "cold_cpu": environment.init.cpu + first.cpu,
                "cold_wall": environment.init.wall + first.wall,
                "cold_memory": environment.peak_memory(),
            }

    def instructions(self, contestant: Contestant, name: str) -> int:
        """Instructions of a start and its first request, counted by callgrind; system calls are not among them."""
        function = contestant.functions[name]
        fixed = Function(function.handler, function.task, function.path, function.environment | {"PYTHONHASHSEED": "0"})
        with tempfile.TemporaryDirectory() as folder:
            tool = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out")
            environment = Environment(fixed, *tool)
            environment.invoke(self.event(contestant, name))
            told = environment.close(gently=True)
        return next(int(line.split()[-1]) for line in told.splitlines() if "Collected" in line)


# The read of a batch, then a text's claim and settlement.
_TEXT = ("BatchGetItem", "PutItem", "TransactWriteItems")


def warm(bench: Bench, chosen: list[Contestant], name: str, rounds: int, requests: int) -> dict[str, dict[str, float]]:
    """CPU of a warm request: all contestants' environments run side by side and take turns, request by request."""
    found: dict[str, dict[str, list[float]]] = {each.key: {"cpu": [], "p99": [], "wall": []} for each in chosen}
    memory = {}
    with ExitStack() as stack:
        environments = {each.key: stack.enter_context(Environment(each.functions[name])) for each in chosen}
        for each in chosen:
            for _ in range(WARM_UP):
                environments[each.key].invoke(bench.event(each, name))
        for _ in range(rounds):
            spent: dict[str, list[Any]] = {each.key: [] for each in chosen}
            for _ in range(requests):
                for each in chosen:
                    spent[each.key].append(environments[each.key].invoke(bench.event(each, name)))
            for key, many in spent.items():
                found[key]["cpu"].append(statistics.median(one.cpu for one in many))
                found[key]["p99"].append(statistics.quantiles((one.cpu for one in many), n=100)[98])
                found[key]["wall"].append(statistics.median(one.wall for one in many))
        memory = {key: environment.peak_memory() for key, environment in environments.items()}
    return {
        key: {f"warm_{kind}": statistics.median(values) for kind, values in kinds.items()} | {"memory": memory[key]}
        for key, kinds in found.items()
    }


def asked_of_stores(chosen: list[Contestant], results: dict[str, Any]) -> None:
    """Adds what a request of each asks of its store."""
    for each in chosen:
        for name, calls in each.calls.items():
            results[each.key][name] |= {
                "round_trips": len(calls),
                "read_units": sum(call.units for call in calls if call.is_read),
                "write_units": sum(call.units for call in calls if not call.is_read),
            }
        for name, statements in each.statements.items():
            results[each.key][name]["statements"] = statements


def measure(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    chosen = [each for key, each in sorted(bench.contestants.items()) if not options.only or key in options.only]
    raw: dict[tuple[str, str], list[dict[str, float]]] = {}
    starts = [(each, name) for name in FUNCTIONS for each in chosen if name in each.functions]
    for number in range(options.rounds):
        print(f"cold starts, round {number + 1} of {options.rounds}", flush=True)
        # In another order each time: what slows the machine down for a while shall not meet the same ones again.
        random.shuffle(starts)
        for each, name in starts:
            raw.setdefault((each.key, name), []).append(bench.cold(each, name))
    results: dict[str, Any] = {}
    for (key, name), many in raw.items():
        figures = {kind: statistics.median(one[kind] for one in many) for kind in many[0]}
        results.setdefault(key, {})[name] = figures
    for name in FUNCTIONS:
        print(f"warm requests, {name}", flush=True)
        requests = max(options.warm // BATCH, 10) if name == "send_sms" else options.warm
        able = [each for each in chosen if name in each.functions]
        for key, figures in warm(bench, able, name, WARM_ROUNDS, requests).items():
            results[key][name] |= figures
    asked_of_stores(chosen, results)
    if options.instructions:
        print("instructions", flush=True)
        # Side by side: what is counted does not depend on what else runs.
        compiled = [each for each in chosen if not each.plain]
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            counted = threads.map(lambda each: bench.instructions(each, "create_order"), compiled)
            for each, instructions in zip(compiled, counted, strict=True):
                results[each.key]["create_order"]["instructions"] = instructions
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "store": bench.store.name,
        "rounds": options.rounds,
        "warm_requests": options.warm,
        "contestants": {
            each.key: {"title": each.title, "zipped": each.sizes[0], "unzipped": each.sizes[1]} for each in chosen
        },
        "results": results,
        "sizes": {name: build.sizes(folder) for name, folder in sorted(build.ours()[1].items())},
        "layers": {name: build.sizes(folder) for name, folder in build.layers().items()},
    }


def contestants(folder: Path) -> Iterator[Bench]:
    """All contestants on a running store, until the generator ends."""
    with (
        running_store(folder) as store,
        serving(Gateway) as gateway,
        servers.database(folder) as database,
        running(Issuer()) as issuer,
    ):
        bench = Bench(store, gateway, folder, database, issuer)
        bench.prepare()
        yield bench


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--warm", type=int, default=100, help="warm requests a round")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help="contestants, e.g. a,c")
    parser.add_argument("--no-instructions", dest="instructions", action="store_false")
    parser.add_argument("--dry", action="store_true", help="print, write nothing")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sales-bench-") as folder:
        for bench in contestants(Path(folder)):
            found = measure(bench, options)
    target = build.BUILD if options.dry else RESULTS
    target.mkdir(exist_ok=True)
    (target / "fast.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    print(fast_report.summary(found), fast_report.absolute(found), sep="\n")
    if not options.dry:
        fast_report.write(found, RESULTS)


if __name__ == "__main__":
    main()
