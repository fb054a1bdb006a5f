"""The OpenAPI 3.1 document of the API, made from the template's routes, the models and the operations."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from contract import answers
from contract.failures import failure, failure_schema
from contract.forms import WEBHOOK_FORMS
from contract.import_files import IMPORT_FILES
from contract.operations import ALIASES, EVERYWHERE, OPERATIONS, PAGES, Operation
from contract.parameters import PARAMETERS
from deployment import ROOT
from deployment.template import Route, Template, load
from sales.api.endpoint import BASE_PATH, LARGEST_BODY
from sales.api.issuers import discovery_address
from sales.domain.caller import Caller
from sales.domain.customers import Customer
from sales.domain.ids import code_of, show_code
from sales.domain.money import CURRENCIES, WITHDRAWN, say_amount
from sales.domain.orders import Order
from sales.domain.problems import PROBLEMS
from sales.domain.sms.content import compose
from sales.domain.sms.states import Cause
from sales.domain.sms.wording import SHIPPED_VERSION, Wording, shipped_wording

__all__ = ["VERSION", "build", "routes", "template"]

# The version of the contract. A change that breaks clients needs a new major number.
VERSION = "2.0.0"
# serve_docs puts the deployment's own here.
EXAMPLE_ISSUER = "https://example.okta.com/oauth2/default"
_REF = "#/components/schemas/{model}"
# No scope contains another.
_SCOPES = {
    "sales:read": "Read customers and orders",
    "sales:write": "Create and change customers and orders",
    "sales:manage": "Import customers and orders, export and erase customers, clear their opt-outs and blocks, and write the wording of "
    "texts",
}
_DESCRIPTION = f"""
Customers and orders of a small shop. Each new order texts its customer.

Every path under `{BASE_PATH}` also works under `/ap1/v1/sales`, and with a slash at its end. HEAD works wherever GET does. The four requests of the
API that this one replaces are listed under *The original's paths*.

