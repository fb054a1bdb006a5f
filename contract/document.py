"""The OpenAPI 3.1 document of the API, made from the template's routes, the models and the operations."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from contract import answers
from contract.operations import ALIASES, EVERYWHERE, OPERATIONS, PAGES, PARAMETERS, Operation
from deployment import ROOT
from deployment.template import Route, Template, load
from sales.api.endpoint import BASE_PATH, LARGEST_BODY
from sales.domain.customers import Customer
from sales.domain.money import say_amount
from sales.domain.orders import Order
from sales.domain.problems import PROBLEMS
from sales.domain.sms.content import compose
from sales.domain.sms.states import Cause
from sales.domain.sms.wording import text_template

__all__ = ["VERSION", "build", "routes", "template"]

# The version of the contract. A change that breaks clients needs a new major number.
VERSION = "2.0.0"
_REF = "#/components/schemas/{model}"
_READ, _WRITE = "sales:read", "sales:write"
_SCOPES = {_READ: "Read customers and orders", _WRITE: "Create and change customers and orders"}
_DESCRIPTION = f"""
Customers and orders of a small shop. Each new order texts its customer.

Every path under `{BASE_PATH}` also works under `/ap1/v1/sales`, and with a slash at its end. The four requests of the
API that this one replaces are listed under *The original's paths*.

Send bodies as one JSON object of at most {LARGEST_BODY:,} bytes; unknown fields are refused. Errors are
`application/problem+json` with a stable `code`, except API Gateway's own (a missing or invalid token, a missing scope, too
many requests): those are `application/json` with a `message`.
"""
_HEADERS: Mapping[str, dict[str, Any]] = {
    "X-Request-Id": {"description": "Identifies this request in the logs.", "schema": {"type": "string"}},
    "ETag": {"description": "The version, in quotes.", "schema": {"type": "string", "pattern": '^"[0-9]+"$'}},
    "Location": {"description": "The path of the new item.", "schema": {"type": "string"}},
    "Link": {
        "description": 'The next page, `rel="next"` (RFC 8288); missing on the last page.',
        "schema": {"type": "string"},
    },
    "Idempotency-Replayed": {"description": "`true` if the key was used before.", "schema": {"const": "true"}},
    "Retry-After": {"description": "How many seconds to wait.", "schema": {"type": "string", "pattern": "^[0-9]+$"}},
    "WWW-Authenticate": {"description": "Why the token was refused.", "schema": {"type": "string"}},
}
# API Gateway's own answers, by status.
_GATEWAY = {
    401: "The access token is missing, invalid or expired.",
    403: "The token lacks the required scope.",
    413: "The request is too large for API Gateway.",
    429: "Too many requests.",
    431: "Request line and headers are larger than API Gateway's limit of 10,240 bytes.",
    500: "The function could not be invoked.",
    503: "API Gateway or the function did not answer in time.",
}


def build() -> dict[str, Any]:
    """Return the document. Raise ValueError if the template and the operations do not agree."""
    models = _models()
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for route, name in _documented():
        paths[route.path][route.method.lower()] = _operation(route, name)
    unused = OPERATIONS.keys() - {operation["operationId"] for path in paths.values() for operation in path.values()}
    if unused:
        raise ValueError(f"no route for {', '.join(sorted(unused))}")
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sales", "version": VERSION, "description": _DESCRIPTION.strip()},
        "servers": [{"url": "/", "description": "The deployment that serves this document"}],
        "tags": [{"name": name} for name in dict.fromkeys(operation.tag for operation in OPERATIONS.values())],
        "paths": dict(sorted(paths.items(), key=lambda path: _order(path[0]))),
        "components": {"schemas": models, "headers": dict(_HEADERS), "securitySchemes": {"okta": _security()}},
    }


def _order(path: str) -> tuple[bool, bool, str]:
    # First the API (customers before orders), then health and webhooks, the original's paths last.
    return path.startswith("/ap1"), not path.startswith(BASE_PATH), path


def routes() -> list[dict[str, str]]:
    """Return the routes that `sales.api.routes` reads: all of the template's except `$default`."""
    ordered = sorted(template().routes, key=lambda route: (route.path, route.method))
    return [
        {"method": route.method, "path": route.path, "function": route.function}
        for route in ordered
        if route.path != "$default"
    ]


