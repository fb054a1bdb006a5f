"""A proxy between the system and its store; it fails at the step that a test names."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from sales.store.numbers import number_key


@dataclass
class Call:
    """One call to the store; `about` is the phone number of its order or customer."""

    operation: str
    body: dict[str, Any]
    about: str | None

    @property
    def step(self) -> str:
        """The step in an order's life."""
        status = self.body.get("Item", {}).get("sms", {}).get("M", {}).get("status", {}).get("S")
        if self.operation == "PutItem" and status:
            if self.body["Item"]["version"]["N"] == "1":
                return "create"
            return "claim" if status == "sending" else "settle"
        if self.operation == "PutItem" and self.body["Item"].get("id") == {"S": "control#sms"}:
            return "pause"
        if self.operation == "UpdateItem":
            if self.body["Key"].get("code", {}).get("S", "").startswith("number#"):
                return "number"
            if self.body["Key"].get("id", {}).get("S", "").startswith("day#"):
                return "day"
            values = self.body.get("ExpressionAttributeValues", {})
            steps = {":order": "link", ":report": "report", ":due": "keep"}
            return next((step for name, step in steps.items() if name in values), "UpdateItem")
        if self.operation == "Query":
            if self.body["ExpressionAttributeValues"].get(":shard") == {"S": "days"}:
                return "days"
            return {"by_due": "look", "by_number": "unsettled"}.get(self.body.get("IndexName", ""), "Query")
        if self.operation == "BatchGetItem" and "wording#" in str(self.body):
            # For a new order, with its customer; senders read pause, customers and numbers.
            return "compose"
        return {"BatchGetItem": "read", "GetItem": "get"}.get(self.operation, self.operation)


type Edit = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(eq=False)
class Fault:
    """A fault in the calls of a step: `refuse` does not pass them on, `lose` drops the answer; or `hold`, `hold_answer`."""

    step: str
    action: str = ""
    about: str | None = None
    times: int | None = None
    edit: Edit | None = None
    edit_answer: Edit | None = None
    met: int = 0
    # Calls whose answer is held back: the store has executed them.
    done: int = 0
    released: threading.Event = field(default_factory=threading.Event)


class Proxy:
    """Listens on its own port; faults may change at any time."""

    def __init__(self, store_port: int) -> None:
        self.store_port = store_port
        self.images: dict[str, dict[str, Any]] = {}
        self._numbers: dict[str, str] = {}
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def fault(self, fault: Fault) -> Iterator[Fault]:
        """Inject the fault until the block ends; then release the calls that it holds."""
        with self._lock:
            self._faults.append(fault)
        try:
            yield fault
        finally:
            with self._lock:
                self._faults.remove(fault)
            fault.released.set()

    def calls(self, operation: str, body: dict[str, Any]) -> list[Call]:
        """Return the call with the number it is about; for a transaction, each of its puts."""
        if operation == "TransactWriteItems":
            return [self._call("PutItem", part["Put"]) for part in body["TransactItems"]]
        return [self._call(operation, body)]

    def _call(self, operation: str, body: dict[str, Any]) -> Call:
        item = body.get("Item", {})
        number = item.get("phone_number") or item.get("sms", {}).get("M", {}).get("to")
        ids = [each for name in ("id", "code") if (each := item.get(name, {}).get("S"))]
        if number:
            for each in (*ids, number_key(number["S"])):
                self._numbers[each] = number["S"]
            if "sms" in item and item["version"]["N"] == "1":
                self.images[number["S"]] = item
            return Call(operation, body, number["S"])
        values = body.get("ExpressionAttributeValues", {})
        if ":number" in values:
            return Call(operation, body, values[":number"]["S"])
        if ":report" in values:
            return Call(operation, body, json.loads(values[":report"]["SS"][0])[0])
        keys = [body.get("Key", {})]
        for request in body.get("RequestItems", {}).values() if operation == "BatchGetItem" else ():
            keys += request["Keys"]
        ids = [value["S"] for key in keys for value in key.values()]
        ids.append(values.get(":order", {}).get("S", ""))
        return Call(operation, body, next((self._numbers[each] for each in ids if each in self._numbers), None))

    def meets(self, call: Call) -> list[Fault]:
        """Return the faults that apply to this call, and count it; at most one of them has an action."""
        with self._lock:
            faults = [
                fault
                for fault in self._faults
                if fault.step == call.step
                and fault.about in (None, call.about)
                and (fault.times is None or fault.met < fault.times)
            ]
            for fault in faults:
                fault.met += 1
        return faults


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore broken connections: killed processes leave them behind."""


class _Handler(BaseHTTPRequestHandler):
    proxy: ClassVar[Proxy]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    _store: HTTPConnection | None = None

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        body = json.loads(raw)
        met = [(call, self.proxy.meets(call)) for call in self.proxy.calls(operation, body)]
        faults = [fault for _, faults_met in met for fault in faults_met]
        fault = next((fault for fault in faults if fault.action), None)
        action = fault.action if fault else ""
        for call, faults_met in met:
            for each in faults_met:
                if each.edit:
                    call.body.update(each.edit(call.body))
                    raw = json.dumps(body).encode()
        if fault and action == "hold":
            fault.released.wait(30)
            action = fault.action
        if action == "refuse":
            return self._cut()
        try:
            status, kind, answer = self._ask(raw)
        except (OSError, HTTPException):
            return self._cut()
        if fault and action == "hold_answer":
            fault.done += 1
            fault.released.wait(30)
        if action == "lose":
            return self._cut()
        for each in faults:
            if each.edit_answer and status == 200:
                answer = json.dumps(each.edit_answer(json.loads(answer))).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        return None

    def _ask(self, raw: bytes) -> tuple[int, str, bytes]:
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in {"host", "content-length", "connection", "expect"}
        }
        for fresh in (False, True):
            if self._store is None or fresh:
                self._store = HTTPConnection("127.0.0.1", self.proxy.store_port, timeout=20)
                self._store.connect()
                self._store.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self._store.request("POST", "/", raw, headers)
                response = self._store.getresponse()
                return response.status, response.getheader("Content-Type", ""), response.read()
            except (OSError, HTTPException):
                if fresh:
                    raise
        raise AssertionError

    def _cut(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: Any) -> None:
        """Quiet."""
