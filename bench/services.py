"""The services that measured functions call: the local store, a recording relay in front of it, and a quick provider."""

import copy
import http.client
import json
import ssl
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from deployment.template import Template, load
from local.aws import dynamodb as store
from local.config import Config
from tests.support.system import free_ports, start_database

IDEMPOTENCY_TABLE = {
    "TableName": "idempotency",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def body(self) -> bytes:
        """Return the request's body."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        """Answer the request."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@contextmanager
def serving(handler: type[_Handler], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve until the context ends; yield the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"{'https://localhost' if tls else 'http://127.0.0.1'}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Provider(_Handler):
    """Accepts every text at once; also answers as Secrets Manager."""

    def do_POST(self) -> None:
        """Answer a text or a request for a secret."""
        self.body()
        if "x-amz-target" in self.headers:
            self.answer(200, b'{"SecretString":"key","Name":"key"}', "application/x-amz-json-1.1")
            return
        recipient = {
            "statusCode": 101,
            "number": "+254704590344",
            "status": "Success",
            "cost": "KES 0.8000",
            "messageId": f"ATXid_{uuid.uuid4().hex}",
        }
        self.answer(201, json.dumps({"SMSMessageData": {"Message": "Sent to 1/1", "Recipients": [recipient]}}).encode())


@dataclass
class Call:
    """One request to the store, with the capacity it consumed."""

    operation: str
    parameters: dict[str, Any]
    capacity: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_read(self) -> bool:
        """Return whether it is a read."""
        return self.operation in ("GetItem", "Query", "BatchGetItem")

    @property
    def units(self) -> float:
        """Return its capacity units, tables and indexes together."""
        return sum(float(each["CapacityUnits"]) for each in self.capacity)


@contextmanager
def recording(url: str) -> Iterator[tuple[str, list[Call]]]:
    """Run a relay in front of the store that asks for each call's consumed capacity; yield its address and the calls."""
    calls: list[Call] = []
    parts = urlsplit(url)

    class Relay(_Handler):
        """Forwards and records."""

        def do_POST(self) -> None:
            """Forward a call and record it."""
            request = json.loads(self.body())
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            call = Call(operation, copy.deepcopy(request))
            request["ReturnConsumedCapacity"] = "INDEXES"
            headers = {
                name: self.headers[name] for name in ("X-Amz-Target", "X-Amz-Date", "Authorization", "Content-Type")
            }
            connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
            connection.request("POST", "/", json.dumps(request), headers)
            response = connection.getresponse()
            answer = response.read()
            connection.close()
            capacity = json.loads(answer).get("ConsumedCapacity", [])
            call.capacity = capacity if isinstance(capacity, list) else [capacity]
            calls.append(call)
            self.answer(response.status, answer, "application/x-amz-json-1.0")

    with serving(Relay) as address:
        yield address, calls


@dataclass
class Store:
    """A running store, and the template whose tables it has."""

    url: str
    template: Template
    client: store.DatabaseClient
    name: str
    pid: int

    def put(self, table: str, item: dict[str, Any]) -> None:
        """Store an item."""
        self.client.call("PutItem", {"TableName": table, "Item": item})


@contextmanager
def running_store(folder: Path) -> Iterator[Store]:
    """Run the local system's store with the template's tables, and one for Powertools' idempotency."""
    config = Config(port=free_ports(), state=folder, settings={})
    process = start_database(config)
    try:
        client = store.DatabaseClient(config.database_url)
        store.index_stream(config)
        template = load(config.template, config.parameters)
        store.prepare_tables(client, template)
        client.call("CreateTable", IDEMPOTENCY_TABLE)
        yield Store(config.database_url, template, client, store.choose(config).name, process.pid)
    finally:
        process.kill()
        process.wait()
