"""Each example request in the contract succeeds unchanged, except for ids and codes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from contract.document import build
from contract.operations import OPERATIONS
from functions.send_sms.app import handler as send_sms
from sales.services.sms import send as sending
from tests.integration.api import Answer, call, create_customer, create_order, order_for
from tests.support.events import Context, http_event, stream_event
from tests.support.fakes import FakeProvider

type Rows = Callable[[str], list[dict[str, Any]]]
DOCUMENT = build()


def operations() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Yield method, path, function and operation of each request with a body."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                name = operation["operationId"].removesuffix("_original").removesuffix("_alias")
                yield method.upper(), path, name, operation


CASES = {f"{method} {path}": (method, path, name, operation) for method, path, name, operation in operations()}


def example_bodies(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the body's example, and those composed of the examples of its fields."""
    content = operation["requestBody"]["content"]["application/json"]
    yield content["example"]
    schema = DOCUMENT["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    fields = {field: definition for field, definition in schema["properties"].items() if field in content["example"]}
    examples = {name: field["examples"] for name, field in fields.items() if "examples" in field}
    for number in range(max(map(len, examples.values()), default=0)):
        yield content["example"] | {name: values[number % len(values)] for name, values in examples.items()}


@pytest.fixture
def stored(tables: None, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Store a customer and an order whose text was sent, for the paths and bodies of the examples."""
    monkeypatch.setattr(sending, "Provider", lambda *_, **__: FakeProvider())
    customer = create_customer().body
    order = create_order(order_for(customer)).body
    [image] = [row for row in rows("orders") if row["id"]["S"] == order["id"]]
    send_sms(stream_event(image), Context())
    return {"customer": customer["code"], "order": order["id"]}


def ask(method: str, path: str, name: str, body: dict[str, Any], stored: dict[str, str]) -> Answer:
    if "customer" in body:
        body = body | {"customer": stored["customer"]}
    headers = {"Idempotency-Key": "example"} if OPERATIONS[name].key_required else {}
    if "required_if_match" in OPERATIONS[name].parameters:
        headers["If-Match"] = '"1", "2"'
    wanted = {name: value for name, value in stored.items() if f"{{{name}}}" in path}
    return call(name, http_event(method, path.format(**wanted), body, headers=headers, parameters=wanted))


@pytest.mark.parametrize("case", CASES)
def test_each_example_of_a_request_succeeds(case: str, stored: dict[str, str]) -> None:
    method, path, name, operation = CASES[case]
    for body in example_bodies(operation):
        answer = ask(method, path, name, body, stored)
        assert answer.status == OPERATIONS[name].status, (body, answer.body)


def test_every_request_with_a_body_has_an_example() -> None:
    assert {name for _, _, name, _ in CASES.values()} == {name for name, each in OPERATIONS.items() if each.body}
    for _, _, _, operation in CASES.values():
        assert "example" in operation["requestBody"]["content"]["application/json"]


@pytest.mark.parametrize("case", CASES)
def test_each_example_answer_has_the_real_fields(case: str, stored: dict[str, str]) -> None:
    method, path, name, operation = CASES[case]
    answer = ask(method, path, name, next(example_bodies(operation)), stored)
    shown = operation["responses"][str(answer.status)]["content"]["application/json"].get("example")
    if shown is not None:
        assert answer.body.keys() == shown.keys()
        if "sms" in shown:
            assert answer.body["sms"].keys() == shown["sms"].keys()


@pytest.mark.parametrize("name", ["list_customers", "list_orders"])
def test_each_example_page_has_the_real_fields(name: str, stored: dict[str, str]) -> None:
    path = f"/api/v1/sales/{name.removeprefix('list_')}"
    shown = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    page = call(name, http_event("GET", path)).body
    assert page.keys() == shown.keys()
    assert page["data"][0].keys() == shown["data"][0].keys()
