"""A stand-in for an Okta organisation's management API, on loopback: the routes that `make okta` uses.

Answers have the shapes and statuses that okta/terraform-provider-okta recorded from real organisations
(test/fixtures/vcr/idaas, MPL-2.0); bodies are validated against names, types and required values of Okta's OpenAPI
(okta_api.json). It is strict where Okta is silent: a name, a query or an enumeration that the OpenAPI lacks is refused.
"""

import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

type Document = dict[str, Any]

CONTRACT = json.loads((Path(__file__).parent / "okta_api.json").read_text())
TOKEN = "a-token-for-tests"
PREFIXES = {"authorizationServers": "aus", "scopes": "scp", "policies": "00p", "rules": "0pr", "groups": "00g", "apps": "0oa"}  # fmt: skip
SYSTEM_SCOPES = ("openid", "profile", "email", "address", "phone", "offline_access", "device_sso")
# Grants for which a rule must name people (okta/okta-developer-docs#1622).
WITH_PEOPLE = {"authorization_code", "implicit", "password"}


class RefusedError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, code: str, summary: str, *causes: str) -> None:
        super().__init__(summary)
        self.status = status
        self.document = {
            "errorCode": code,
            "errorSummary": summary,
            "errorLink": code,
            "errorId": "oae0123456789abcdefghij",
            "errorCauses": [{"errorSummary": cause} for cause in causes],
        }


NOT_ALLOWED = RefusedError(403, "E0000006", "You do not have permission to perform the requested action")
# Recorded from an organisation without API Access Management: the status is 401.
NO_LICENCE = RefusedError(401, "E0000015", "You do not have permission to access the feature you are requesting")
TOO_MANY = RefusedError(429, "E0000047", "API call exceeded rate limit due to too many requests.")
NOT_NOW = RefusedError(423, "E0000239", "Policy priorities are being reconciled. Please try again later.")


def invalid(field: str, cause: str) -> RefusedError:
    return RefusedError(400, "E0000001", f"Api validation failed: {field}", f"{field}: {cause}")


