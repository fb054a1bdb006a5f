"""Writes docs/postman/: the contract as a Postman collection, and an environment each for Okta and the local system.

The operations and their examples are the contract's (functions/serve_docs/static/openapi.json), their order is the
README's. `--check` writes nothing and fails where the files are not what would be written.

Format: https://schema.postman.com/collection/json/v2.1.0/draft-07/docs/index.html
"""

import argparse
import json
import re
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = ROOT / "functions" / "serve_docs" / "static" / "openapi.json"
README = ROOT / "README.md"
TARGET = ROOT / "docs" / "postman"
BASE_PATH, ORIGINAL_PATH = "/api/v1/sales", "/ap1/v1/sales"
METHODS = ("get", "post", "patch")

# The original's four endpoints come first, by its own paths.
THE_FOUR = {
    "POST customers": "create-customer/",
    "POST orders": "create-order/",
    "GET customers": "customers/",
    "GET orders": "orders/",
}
# What a request keeps of its answer, and what others take in their paths. What ends a customer or an order is done to
# one that was made for it, so that the collection can be run from top to bottom, and again.
KEEPS_OF_FOUR = {
    "POST customers": {"customer_id": "id", "customer_code": "code"},
    "POST orders": {"order_id": "id"},
}
KEEPS = {"POST customers": {"customer_to_erase_id": "id"}, "POST orders": {"order_to_cancel_id": "id"}}
TAKES = {"POST customers/{}/erase": "customer_to_erase_id", "POST orders/{}/cancel": "order_to_cancel_id"}
# Run as a whole, the collection waits here: a text that is on its way cannot be sent again.
WAITS_FOR_TEXT = "GET orders/{}"
WAIT = """\
// In a run of the whole collection: once more, until the text has left.
const tries = Number(pm.collectionVariables.get("tries") || 0);
if (["queued", "sending"].includes(pm.response.json().sms.status) && tries < 60) {
    pm.collectionVariables.set("tries", tries + 1);
    setTimeout(function () {}, 500);
    pm.execution.setNextRequest(pm.info.requestId);
} else {
    pm.collectionVariables.unset("tries");
}"""

