"""Which changes of the contract break clients."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from contract.changes import breaking
from contract.document import build

ORDERS = "/api/v1/sales/orders"
DOCUMENT = json.dumps(build())
STATUSES = build()["components"]["schemas"]["Status"]["enum"]


def changed(change: Callable[[dict[str, Any]], object]) -> list[str]:
    new = json.loads(DOCUMENT)
    change(new)
    return breaking(json.loads(DOCUMENT), new)


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    return document["components"]["schemas"][name]


def answer(document: dict[str, Any], path: str, status: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][ORDERS + path]["post"]["responses"][status]
    return found


def parameter(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Return this query parameter of the list of orders."""
    entries: list[dict[str, Any]] = document["paths"][ORDERS]["get"]["parameters"]
    (found,) = (entry for entry in entries if entry["name"] == name)
    return found


def amount(document: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = schema(document, "NewOrder")["properties"]["amount"]["anyOf"]
    return found


def currency(document: dict[str, Any]) -> dict[str, Any]:
    return schema(document, "ActiveCurrency")


def moment(document: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = parameter(document, "order_date_from")["schema"]["anyOf"]
    return found


def test_no_change_breaks_nothing() -> None:
    assert changed(lambda document: None) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["paths"].pop(ORDERS), "POST /api/v1/sales/orders is gone"),
        (lambda d: d["paths"][ORDERS].pop("get"), "GET /api/v1/sales/orders is gone"),
        (lambda d: d["paths"][ORDERS]["get"]["security"][0]["okta"].append("admin"), "needs the scope admin"),
        (lambda d: d["paths"][ORDERS]["get"]["parameters"].pop(0), "query parameter customer is gone"),
        (
            lambda d: d["paths"][ORDERS]["get"]["parameters"].append(
                {"in": "query", "name": "shop", "required": True, "schema": {"type": "string"}}
            ),
            "query parameter shop is new and required",
        ),
        (lambda d: parameter(d, "customer").update(required=True), "customer is now required"),
        (
            lambda d: parameter(d, "sms_status").update(schema={"enum": ["queued", "sent"]}),
            "sms_status no longer accepts delivered",
        ),
        (lambda d: schema(d, "NewOrder")["required"].append("reference"), "reference is now required"),
        (lambda d: schema(d, "NewOrder")["properties"].pop("reference"), "reference is gone"),
        (lambda d: schema(d, "NewOrder")["properties"]["item"].update(maxLength=10), "maxLength is now 10"),
        (lambda d: schema(d, "NewOrder")["properties"]["item"].update(pattern="^a$"), "item has another pattern"),
        (lambda d: schema(d, "NewOrder")["properties"]["item"].update(type="integer"), "item no longer accepts string"),
        (lambda d: d["paths"][ORDERS]["post"]["responses"].pop("201"), "no longer answers 201"),
        (lambda d: d["paths"][ORDERS]["post"]["responses"]["201"]["headers"].pop("ETag"), "header ETag of 201 is gone"),
        (lambda d: schema(d, "Order")["properties"].pop("amount"), "amount is gone"),
        (lambda d: schema(d, "Order")["properties"]["amount"].update(type="number"), "amount may now be number"),
        (lambda d: schema(d, "Order")["required"].remove("item"), "item may now be left out"),
        (lambda d: schema(d, "Sms")["properties"].pop("segments"), "segments is gone"),
        (lambda d: schema(d, "Customer")["properties"].pop("code"), "code is gone"),
        (lambda d: schema(d, "ProblemCode")["enum"].remove("sms_too_soon"), "is never sms_too_soon"),
        (
            lambda d: answer(d, "/{order}/sms", "409").update(
                description=re.sub(r"\* `order_cancelled`.*\n?", "", answer(d, "/{order}/sms", "409")["description"])
            ),
            "409 no longer lists order_cancelled",
        ),
        (lambda d: schema(d, "FieldProblem")["properties"]["code"]["enum"].remove("required"), "is never required"),
        (lambda d: schema(d, "Problem")["properties"].pop("errors"), "errors is gone"),
        (lambda d: schema(d, "Problem")["properties"]["errors"]["anyOf"].pop(0), "errors is never array any more"),
        (lambda d: d["paths"][ORDERS]["post"]["responses"].pop("409"), "no longer answers 409"),
        (lambda d: d["paths"][f"{ORDERS}/{{order}}"]["get"]["responses"].pop("304"), "no longer answers 304"),
        (lambda d: answer(d, "", "503")["headers"].pop("Retry-After"), "header Retry-After of 503 is gone"),
        (
            lambda d: d["components"]["headers"]["ETag"]["schema"].update(pattern="^W/"),
            "ETag of 201 has another pattern",
        ),
        (
            lambda d: answer(d, "", "409")["content"].pop("application/problem+json"),
            "409 is no longer application/problem",
        ),
        (lambda d: schema(d, "Status")["enum"].remove("unknown"), "status is never unknown any more"),
        (lambda d: schema(d, "Status").update(enum=[*STATUSES[:-1], "renamed"]), "is never suppressed any more"),
        (lambda d: schema(d, "Status").pop("enum"), "status may now be anything"),
        (lambda d: schema(d, "Order")["properties"]["id"].update(pattern="^[0-9]+$"), "id has another pattern"),
        (lambda d: schema(d, "Order")["properties"]["id"].pop("pattern"), "id has another pattern"),
        (lambda d: schema(d, "Order")["properties"]["order_date"].pop("format"), "order_date has another format"),
        (lambda d: schema(d, "Sms")["properties"]["attempts"].pop("minimum"), "minimum is now gone"),
        (lambda d: schema(d, "Preview")["properties"]["price"]["anyOf"].pop(0), "price is never object any more"),
        (lambda d: schema(d, "Customer")["properties"]["version"].update(type="string"), "version may now be string"),
        (lambda d: schema(d, "Customer")["properties"]["version"].update(type=["integer", "null"]), "may now be null"),
        (lambda d: amount(d)[0].update(pattern="^[0-9]{1,10}$"), "amount has another pattern"),
        (lambda d: amount(d).pop(0), "amount no longer accepts string"),
        (lambda d: amount(d).pop(1), "amount no longer accepts number"),
        (lambda d: amount(d)[1].update(type="integer"), "amount no longer accepts number"),
        (lambda d: moment(d).pop(0), "order_date_from has another format"),
        (lambda d: moment(d).pop(1), "order_date_from has another format"),
        (
            lambda d: schema(d, "NewOrder")["properties"]["reference"]["anyOf"].pop(1),
            "reference no longer accepts null",
        ),
        (lambda d: schema(d, "NewOrder")["properties"]["item"].update(format="email"), "item has another format"),
        (lambda d: currency(d)["enum"].remove("KES"), "currency no longer accepts KES"),
    ],
)
def test_a_change_that_breaks_clients_is_named(change: Callable[[dict[str, Any]], object], said: str) -> None:
    assert any(said in each for each in changed(change)), changed(change)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["paths"].update({"/api/v1/sales/new": {"get": {"responses": {}}}}),
        lambda d: d["paths"][ORDERS]["get"]["parameters"].append({"in": "query", "name": "q", "schema": {}}),
        lambda d: schema(d, "NewOrder")["properties"].update(note={"type": "string"}),
        lambda d: schema(d, "NewOrder")["properties"]["item"].update(maxLength=200),
        lambda d: schema(d, "NewOrder")["required"].remove("item"),
        lambda d: schema(d, "Order")["properties"].update(note={"type": "string"}),
        lambda d: d["paths"][ORDERS]["post"]["responses"].update({"418": {"description": "teapot"}}),
        lambda d: schema(d, "ProblemCode")["enum"].append("new_problem"),
        lambda d: schema(d, "Status")["enum"].append("deferred"),
        lambda d: schema(d, "Preview")["properties"].update(price={"$ref": "#/components/schemas/Price"}),
        lambda d: schema(d, "Sms")["properties"]["attempts"].update(minimum=1),
        lambda d: amount(d).append({"type": "object"}),
        lambda d: amount(d)[0].update(pattern=amount(d)[0]["pattern"] + "|^free$"),
        lambda d: amount(d)[0].pop("pattern"),
        lambda d: moment(d).append({"type": "string", "format": "time"}),
        lambda d: parameter(d, "order_date_from").update(schema={"type": "string"}),
        lambda d: parameter(d, "sms_status").update(schema={"enum": [*STATUSES, "deferred"]}),
    ],
)
def test_an_addition_breaks_nothing(change: Callable[[dict[str, Any]], object]) -> None:
    assert changed(change) == []