@cache
def template() -> Template:
    """Return the template with its defaults."""
    return load(ROOT / "template.yaml", {"OktaIssuer": "https://example.okta.com/oauth2/default"})


def _documented() -> Iterable[tuple[Route, str]]:
    """Yield the routes in the document with their operation ids."""
    for route in template().routes:
        if route.function in PAGES:
            continue
        if route.function not in OPERATIONS:
            raise ValueError(f"{route.key} is not described in contract/operations.py")
        if route.key in ALIASES:
            yield route, ALIASES[route.key]
        elif not route.path.startswith("/ap1/") and not route.path.startswith(f"{BASE_PATH}/create-"):
            yield route, route.function


def _operation(route: Route, name: str) -> dict[str, Any]:
    operation = OPERATIONS[route.function]
    is_alias = name != route.function
    described: dict[str, Any] = {
        "operationId": name,
        "tags": ["The original's paths" if is_alias else operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "parameters": [_parameter(operation, parameter) for parameter in operation.parameters],
    }
    described["security"] = [{"okta": list(route.scopes)}] if route.scopes else []
    if operation.body:
        content: dict[str, Any] = {"schema": {"$ref": _REF.format(model=operation.body.__name__)}}
        content["example"] = REQUESTS[route.function]
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    elif operation.form:
        fields = {field: {"type": "string"} for field in operation.form}
        schema = {"type": "object", "properties": fields, "required": list(operation.form_required)}
        described["requestBody"] = {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": schema}},
        }
    described["responses"] = dict(_responses(operation, route, with_links=not is_alias))
    return described


def _parameter(operation: Operation, name: str) -> dict[str, Any]:
    if name == "idempotency_key" and operation.key_required:
        return PARAMETERS[name] | {"required": True}
    return dict(PARAMETERS[name])


def _responses(operation: Operation, route: Route, *, with_links: bool) -> Iterable[tuple[str, dict[str, Any]]]:
    content: dict[str, Any] = {"schema": {"$ref": _REF.format(model=operation.answer.__name__)}}
    if example := _example(operation.answer):
        content["example"] = example
    success: dict[str, Any] = {
        "description": operation.summary,
        "headers": {header: _header(header) for header in ("X-Request-Id", *operation.headers)},
        "content": {"application/json": content},
    }
    if with_links and operation.links:
        success["links"] = {
            name: {
                "operationId": link.operation,
                **(
                    {"parameters": {key: f"$response.body#/{at}" for key, at in link.parameters.items()}}
                    if link.parameters
                    else {}
                ),
                **(
                    {"requestBody": {key: f"$response.body#/{at}" for key, at in link.body.items()}}
                    if link.body
                    else {}
                ),
            }
            for name, link in operation.links.items()
        }
    yield str(operation.status), success
    if "if_none_match" in operation.parameters:
        headers = {header: _header(header) for header in ("X-Request-Id", "ETag")}
        yield "304", {"description": "The caller already has the current version.", "headers": headers}
    codes: dict[int, list[str]] = defaultdict(list)
    for code in (*operation.problems, *EVERYWHERE, *(("unauthorized", "insufficient_scope") if route.scopes else ())):
        codes[PROBLEMS[code][0]].append(code)
    # API Gateway limits requests and headers everywhere, but needs a token only where a scope is required.
    for status in sorted({*codes, 429, 431, *({401, 403} if route.scopes else ())}):
        yield str(status), _failure(status, codes[status])


def _failure(status: int, codes: list[str]) -> dict[str, Any]:
    lines = [f"* `{code}`: {PROBLEMS[code][1]}. {PROBLEMS[code][2]}" for code in codes]
    content: dict[str, Any] = {}
    headers = []
    if codes:
        content["application/problem+json"] = {"schema": {"$ref": _REF.format(model="Problem")}}
        headers.append("X-Request-Id")
    if status in _GATEWAY:
        content["application/json"] = {"schema": {"$ref": _REF.format(model="GatewayMessage")}}
        lines.append(f"* API Gateway: {_GATEWAY[status]}")
    if status in (401, 403):
        headers.append("WWW-Authenticate")
    if status == 412:
        headers.append("ETag")
    if "sms_too_soon" in codes or status == 503:
        headers.append("Retry-After")
    return {
        "description": "\n".join(lines),
        **({"headers": {header: _header(header) for header in headers}} if headers else {}),
        "content": content,
    }


def _header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}


