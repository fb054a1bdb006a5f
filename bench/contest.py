"""The contestants of bench/fast.py: build each, record what it asks of its store, and create its events."""

import json
import pprint
import uuid
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from bench import build, servers
from bench.runtime_api import Environment, Function
from bench.services import Call, Store, recording
from tests.support.events import http_event, stream_event
from tests.support.tokens import AUDIENCE, Issuer

FUNCTIONS = ("create_customer", "create_order", "list_orders", "send_sms")
BATCH = 10
SEEDED = 200
PLAIN = "plain `sam build`"
CUSTOMER = {"name": "john doe", "phone_number": "+254704590344", "email": "example@gmail.com"}
PATHS = {
    "create_customer": ("POST", "/api/v1/sales/customers"),
    "create_order": ("POST", "/api/v1/sales/orders"),
    "list_orders": ("GET", "/api/v1/sales/orders"),
}
# The read of a batch, then the claim of one text and the write of its result.
_SMS_CALLS = ("BatchGetItem", "PutItem", "TransactWriteItems")


@dataclass
class Contestant:
    """One way to build the functions; a `plain` one has no bytecode, as `sam build` ships it."""

    key: str
    title: str
    functions: dict[str, Function]
    sizes: tuple[int, int]
    plain: bool = False
    # Sent with each request, as a client sends them.
    headers: dict[str, str] = field(default_factory=dict)
    # Stored beforehand, for its functions to find.
    customer: str = ""
    order: dict[str, Any] = field(default_factory=dict)
    calls: dict[str, list[Call]] = field(default_factory=dict)
    # The number of SQL statements of those that make no store calls.
    statements: dict[str, int] = field(default_factory=dict)