class Organisation:
    """An organisation's objects, and every request that came."""

    def __init__(self) -> None:
        self.url = ""
        # By the path of their list, in order of creation.
        self.lists: dict[str, list[Document]] = {path: [] for path in ("authorizationServers", "groups", "apps")}  # fmt: skip
        self.requests: list[tuple[str, str]] = []
        self.changes: list[tuple[str, str]] = []
        self.bodies: list[Document] = []
        self.page = 200
        # A server's issuer, if another one than its own address.
        self.issuer = ""
        # Called before each request: raises `RefusedError`, or `ConnectionError` to hang up.
        self.before: Callable[[int, str, str], None] = lambda number, method, path: None
        # The same after what was asked is done, before the answer.
        self.after: Callable[[int, str, str], None] = lambda number, method, path: None
        self._numbers = itertools.count(1)

    def items(self, path: str) -> list[Document]:
        return self.lists.setdefault(path, [])

    def names(self, path: str) -> list[str]:
        """Return the names of the objects at a path, without those that every organisation has."""
        return [name_of(each) for each in self.items(path) if not each.get("system")]

    def add(self, path: str, **values: Any) -> Document:
        """Store an object as Okta would create it."""
        kind = path.rsplit("/", 1)[-1]
        number = next(self._numbers)
        # Sixteen characters as Okta's ids have; the number makes it unique.
        document = {"id": f"{PREFIXES[kind]}{number:013d}1d7", "status": "ACTIVE", **stamps()} | values
        match kind:
            case "authorizationServers":
                document |= {"issuer": self.issuer or f"{self.url}/oauth2/{document['id']}", "default": False}
                self.lists[f"{path}/{document['id']}/scopes"] = [
                    {"id": f"scp{number}{name}", "name": name, "system": True, "consent": "IMPLICIT", "metadataPublish": "ALL_CLIENTS", "default": False}
                    for name in SYSTEM_SCOPES
                ]  # fmt: skip
            case "scopes":
                del document["status"]
                document = {"system": False, "optional": False, "apiResourceId": None} | document
            case "groups":
                del document["status"]
                document |= {"objectClass": ["okta:user_group"], "type": values.get("type", "OKTA_GROUP")}
            case "policies" | "rules":
                document = {"system": False, "priority": len(self.items(path)) + 1} | document
            case "apps":
                self._client(document)
        document["_links"] = {"self": {"href": f"{self.url}/api/v1/{path}/{document['id']}"}}
        self.items(path).append(document)
        return document

    def _client(self, document: Document) -> None:
        client = document["credentials"]["oauthClient"]
        client |= {"client_id": document["id"], "autoKeyRotation": True}
        if client["token_endpoint_auth_method"].startswith("client_secret"):
            secret = f"made-up-{document['id']}"
            client["client_secret"] = secret
            self.lists[f"apps/{document['id']}/credentials/secrets"] = [
                {"id": f"ocs{document['id']}", "client_secret": secret, "secret_hash": "x", "status": "ACTIVE", **stamps()}
            ]  # fmt: skip
        document["accessibility"] = {"selfService": False, "errorRedirectUrl": None, "loginRedirectUrl": None}
        # Okta writes null for what was not given.
        document["settings"]["oauthClient"] = {"client_uri": None, "logo_uri": None, "redirect_uris": [], "participate_slo": False, "issuer_mode": "ORG_URL"} | document["settings"]["oauthClient"]  # fmt: skip

    def answer(self, method: str, target: str, body: Document | None, token: str) -> tuple[int, Any, dict[str, str]]:
        """Return status, document and headers, or raise `RefusedError`."""
        parts = urlsplit(target)
        path = parts.path.removeprefix("/api/v1/")
        self.requests.append((method, path))
        number = len(self.requests)
        if not token.startswith("SSWS "):
            raise RefusedError(401, "E0000005", "Invalid session")
        if token != f"SSWS {TOKEN}":
            raise RefusedError(401, "E0000011", "Invalid token provided")
        self.before(number, method, path)
        operation = operation_of(method, parts.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if unknown := set(query) - set(operation.get("query", ())):
            raise invalid("query", f"unknown {sorted(unknown)}")
        if method == "GET":
            found = self._read(path, query)
        else:
            self.changes.append((method, path))
            found = self._write(method, path, operation, body)
        self.after(number, method, path)
        return operation["status"], *found

    def _read(self, path: str, query: dict[str, str]) -> tuple[Any, dict[str, str]]:
        parent = path.rsplit("/", 1)[0]
        if path not in self.lists and path.count("/") % 2:
            return self._one(path), {}
        if path.count("/") >= 2 and not path.endswith("secrets"):
            self._one(parent)
        rows = [each for each in self.items(path) if name_of(each).startswith(query.get("q", ""))]
        if path == "apps" and query.get("includeNonDeleted") != "true":
            rows = [each for each in rows if each["status"] == "ACTIVE"]
        size = min(int(query.get("limit", 20)), self.page)
        # Policies and rules come whole, and a search for groups has no pages.
        if path.endswith(("policies", "rules")) or (path == "groups" and "q" in query):
            return rows, {}
        start = next((place + 1 for place, each in enumerate(rows) if each["id"] == query.get("after")), 0)
        shown = rows[start : start + size]
        links = [f'<{self.url}/api/v1/{path}?{urlencode(query)}>; rel="self"']
        if start + size < len(rows):
            following = urlencode(query | {"after": shown[-1]["id"]})
            links.append(f'<{self.url}/api/v1/{path}?{following}>; rel="next"')
        return shown, {"Link": ", ".join(links)}

    def _write(self, method: str, path: str, operation: Document, body: Document | None) -> tuple[Any, dict[str, str]]:
        if path.endswith("/lifecycle/activate"):
            self._one(path.removesuffix("/lifecycle/activate"))["status"] = "ACTIVE"
            return (None if operation["status"] == 204 else {}), {}
        if body is None:
            raise RefusedError(400, "E0000003", "The request body was not well-formed.")
        check(body, CONTRACT["schemas"][operation["body"]], strict=method == "POST")
        self.bodies.append(body)
        if assignment := re.fullmatch(r"(apps/\w+/groups)/(\w+)", path):
            return self._assign(*assignment.groups()), {}
        self._semantics(path, body)
        if method == "POST":
            if "/" in path:
                self._one(path.rsplit("/", 1)[0])
            self._unique(path, body)
            return self.add(path, **json.loads(json.dumps(body))), {}
        stored = self._one(path)
        for name, value in body.items():
            if name not in {"id", "created", "lastUpdated", "_links", "status"}:
                stored[name] = value
        stored["lastUpdated"] = stamps()["lastUpdated"]
        return stored, {}

    def _one(self, path: str) -> Document:
        parent, _, key = path.rpartition("/")
        for each in self.lists.get(parent, ()):
            if each["id"] == key or (parent == "authorizationServers" and key == "default" == each["name"]):
                return each
        raise RefusedError(404, "E0000007", f"Not found: Resource not found: {key}")

    def _assign(self, path: str, group: str) -> Document:
        self._one(path.removesuffix("/groups"))
        self._one(f"groups/{group}")
        row = {"id": group, "priority": len(self.items(path)), "profile": {}}
        self.lists[path] = [each for each in self.items(path) if each["id"] != group] + [row]
        return row

    def _unique(self, path: str, body: Document) -> None:
        """Refuse a second object with a name; applications alone can share one."""
        if path != "apps" and any(name_of(each) == name_of(body) for each in self.items(path)):
            raise invalid("name", "An object with this field already exists in the current organization")

    def _semantics(self, path: str, body: Document) -> None:
        conditions = body.get("conditions", {})
        for client in conditions.get("clients", {}).get("include", []):
            if client != "ALL_CLIENTS" and client not in {each["id"] for each in self.items("apps")}:
                raise invalid("conditions.clients.include", "Resource not found")
        people = conditions.get("people", {})
        named = [*people.get("groups", {}).get("include", []), *people.get("users", {}).get("include", [])]
        if set(conditions.get("grantTypes", {}).get("include", [])) & WITH_PEOPLE and not named:
            raise invalid("conditions.people", "must contain a valid user or group")
        groups = {"EVERYONE", *(each["id"] for each in self.items("groups"))}
        if not set(people.get("groups", {}).get("include", [])) <= groups:
            raise invalid("conditions.people.groups.include", "Resource not found")
        if "/rules" in path:
            server = re.match(r"authorizationServers/\w+", path)
            assert server
            scopes = {"*", *(each["name"] for each in self.items(f"{server[0]}/scopes"))}
            if unknown := set(conditions.get("scopes", {}).get("include", [])) - scopes:
                raise invalid("conditions.scopes.include", f"unknown {sorted(unknown)}")


def name_of(document: Document) -> str:
    """Return the name by which an object is known."""
    profile = document.get("profile") or {}
    return str(document.get("label") or profile.get("name") or document.get("name") or "")


def stamps() -> dict[str, str]:
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    return {"created": now, "lastUpdated": now}


def operation_of(method: str, path: str) -> Document:
    """Return the OpenAPI's operation for a request, or raise `RefusedError`."""
    for template, operations in CONTRACT["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", r"[^/]+", template), path):
            if method not in operations:
                raise RefusedError(405, "E0000022", "The endpoint does not support the provided HTTP method")
            operation: Document = operations[method]
            return operation
    raise RefusedError(404, "E0000007", "Not found")


