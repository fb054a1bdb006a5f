"""The API as a caller sees it, each request through the function that answers it."""

import json
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from tests.support.contract_check import check_answer
from tests.support.events import Context, http_event

BASE = "/api/v1/sales"


@dataclass(frozen=True)
class Answer:
    """A function's answer."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def codes(self) -> dict[str, str]:
        """Each invalid field with its code."""
        return {error["pointer"]: error["code"] for error in self.body["errors"]}


def call(function: str, event: dict[str, Any]) -> Answer:
    """Call a function with an event; check its answer against the contract and return it."""
    raw = import_module(f"functions.{function}.app").handler(event, Context())
    body = raw["body"]
    check_answer(function, raw["statusCode"], raw["headers"], body)
    is_json = raw["headers"].get("content-type", "").endswith(("/json", "+json"))
    return Answer(raw["statusCode"], raw["headers"], json.loads(body) if is_json and body else body)


def create_customer(body: Any = None, **kwargs: Any) -> Answer:
    """POST customers, by default the README's customer."""
    if body is None:
        body = {"name": "john doe", "phone_number": "+254704590344", "email": "example@gmail.com"}
    return call("create_customer", http_event("POST", f"{BASE}/customers", body, **kwargs))


def create_order(body: Any, **kwargs: Any) -> Answer:
    """POST orders."""
    return call("create_order", http_event("POST", f"{BASE}/orders", body, **kwargs))


def order_for(customer: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return the README's order for this customer."""
    return {"customer": customer["id"], "item": "macbook m2", "amount": "56000.68", **fields}


def get(function: str, name: str, value: str, **kwargs: Any) -> Answer:
    """GET of one item."""
    plural = f"{name}s"
    return call(function, http_event("GET", f"{BASE}/{plural}/{value}", parameters={name: value}, **kwargs))


def list_customers(**query: str) -> Answer:
    """GET customers."""
    return call("list_customers", http_event("GET", f"{BASE}/customers", query=query))


def list_orders(**query: str) -> Answer:
    """GET orders."""
    return call("list_orders", http_event("GET", f"{BASE}/orders", query=query))