PKCE = {
    "tokenName": "Sales",
    "grant_type": "authorization_code_with_pkce",
    "authUrl": "{{issuer}}/v1/authorize",
    "accessTokenUrl": "{{issuer}}/v1/token",
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
Generated from the API's contract; `contract/postman.py` writes it.

1. Import this collection and one environment, and choose the environment.
2. A token, either way:
   - **as a machine** (client credentials): send *Sign in / A token for a machine*. It fills `access_token`. On this machine
     the client's secret is in `.local/identity-clients.json`; or put what `make -s token` prints into `access_token`.
   - **as a person** (authorization code with PKCE): *Authorization* tab of the collection, *Get New Access Token*.
3. Send requests from top to bottom. Customers' and orders' ids are kept in variables.
"""


class ContractError(Exception):
    """README and contract do not fit together; the text says where."""


@dataclass(frozen=True)
class Operation:
    """One operation of the contract, with its path below the API's root."""

    method: str
    path: str
    content: dict[str, Any] = field(repr=False)

    @property
    def key(self) -> str:
        """Method and path, whatever its parameters are called."""
        return f"{self.method} {re.sub(r'{[^}]*}', '{}', self.path)}"

    def parameters(self, place: str) -> list[dict[str, Any]]:
        """Its parameters in path, query or header."""
        return [each for each in self.content.get("parameters", []) if each["in"] == place]

    @property
    def name(self) -> str:
        """What it does, in a line."""
        return str(self.content["summary"])

    @property
    def status(self) -> int:
        """The status of success."""
        return min(int(status) for status in self.content["responses"] if status.startswith("2"))

    def example(self) -> dict[str, Any] | None:
        """An example of its body; none where it takes none."""
        content = self.content.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            return None
        named = [each["value"] for each in content.get("examples", {}).values()]
        found = [content["example"]] if "example" in content else named
        if not found:
            raise ContractError(f"{self.key} has no example of its body")
        return dict(found[0])


def resolved(document: dict[str, Any], node: Any) -> Any:
    """What a node of the contract is, references within `components` followed (schemas left as they are)."""
    if isinstance(node, list):
        return [resolved(document, each) for each in node]
    if not isinstance(node, dict):
        return node
    if isinstance(reference := node.get("$ref"), str):
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
        return resolved(document, target)
    return {name: value if name == "schema" else resolved(document, value) for name, value in node.items()}


def operations(document: dict[str, Any]) -> dict[str, Operation]:
    """The operations under the API's root, by their keys."""
    found = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item and path.startswith(f"{BASE_PATH}/"):
                operation = dict(resolved(document, item[method]))
                operation["parameters"] = [
                    *resolved(document, item.get("parameters", [])),
                    *operation.get("parameters", []),
                ]
                each = Operation(method.upper(), path.removeprefix(f"{BASE_PATH}/"), operation)
                found[each.key] = each
    return found


def readme_order(readme: str) -> Iterator[str]:
    """The keys of the endpoints in the README's table, in its order."""
    for method, path in re.findall(r"^\| `(GET|POST|PATCH) ([^`]+)` \|", readme, re.MULTILINE):
        yield f"{method} {re.sub(r'{[^}]*}', '{}', path)}"


def asserts(status: int, keeps: dict[str, str] | None = None) -> list[str]:
    """The script after an answer: its status, its request id, and what is kept of it."""
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
    """A request with the script that runs after its answer."""
    event = {"listen": "test", "script": {"type": "text/javascript", "exec": script}}
    # Postman makes ids at random; these are always the same.
    made = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:sales:postman:{name} {request['url']['raw']}")
    return {"name": name, "id": str(made), "event": [event], "request": request, "response": []}


def url(path: str, query: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """An address of the API."""
    found: dict[str, Any] = {"raw": f"{{{{base_url}}}}{path}", "host": ["{{base_url}}"], "path": path[1:].split("/")}
    return found | ({"query": query} if query else {})


def headers(operation: Operation) -> list[dict[str, Any]]:
    """The headers of an operation; those that need not be sent are there, switched off, but for Idempotency-Key."""
    found: list[dict[str, Any]] = [{"key": "Accept", "value": "application/json"}]
    for parameter in operation.parameters("header"):
        is_key = parameter["name"].lower() == "idempotency-key"
        header = {"key": parameter["name"], "value": "{{$guid}}" if is_key else ""}
        header["description"] = parameter.get("description", "")
        found.append(header | ({} if is_key or parameter.get("required") else {"disabled": True}))
    return found


def request(operation: Operation, path: str) -> dict[str, Any]:
    """The request of an operation."""
    for parameter in operation.parameters("path"):
        variable = TAKES.get(operation.key, f"{parameter['name']}_id")
        path = path.replace(f"{{{parameter['name']}}}", f"{{{{{variable}}}}}")
    query = [
        {"key": each["name"], "value": "", "description": each.get("description", ""), "disabled": True}
        for each in operation.parameters("query")
    ]
    found = {
        "method": operation.method,
        "header": headers(operation),
        "url": url(path, query),
        "description": operation.content.get("description", ""),
    }
    if body := operation.example():
        if "customer" in body:
            body["customer"] = "{{customer_id}}"
        found["header"].append({"key": "Content-Type", "value": "application/json"})
        raw = json.dumps(body, indent=2, ensure_ascii=False)
        found["body"] = {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
    return found


def sign_in() -> dict[str, Any]:
    """The folder of the token, and of what happens without one."""
    fields = {"grant_type": "client_credentials", "scope": "{{scope}}"}
    basic = {"username": "{{machine_client_id}}", "password": "{{machine_client_secret}}"}
    token = {
        "method": "POST",
        "auth": {"type": "basic", "basic": pairs(basic)},
        "header": [{"key": "Accept", "value": "application/json"}],
        "url": {"raw": "{{issuer}}/v1/token", "host": ["{{issuer}}"], "path": ["v1", "token"]},
        "body": {"mode": "urlencoded", "urlencoded": [{"key": key, "value": value} for key, value in fields.items()]},
        "description": "Client credentials: the token of a machine, kept in `access_token`.",
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
        "description": "Nobody gets in without a token.",
    }
    refuses = ['pm.test("answers 401", () => pm.response.to.have.status(401));']
    return {
        "name": "Sign in",
        "item": [item("A token for a machine", token, script), item("Without a token", refused, refuses)],
    }


def pairs(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Keys and values as Postman lists those of an authorization."""
    return [
        {"key": key, "value": value, "type": "boolean" if isinstance(value, bool) else "string"}
        for key, value in values.items()
    ]


def collection(document: dict[str, Any], readme: str) -> dict[str, Any]:
    """The collection. Raises ContractError where README and contract name different endpoints."""
    known, order = operations(document), list(readme_order(readme))
    undocumented = {key for key in known if re.sub(r"create-(customer|order)$", r"\1s", key) not in order}
    if missing := sorted(undocumented | (set(order) - set(known))):
        raise ContractError(f"only one of README and contract has {', '.join(missing)}")
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
        made = item(operation.name, request(operation, f"{BASE_PATH}/{operation.path}"), script)
        folder = operation.path.partition("/")[0]
        folders.setdefault("SMS" if folder == "sms" else folder.capitalize(), []).append(made)
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
    """A Postman environment; tokens and client secrets are of the type that Postman hides."""
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
    "issuer": "https://<domain>/oauth2/default",
    "scope": "sales:read sales:write",
    "machine_client_id": "",
    "machine_client_secret": "",
    "person_client_id": "",
    "callback_url": "https://oauth.pstmn.io/v1/callback",
    "access_token": "",
}
LOCAL = OKTA | {
    "base_url": "http://localhost:8000",
    "issuer": "http://127.0.0.1:8001/oauth2/default",
    "machine_client_id": "sales-service",
    "person_client_id": "sales-cli",
    "callback_url": "http://localhost:8000/callback",
}


def files(document: dict[str, Any], readme: str) -> dict[str, dict[str, Any]]:
    """What docs/postman/ holds, by name."""
    return {
        "sales.postman_collection.json": collection(document, readme),
        "okta.postman_environment.json": environment("Sales with Okta", OKTA),
        "local.postman_environment.json": environment("Sales on this machine", LOCAL),
    }


def main() -> int:
    """Writes the files, or checks them."""
    parser = argparse.ArgumentParser(description="Write the Postman collection and its environments.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where something would change")
    check = parser.parse_args().check
    try:
        made = files(json.loads(CONTRACT.read_text()), README.read_text())
    except ContractError as error:
        print(f"generate_postman: {error}", file=sys.stderr)
        return 1
    stale = []
    for name, content in made.items():
        path, text = TARGET / name, json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        if not path.is_file() or path.read_text() != text:
            stale.append(name)
            if not check:
                TARGET.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    if check and stale:
        print(f"docs/postman/ is not the contract's: {', '.join(stale)}. Run contract/postman.py", file=sys.stderr)
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
