"""The contract as a Postman collection, with an environment for Okta and one for the local system.

The contract has the operations and their examples; the README has their order.

Format: https://schema.postman.com/collection/json/v2.1.0/draft-07/docs/index.html
"""

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sales.api.endpoint import BASE_PATH

__all__ = ["ContractError", "files"]

ORIGINAL_PATH = "/ap1/v1/sales"
METHODS = ("get", "post", "patch")

# The original's four requests come first, on its own paths.
THE_FOUR = {
    "POST customers": "create-customer/",
    "POST orders": "create-order/",
    "GET customers": "customers/",
    "GET orders": "orders/",
}
# Variables that requests store from their answers, and that others use in their paths. Erasing and cancelling use a
# customer and an order of their own, so the collection runs from top to bottom, any number of times.
KEEPS_OF_FOUR = {
    "POST customers": {"customer_id": "id", "customer_code": "code"},
    "POST orders": {"order_id": "id"},
}
KEEPS = {"POST customers": {"customer_to_erase_id": "id"}, "POST orders": {"order_to_cancel_id": "id"}}
TAKES = {"POST customers/{}/erase": "customer_to_erase_id", "POST orders/{}/cancel": "order_to_cancel_id"}
# A run of the whole collection waits here, because a text that is on its way cannot be sent again.
WAITS_FOR_TEXT = "GET orders/{}"
WAIT = """\
// When the whole collection runs, repeat this request until the text is out.
const tries = Number(pm.collectionVariables.get("tries") || 0);
if (["queued", "sending"].includes(pm.response.json().sms.status) && tries < 60) {
    pm.collectionVariables.set("tries", tries + 1);
    setTimeout(function () {}, 500);
    pm.execution.setNextRequest(pm.info.requestId);
} else {
    pm.collectionVariables.unset("tries");
}"""

# The code of the contract's customer, in examples of files.
EXAMPLE_CODE = "5XQ2-M7KD"

PKCE = {
    "tokenName": "Sales",
    "grant_type": "authorization_code_with_pkce",
    "authUrl": "{{authorization_url}}",
    "accessTokenUrl": "{{token_url}}",
    "redirect_uri": "{{callback_url}}",
    "clientId": "{{person_client_id}}",
    "scope": "{{scope}}",
    # Okta refuses a request without one.
    "state": "{{$guid}}",
    "challengeAlgorithm": "S256",
    "client_authentication": "body",
    "useBrowser": False,
    "accessToken": "{{access_token}}",
    "addTokenTo": "header",
    "headerPrefix": "Bearer",
}
DESCRIPTION = """\
Generated from the API's contract by `make contract`.

1. Import this collection and one environment, and select the environment.
2. Get a token in one of two ways:
   - **as a machine** (client credentials): send *Sign in / A token for a machine*. It sets `access_token`. For the local
     system, the client's secret is in `.local/identity-clients.json`. Or set `access_token` to what `make -s token` prints.
   - **as a person** (authorization code with PKCE): in the collection's *Authorization* tab, *Get New Access Token*.
3. Send the requests from top to bottom. Variables hold the ids of customers and orders.
"""


class ContractError(Exception):
    """README and contract do not agree; the message says where."""


@dataclass(frozen=True)
class Operation:
    """One operation of the contract; its path is below the API's root."""

    method: str
    path: str
    content: dict[str, Any] = field(repr=False)

    @property
    def key(self) -> str:
        """Return method and path, without the names of parameters."""
        return f"{self.method} {re.sub(r'{[^}]*}', '{}', self.path)}"

    def parameters(self, place: str) -> list[dict[str, Any]]:
        """Return its parameters in path, query or header."""
        return [parameter for parameter in self.content.get("parameters", []) if parameter["in"] == place]

    @property
    def name(self) -> str:
        """Return its summary."""
        return str(self.content["summary"])

    @property
    def status(self) -> int:
        """Return the status of success."""
        return min(int(status) for status in self.content["responses"] if status.startswith("2"))

    def example(self) -> dict[str, Any] | None:
        """Return an example of its body, or None if it has no body."""
        content = self.content.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            return None
        named = [example["value"] for example in content.get("examples", {}).values()]
        examples = [content["example"]] if "example" in content else named
        if not examples:
            raise ContractError(f"The contract has no example for the body of {self.key}.")
        return dict(examples[0])

    def file_example(self) -> tuple[str, str] | None:
        """Return the media type and an example of the first file that it takes, or None if it takes none."""
        content = self.content.get("requestBody", {}).get("content", {})
        files = [(name, body["example"]) for name, body in content.items() if isinstance(body.get("example"), str)]
        return files[0] if files else None