Send bodies as one JSON object of at most {LARGEST_BODY:,} bytes, except the files of imports; unknown fields are refused. Errors are
`application/problem+json` with a stable `code`, except API Gateway's own (a missing or invalid token, a missing scope, too
many requests): those are `application/json` with a `message`.
"""
# The groups of operations, in the reference's order.
_ORIGINAL = "The original's paths"
_TAGS = {
    "Customers": "People who order, their opt-outs, and what the law lets them ask for.",
    "Orders": "Orders and their texts.",
    "Wording": "The words of texts, in the languages of the shop's customers.",
    "Webhooks": "Africa's Talking calls these.",
    "Health": "For monitors.",
    _ORIGINAL: "The four requests of the API that this one replaces, with the same answers as the paths above.",
}
_HEADERS: Mapping[str, dict[str, Any]] = {
    "X-Request-Id": {
        "description": "The X-Request-Id of the request, or else the id that API Gateway gave it; both are in the logs.",
        "schema": {"type": "string"},
    },
    "ETag": {"description": "The version, in quotes.", "schema": {"type": "string", "pattern": '^"[0-9]+"$'}},
    "Location": {"description": "The path of the new item.", "schema": {"type": "string"}},
    "Link": {
        "description": 'The next page, `rel="next"` (RFC 8288); missing on the last page.',
        "schema": {"type": "string"},
    },
    "Idempotency-Replayed": {
        "description": "`true` if the key was used before.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Retry-After": {"description": "How many seconds to wait.", "schema": {"type": "string", "pattern": "^[0-9]+$"}},
    "WWW-Authenticate": {"description": "Why the token was refused.", "schema": {"type": "string"}},
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
        "info": {
            "title": "Sales",
            "version": VERSION,
            "description": _DESCRIPTION.strip(),
            "contact": {"name": "The operator of this deployment"},
            # OpenAPI wants a licence's name. The owner has not chosen one (README.md).
            "license": {"name": "No licence chosen yet", "identifier": "LicenseRef-none-chosen"},
        },
        # serve_docs puts the deployment's own address here.
        "servers": [{"url": "/", "description": "The deployment that serves this document"}],
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "paths": _with_named_enums(dict(sorted(paths.items(), key=lambda path: _order(path[0])))),
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
    return load(ROOT / "template.yaml", {"OktaIssuer": EXAMPLE_ISSUER, "ConsoleClientId": "console"})


def _documented() -> Iterable[tuple[Route, str]]:
    """Yield the routes in the document with their operation ids."""
    for route in template().routes:
        if route.function in PAGES or route.method == "HEAD":  # every GET answers HEAD too: the description says so
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
        "tags": [_ORIGINAL if is_alias else operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "parameters": [_parameter(operation, parameter) for parameter in operation.parameters],
    }
    described["security"] = [{"okta": list(route.scopes)}] if route.scopes else []
    if operation.body:
        content: dict[str, Any] = {"schema": {"$ref": _REF.format(model=operation.body.__name__)}}
        content["example"] = REQUESTS[route.function]
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    elif route.function in IMPORT_FILES:
        described["requestBody"] = {"required": True, "content": IMPORT_FILES[route.function].sent()}
    elif operation.form:
        described["requestBody"] = {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": {"$ref": _REF.format(model=operation.form)}}},
        }
    described["responses"] = dict(_responses(operation, route, with_links=not is_alias))
    return described


def _parameter(operation: Operation, name: str) -> dict[str, Any]:
    if name == "idempotency_key" and operation.key_required:
        return PARAMETERS[name] | {"required": True}
    return dict(PARAMETERS[name])


def _responses(operation: Operation, route: Route, *, with_links: bool) -> Iterable[tuple[str, dict[str, Any]]]:
    success: dict[str, Any] = {
        "description": operation.summary,
        "headers": {header: _header(header) for header in ("X-Request-Id", *operation.headers)},
        "content": _content(operation, route),
    }
    if operation.columns:
        success["content"]["text/csv"] = {"schema": {"type": "string"}, "example": ",".join(operation.columns) + "\r\n"}
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
        yield str(status), failure(status, codes[status])


def _content(operation: Operation, route: Route) -> dict[str, Any]:
    if operation.answer is None:
        return IMPORT_FILES[route.function].answered()
    content: dict[str, Any] = {"schema": {"$ref": _REF.format(model=operation.answer.__name__)}}
    if example := _example(operation.answer):
        content["example"] = example
    return {"application/json": content}


def _header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}


def _security() -> dict[str, Any]:
    return {
        "type": "openIdConnect",
        "description": "An access token of the deployment's issuer, as `Authorization: Bearer`. People get one by authorization code "
        "with PKCE, machines by client credentials.",
        "openIdConnectUrl": discovery_address(EXAMPLE_ISSUER),
        # This kind of scheme has no place of its own for what each scope allows.
        "x-scopes": _SCOPES,
    }


def _models() -> dict[str, Any]:
    used: dict[str, type[BaseModel]] = {model.__name__: model for model in (answers.Problem, answers.GatewayMessage)}
    for operation in OPERATIONS.values():
        for model in (operation.body, operation.answer):
            if model:
                used[model.__name__] = model
    _, schemas = models_json_schema([(model, "validation") for model in used.values()], ref_template=_REF)
    models: dict[str, Any] = _with_named_enums(_without_titles(schemas["$defs"]))
    models["Failure"] = failure_schema(models["Problem"], models["GatewayMessage"])
    models |= {name: {"type": "string", "enum": values} for name, values in _ENUMS.items()}
    for name, form in WEBHOOK_FORMS.items():
        fields = {field: {"type": "string"} for field in form.fields}
        required = list(form.required)
        models[name] = {"description": form.description, "type": "object", "properties": fields, "required": required}
    return dict(sorted(models.items()))


# Lists of values that several fields have. Generators name an unnamed one after each field that has it, so the same
# currency would be of three types.
_ENUMS: Mapping[str, list[str]] = {
    "ActiveCurrency": sorted(CURRENCIES),
    "Currency": sorted(CURRENCIES | WITHDRAWN),
    "Encoding": list(get_args(answers.Encoding)),
    "OrderStatus": list(get_args(answers.OrderStatus)),
    "ProblemCode": list(PROBLEMS),
}


def _with_named_enums(schema: Any) -> Any:
    """Return the schema with a reference in place of each list of values that has a name."""
    if isinstance(schema, list):
        return [_with_named_enums(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    for name, values in _ENUMS.items():
        if schema.get("enum") == values:
            rest = {key: value for key, value in schema.items() if key not in ("enum", "type")}
            return {"$ref": _REF.format(model=name), **rest}
    return {name: _with_named_enums(value) for name, value in schema.items()}


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
    "create_order": {"customer": "5XQ2-M7KD", "item": "macbook m2", "amount": "56000.68"},
    "update_customer": {"phone_number": "+254704590344"},
    "resend_sms": {"reason": "the customer lost the phone"},
    "put_wording": {
        "default_language": "en",
        "created": {
            "en": "Hello {name}, we have your order {code}: {item}, {currency} {amount}.",
            "sw": "Habari {name}, tumepokea oda yako {code}: {item}, {currency} {amount}.",
        },
    },
    "preview_sms": {"name": "john doe", "item": "macbook m2", "amount": "56000.68"},
}


_CALLER = Caller("00u1a2b3c4D5e6F7g8h9", "0oa1a2b3c4D5e6F7g8h9", frozenset())


@cache
def _customer() -> Customer:
    now = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    return Customer.new(
        id="1d5f84a1-22c7-8b3e-9a41-5a0d5c2be710", code="5XQ2M7KD", now=now, by=_CALLER.actor, fingerprint="",
        **REQUESTS["create_customer"],
    )  # fmt: skip


_ORDER_ID = "7c0e1b52-6f3d-8a94-b1c8-0e9d4f7a2365"


@cache
def _order_example() -> Order:
    now = datetime(2026, 11, 23, 9, 31, tzinfo=UTC)
    body = REQUESTS["create_order"]
    amount = Decimal(body["amount"])
    content = compose(
        shipped_wording("").created["en"],
        name=_customer().name,
        item=body["item"],
        currency="KES",
        amount=say_amount(amount, "KES"),
        code=show_code(code_of(_ORDER_ID)),
        max_segments=2,
    )._replace(language="en")
    order = Order.new(
        id=_ORDER_ID, customer=_customer(), item=body["item"], amount=amount,
        currency="KES", reference=None, content=content, now=now, caller=_CALLER, fingerprint="",
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
    if model is answers.Wording:
        return Wording(SHIPPED_VERSION + 1, **REQUESTS["put_wording"]).public()
    if model in (answers.CustomerPage, answers.OrderPage):
        item = _customer() if model is answers.CustomerPage else _order_example()
        return {"data": [item.public()], "has_more": False, "next_cursor": None}
    return None
