"""Which changes of the contract break a client."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from contract.changes import breaking
from contract.document import build

ORDERS = "/api/v1/sales/orders"
DOCUMENT = json.dumps(build())


def changed(change: Callable[[dict[str, Any]], object]) -> list[str]:
    new = json.loads(DOCUMENT)
    change(new)
    return breaking(json.loads(DOCUMENT), new)


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    return document["components"]["schemas"][name]


def test_no_change_breaks_nothing() -> None:
    assert changed(lambda document: None) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["paths"].pop(ORDERS), "POST /api/v1/sales/orders is gone"),
        (lambda d: d["paths"][ORDERS].pop("get"), "GET /api/v1/sales/orders is gone"),
        (lambda d: d["paths"][ORDERS]["get"]["security"][0]["okta"].append("admin"), "asks for the scope admin"),
        (lambda d: d["paths"][ORDERS]["get"]["parameters"].pop(0), "query parameter customer is gone"),
        (
            lambda d: d["paths"][ORDERS]["get"]["parameters"].append(
                {"in": "query", "name": "shop", "required": True, "schema": {"type": "string"}}
            ),
            "query parameter shop is new and required",
        ),
        (lambda d: d["paths"][ORDERS]["get"]["parameters"][0].update(required=True), "customer is now required"),
        (lambda d: d["paths"][ORDERS]["get"]["parameters"][1]["schema"]["enum"].remove("unknown"), "takes unknown"),
        (lambda d: schema(d, "NewOrder")["required"].append("reference"), "reference is now required"),
        (lambda d: schema(d, "NewOrder")["properties"].pop("reference"), "reference is gone"),
        (lambda d: schema(d, "NewOrder")["properties"]["item"].update(maxLength=10), "maxLength is now 10"),
        (lambda d: schema(d, "NewOrder")["properties"]["item"].update(pattern="^a$"), "item has another pattern"),
        (lambda d: schema(d, "NewOrder")["properties"]["item"].update(type="integer"), "item no longer takes string"),
        (lambda d: d["paths"][ORDERS]["post"]["responses"].pop("201"), "no longer answers 201"),
        (lambda d: d["paths"][ORDERS]["post"]["responses"]["201"]["headers"].pop("ETag"), "header ETag of 201 is gone"),
        (lambda d: schema(d, "Order")["properties"].pop("amount"), "amount is gone"),
        (lambda d: schema(d, "Order")["properties"]["amount"].update(type="number"), "amount may now be number"),
        (lambda d: schema(d, "Order")["required"].remove("item"), "item may now be left out"),
        (lambda d: schema(d, "Sms")["properties"].pop("segments"), "segments is gone"),
        (lambda d: schema(d, "Customer")["properties"].pop("code"), "code is gone"),
    ],
)
def test_what_takes_something_from_a_client_is_named(change: Callable[[dict[str, Any]], object], said: str) -> None:
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
    ],
)
def test_what_is_only_added_breaks_nothing(change: Callable[[dict[str, Any]], object]) -> None:
    assert changed(change) == []