class Contest:
    """The contestants on one store; Django on its own database."""

    def __init__(
        self,
        store: Store,
        provider: str,
        folder: Path,
        database: tuple[str, str],
        issuer: Issuer,
        before: Path | None = None,
    ) -> None:
        self.store = store
        self.provider = provider
        self.folder = folder
        self.database, self.database_name = database
        self.issuer = issuer
        self.before = before
        self.environment = store.template.functions["create_order"].environment
        self.customers, self.orders = self.environment["CUSTOMERS_TABLE"], self.environment["ORDERS_TABLE"]
        self.runtime = build.build("runtime", build.RUNTIME, bytecode=True)
        self.contestants: dict[str, Contestant] = {}
        self._numbers = count(1)

    def prepare(self) -> None:
        """Build all contestants, record what each asks of the store, and fill the lists."""
        ours = self._add_ours("c", "ours, as `make build` ships it", *build.ours())
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
        if self.before:
            self._record(self._add_ours("o", "ours before, from another build", *build.ours(self.before)))

    def _add_ours(self, key: str, title: str, layer: Path, folders: dict[str, Path]) -> Contestant:
        functions = {}
        for name in FUNCTIONS:
            function = self.store.template.functions[name]
            environment = function.environment | {
                "DYNAMODB_ENDPOINT": self.store.url,
                "SECRETS_ENDPOINT": self.provider,
                "SMS_ENDPOINT": self.provider,
            }
            task = folders[function.logical_id]
            functions[name] = Function(function.handler, task, (layer, self.runtime), environment)
        sizes = build.sizes(layer.parent, folders["CreateOrderFunction"])
        contestant = self.contestants[key] = Contestant(key, title, functions, sizes)
        return contestant

    def _stored(self, ours: Contestant) -> str:
        """Return the calls that ours made as a module, for the bare handlers to repeat."""
        calls = {name: [call.parameters for call in ours.calls[name]] for name in FUNCTIONS}
        # Ours writes the results of a batch together; the bare handler writes text by text, each with its own token.
        texts = [
            next(call for call in ours.calls["send_sms"] if call.operation == name).parameters for name in _SMS_CALLS
        ]
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
                    "SMS_ENDPOINT": self.provider,
                    "CUSTOMERS_TABLE": self.customers,
                    "ORDERS_TABLE": self.orders,
                }
                chosen = handler.format(path if key == "d" else name)
                functions[name] = Function(chosen, folder, (self.runtime,), environment)
            contestant = Contestant(key, title, functions, build.sizes(folder))
            if plain:
                # It asks the same of the store as the one with bytecode.
                contestant = replace(
                    self.contestants[key],
                    key={"a": "b"}.get(key, f"{key}-"),
                    title=f"{title}, {PLAIN}",
                    functions=functions,
                    sizes=contestant.sizes,
                    plain=True,
                )
            else:
                self._record(contestant)
            self.contestants[contestant.key] = contestant

    def _add_django(self) -> None:
        base = ("djangorestframework", "apig-wsgi", "psycopg[binary]")
        original = (*base, "africastalking", "python-jose[cryptography]")
        sms = {
            "SMS_ENDPOINT": self.provider,
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
            self._add_project(key, named, folder, "app.handler", self.database, customer, plain=plain)
        if self.database_name != "SQLite":
            file = str(self.folder / "django.sqlite")
            slim = build.build("django-sqlite", base[:2], source="django", bytecode=True)
            title = "f on SQLite in a temporary folder: not durable"
            self._add_project("fs", title, slim, "app.handler", file, servers.prepare(file))
        folder = build.build("django-original", original, source="django", bytecode=True)
        self._add_project(
            "fo", "f as the original: token verified, text sent in the request", folder, "app_original.handler",
            self.database, customer, headers={"Authorization": f"Bearer {self.issuer.token(exp=2**33)}"}, settings=sms,
        )  # fmt: skip

    def _add_project(
        self, key: str, title: str, folder: Path, handler: str, database: str, customer: str, *,
        plain: bool = False, headers: dict[str, str] | None = None, settings: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        environment = settings or {}
        function = Function(handler, folder, (self.runtime,), environment | {"DATABASE": database})
        contestant = self.contestants[key] = Contestant(
            key, title, dict.fromkeys(FUNCTIONS[:3], function), build.sizes(folder), plain, headers or {}, customer
        )
        module = handler.partition(".")[0].replace("app_", "").replace("app", "project")
        for name in contestant.functions:
            event = self.event(contestant, name)
            request = json.dumps([*PATHS[name], event.get("body"), contestant.headers])
            statements = servers.django("statements", database, request, module=module, **environment)
            contestant.statements[name] = int(statements)

    def _record(self, contestant: Contestant, *names: str) -> None:
        """Make one warm request of each kind through a relay that records the calls to the store."""
        if contestant.key == "a":
            contestant.order = self.contestants["c"].order
        with recording(self.store.url) as (address, calls):
            for name in names or contestant.functions:
                function = contestant.functions[name]
                relayed = function.environment | {"DYNAMODB_ENDPOINT": address}
                with Environment(Function(function.handler, function.task, function.path, relayed)) as environment:
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
                    contestant.customer = body["id" if contestant.key in "co" else "code"]
                if name == "create_order" and contestant.key in "cd":
                    puts = [call.parameters for call in calls if call.operation == "PutItem"]
                    contestant.order = next(put["Item"] for put in puts if put["TableName"] == self.orders)

    def _seed(self, order: dict[str, Any], number: int, shard: str = "0") -> None:
        """Store an order dated so late that it stays on the first page, whatever is created later."""
        new = str(uuid.uuid4())
        keys = {"id": {"S": new}, "sort_key": {"S": f"2099-01-01T00:00:00.{number:06d}Z#{new}"}}
        self.store.put(self.orders, {**order, **keys, "list_shard": {"S": shard}})

    def event(self, contestant: Contestant, name: str) -> dict[str, Any]:
        """Return a new event for a function of the contestant; for send_sms, store its orders first."""
        if name == "send_sms":
            images = [{**contestant.order, "id": {"S": str(uuid.uuid4())}} for _ in range(BATCH)]
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