def resolved(document: dict[str, Any], node: Any) -> Any:
    """Return a node of the contract with its references resolved, except those in schemas."""
    if isinstance(node, list):
        return [resolved(document, child) for child in node]
    if not isinstance(node, dict):
        return node
    if isinstance(reference := node.get("$ref"), str):
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
        return resolved(document, target)
    return {name: value if name == "schema" else resolved(document, value) for name, value in node.items()}


def operations(document: dict[str, Any]) -> dict[str, Operation]:
    """Return the operations under the API's root by key."""
    by_key = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item and path.startswith(f"{BASE_PATH}/"):
                operation = dict(resolved(document, item[method]))
                operation["parameters"] = [
                    *resolved(document, item.get("parameters", [])),
                    *operation.get("parameters", []),
                ]
                described = Operation(method.upper(), path.removeprefix(f"{BASE_PATH}/"), operation)
                by_key[described.key] = described
    return by_key


def readme_order(readme: str) -> Iterator[str]:
    """Yield the keys of the endpoints in the order of the README's table."""
    for method, path in re.findall(r"^\| `(GET|POST|PATCH) ([^`]+)` \|", readme, re.MULTILINE):
        yield f"{method} {re.sub(r'{[^}]*}', '{}', path)}"


def asserts(status: int, keeps: dict[str, str] | None = None) -> list[str]:
    """Return the script that checks an answer's status and request id, and stores its fields in variables."""
    lines = [
        f'pm.test("answers {status}", () => pm.response.to.have.status({status}));',
        'pm.test("has a request id", () => pm.response.to.have.header("X-Request-Id"));',
    ]
    if keeps:
        lines.append(f"if (pm.response.code === {status}) {{")
        lines += [f'    pm.collectionVariables.set("{name}", pm.response.json().{of});' for name, of in keeps.items()]
        lines.append("}")
    return lines


def item(name: str, request: dict[str, Any], script: list[str]) -> dict[str, Any]:
    """Return a request with the script that runs after its answer."""
    event = {"listen": "test", "script": {"type": "text/javascript", "exec": script}}
    # Postman chooses random ids; a stable one keeps the file the same.
    stable = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:sales:postman:{name} {request['url']['raw']}")
    return {"name": name, "id": str(stable), "event": [event], "request": request, "response": []}