def _security() -> dict[str, Any]:
    # Each deployment has its own issuer; the reference at /docs puts its addresses here.
    base = "https://example.okta.com/oauth2/default/v1"
    flow = {"tokenUrl": f"{base}/token", "scopes": _SCOPES}
    return {
        "type": "oauth2",
        "description": "An access token of the deployment's Okta authorization server, as `Authorization: Bearer`.",
        "flows": {
            "authorizationCode": {"authorizationUrl": f"{base}/authorize", **flow},
            "clientCredentials": flow,
        },
    }


def _models() -> dict[str, Any]:
    used: dict[str, type[BaseModel]] = {model.__name__: model for model in (answers.Problem, answers.GatewayMessage)}
    for operation in OPERATIONS.values():
        for model in (operation.body, operation.answer):
            if model:
                used[model.__name__] = model
    _, schemas = models_json_schema([(model, "validation") for model in used.values()], ref_template=_REF)
    models: dict[str, Any] = _without_titles(schemas["$defs"])
    return dict(sorted(models.items()))


def _without_titles(schema: Any) -> Any:
    """Return the schema without titles, which repeat names, and without the defaults of optional fields."""
    if isinstance(schema, list):
        return [_without_titles(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        name: _without_titles(value)
        for name, value in schema.items()
        if name not in ("title", "default") or isinstance(value, dict)
    }
    if isinstance(schema.get("properties"), dict):
        kept["properties"] = {name: _without_titles(value) for name, value in schema["properties"].items()}
    return kept


# ---- Examples: the README's requests, and the product's own answers to them

REQUESTS: Mapping[str, dict[str, Any]] = {
    "create_customer": {"name": "john doe", "phone_number": "+254704590344", "email": "example@gmail.com"},
    "create_order": {"customer": "5XQ2M7KD", "item": "macbook m2", "amount": "56000.68"},
    "update_customer": {"phone_number": "+254704590344"},
    "resend_sms": {"reason": "the customer lost the phone"},
    "preview_sms": {"name": "john doe", "item": "macbook m2", "amount": "56000.68"},
}


@cache
def _customer() -> Customer:
    now = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    return Customer.new(
        id="1d5f84a1-22c7-8b3e-9a41-5a0d5c2be710", code="5XQ2M7KD", now=now, fingerprint="",
        **REQUESTS["create_customer"],
    )  # fmt: skip


@cache
def _order_example() -> Order:
    now = datetime(2026, 11, 23, 9, 31, tzinfo=UTC)
    body = REQUESTS["create_order"]
    amount = Decimal(body["amount"])
    content = compose(
        text_template(""),
        name=_customer().name,
        item=body["item"],
        currency="KES",
        amount=say_amount(amount, "KES"),
        max_segments=2,
    )
    order = Order.new(
        id="7c0e1b52-6f3d-8a94-b1c8-0e9d4f7a2365", customer=_customer(), item=body["item"], amount=amount,
        currency="KES", reference=None, content=content, now=now, client="", fingerprint="",
    )  # fmt: skip
    claimed = order.on(Cause.claimed, now)
    sent = claimed and claimed.on(Cause.accepted, now, message_id="ATXid_0123456789abcdef", cost="KES 0.8000")
    if sent is None:
        raise ValueError("the first text of an order cannot be sent")
    return sent


def _example(model: type[BaseModel]) -> Any:
    if model is answers.Customer:
        return _customer().public()
    if model is answers.Order:
        return _order_example().public()
    if model in (answers.CustomerPage, answers.OrderPage):
        item = _customer() if model is answers.CustomerPage else _order_example()
        return {"data": [item.public()], "has_more": False, "next_cursor": None}
    return None