def check(value: Any, schema: Document, *, strict: bool, path: str = "") -> None:
    """Raise `RefusedError` for a value that its schema does not allow."""
    if "properties" in schema:
        if not isinstance(value, dict):
            raise invalid(path or "body", "must be an object")
        for name in schema.get("required", ()):
            if name not in value:
                raise invalid(f"{path}.{name}".strip("."), "The field cannot be left blank")
        for name, part in value.items():
            if name in schema["properties"]:
                check(part, schema["properties"][name], strict=strict, path=f"{path}.{name}".strip("."))
            elif strict:
                raise invalid(f"{path}.{name}".strip("."), "unknown")
        return
    kinds = {"string": str, "boolean": bool, "integer": int, "array": list, "object": dict}
    if value is None and not strict:
        return
    if not isinstance(value, kinds[schema["type"]]):
        raise invalid(path, f"must be of type {schema['type']}")
    allowed = schema.get("enum") or schema.get("items")
    if allowed and not set(value if isinstance(value, list) else [value]) <= set(allowed):
        raise invalid(path, f"must be one of {allowed}")


@contextmanager
def running(organisation: Organisation) -> Iterator[Organisation]:
    """Serve the organisation's API on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One packet an answer: two would wait for each other (Nagle's algorithm and delayed acknowledgements).
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_PUT(self) -> None:
            self._answer()

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            headers = dict[str, str]()
            try:
                body = json.loads(raw) if raw else None
                status, document, headers = organisation.answer(
                    self.command, self.path, body, self.headers.get("Authorization", "")
                )
            except RefusedError as refused:
                status, document = refused.status, refused.document
            except ConnectionError:
                self.close_connection = True
                return
            if status == 429:
                headers["X-Rate-Limit-Reset"] = str(int(time.time()) + 30)
            content = b"" if status == 204 else json.dumps(document).encode()
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Date", formatdate(usegmt=True))
            self.send_header("X-Okta-Request-Id", f"request-{len(organisation.requests)}")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    organisation.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield organisation
    finally:
        server.shutdown()
        server.server_close()