def url(path: str, query: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return an address of the API."""
    address: dict[str, Any] = {"raw": f"{{{{base_url}}}}{path}", "host": ["{{base_url}}"], "path": path[1:].split("/")}
    return address | ({"query": query} if query else {})


def headers(operation: Operation) -> list[dict[str, Any]]:
    """Return the headers of an operation. Optional ones are disabled, except for Idempotency-Key."""
    listed: list[dict[str, Any]] = [{"key": "Accept", "value": "application/json"}]
    for parameter in operation.parameters("header"):
        is_key = parameter["name"].lower() == "idempotency-key"
        header = {"key": parameter["name"], "value": "{{$guid}}" if is_key else ""}
        header["description"] = parameter.get("description", "")
        listed.append(header | ({} if is_key or parameter.get("required") else {"disabled": True}))
    return listed


def request(operation: Operation, path: str) -> dict[str, Any]:
    """Return the request of an operation."""
    for parameter in operation.parameters("path"):
        variable = TAKES.get(operation.key, f"{parameter['name']}_id")
        path = path.replace(f"{{{parameter['name']}}}", f"{{{{{variable}}}}}")
    query = [
        {"key": parameter["name"], "value": "", "description": parameter.get("description", ""), "disabled": True}
        for parameter in operation.parameters("query")
    ]
    made = {
        "method": operation.method,
        "header": headers(operation),
        "url": url(path, query),
        "description": operation.content.get("description", ""),
    }
    if body := operation.example():
        if "customer" in body:
            body["customer"] = "{{customer_id}}"
        made["header"].append({"key": "Content-Type", "value": "application/json"})
        raw = json.dumps(body, indent=2, ensure_ascii=False)
        made["body"] = {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
    elif sent := operation.file_example():
        media_type, text = sent
        made["header"][0]["value"] = media_type
        made["header"].append({"key": "Content-Type", "value": media_type})
        made["body"] = {"mode": "raw", "raw": text.replace(EXAMPLE_CODE, "{{customer_code}}")}
    return made


def sign_in() -> dict[str, Any]:
    """Return the folder with the request for a token, and one without a token."""
    fields = {"grant_type": "client_credentials", "scope": "{{machine_scope}}"}
    basic = {"username": "{{machine_client_id}}", "password": "{{machine_client_secret}}"}
    token = {
        "method": "POST",
        "auth": {"type": "basic", "basic": pairs(basic)},
        "header": [{"key": "Accept", "value": "application/json"}],
        "url": {"raw": "{{token_url}}", "host": ["{{token_url}}"]},
        "body": {"mode": "urlencoded", "urlencoded": [{"key": key, "value": value} for key, value in fields.items()]},
        "description": "Client credentials: stores a machine's token in `access_token`.",
    }
    script = [
        'pm.test("answers 200", () => pm.response.to.have.status(200));',
        'if (pm.response.code === 200) pm.environment.set("access_token", pm.response.json().access_token);',
    ]
    refused = {
        "method": "GET",
        "auth": {"type": "noauth"},
        "header": [],
        "url": url(f"{ORIGINAL_PATH}/customers/"),
        "description": "Without a token the API answers 401.",
    }
    refuses = ['pm.test("answers 401", () => pm.response.to.have.status(401));']
    return {
        "name": "Sign in",
        "item": [item("A token for a machine", token, script), item("Without a token", refused, refuses)],
    }


def pairs(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return an authorization's keys and values in Postman's form."""
    return [
        {"key": key, "value": value, "type": "boolean" if isinstance(value, bool) else "string"}
        for key, value in values.items()
    ]


def collection(document: dict[str, Any], readme: str) -> dict[str, Any]:
    """Return the collection. Raise ContractError if README and contract name different endpoints."""
    known, order = operations(document), list(readme_order(readme))
    undocumented = {key for key in known if re.sub(r"create-(customer|order)$", r"\1s", key) not in order}
    if missing := sorted(undocumented | (set(order) - set(known))):
        raise ContractError(f"Only one of README.md and the contract has {', '.join(missing)}.")
    four = [
        item(
            known[key].name,
            request(known[key], f"{ORIGINAL_PATH}/{path}"),
            asserts(known[key].status, KEEPS_OF_FOUR.get(key)),
        )
        for key, path in THE_FOUR.items()
    ]
    folders: dict[str, list[dict[str, Any]]] = {}
    for key in order:
        operation = known[key]
        script = asserts(operation.status, KEEPS.get(key))
        if key == WAITS_FOR_TEXT:
            script += WAIT.splitlines()
        entry = item(operation.name, request(operation, f"{BASE_PATH}/{operation.path}"), script)
        folder = operation.path.partition("/")[0]
        folders.setdefault("SMS" if folder == "sms" else folder.capitalize(), []).append(entry)
    variables = ("customer_id", "customer_code", "order_id", "customer_to_erase_id", "order_to_cancel_id")
    return {
        "info": {
            "_postman_id": str(uuid.uuid5(uuid.NAMESPACE_URL, "urn:sales:postman")),
            "name": document["info"]["title"],
            "description": DESCRIPTION,
            "version": document["info"]["version"],
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "auth": {"type": "oauth2", "oauth2": pairs(PKCE)},
        "variable": [{"key": name, "value": ""} for name in variables],
        "item": [
            sign_in(),
            {"name": "The four requests", "item": four},
            *({"name": name, "item": items} for name, items in folders.items()),
        ],
    }


def environment(name: str, values: dict[str, str]) -> dict[str, Any]:
    """Return an environment. Postman hides its tokens and client secrets."""
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:sales:postman:{name}")),
        "name": name,
        "values": [
            {
                "key": key,
                "value": value,
                "type": "secret" if key in {"access_token", "machine_client_secret"} else "default",
                "enabled": True,
            }
            for key, value in values.items()
        ],
        "_postman_variable_scope": "environment",
    }


OKTA = {
    "base_url": "https://<api>.execute-api.<region>.amazonaws.com",
    # As the issuer's discovery document names them.
    "authorization_url": "https://<domain>/oauth2/default/v1/authorize",
    "token_url": "https://<domain>/oauth2/default/v1/token",
    "scope": "sales:read sales:write sales:manage",
    "machine_scope": "sales:read sales:write",
    "machine_client_id": "",
    "machine_client_secret": "",
    "person_client_id": "",
    "callback_url": "https://oauth.pstmn.io/v1/callback",
    "access_token": "",
}
LOCAL = OKTA | {
    "base_url": "http://localhost:8000",
    "authorization_url": "http://127.0.0.1:8001/oauth2/default/v1/authorize",
    "token_url": "http://127.0.0.1:8001/oauth2/default/v1/token",
    "machine_scope": "sales:read sales:write sales:manage",
    "machine_client_id": "sales-service",
    "person_client_id": "sales-cli",
    "callback_url": "http://localhost:8000/callback",
}


def files(document: dict[str, Any], readme: str) -> dict[str, dict[str, Any]]:
    """Return the content of each file in docs/postman/ by name."""
    return {
        "sales.postman_collection.json": collection(document, readme),
        "okta.postman_environment.json": environment("Sales with Okta", OKTA),
        "local.postman_environment.json": environment("Sales on this machine", LOCAL),
    }
