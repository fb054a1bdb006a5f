"""The SMS sandbox as a separate process, over real HTTP; a small server stands in for the system's webhooks."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest

from local.africastalking.callbacks import OTHER_NUMBER
from sales.africastalking.answers import Kind, Outcome
from sales.africastalking.client import Provider

ROOT = Path(__file__).parents[3]
NUMBER = "+254700072929"
FORM = "application/x-www-form-urlencoded"
REAL_201 = (
    b'{"SMSMessageData":{"Message":"Sent to 1/1 Total Cost: USD 0.0079 Message parts: 1","Recipients":[{'
    b'"cost":"KES 0.8000","messageId":"ATXid_bcc7830d645ab7207ecc747d02f28411","number":"+254700072929","status":"Success","statusCode":102}]}}'
)


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for known, value in self.headers if known.lower() == name.lower()), None)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def recipient(self) -> dict[str, Any]:
        return self.json["SMSMessageData"]["Recipients"][0]


class Webhooks(ThreadingHTTPServer):
    """Records posts and their connections; answers `statuses` one by one, then 200.

    Like the system's own webhooks, it accepts one secret and has no other address.
    """

    daemon_threads = True

    def __init__(self, port: int, state: Path) -> None:
        super().__init__(("127.0.0.1", port), _Webhook)
        self.state = state
        self.posts: list[tuple[str, dict[str, str]]] = []
        self.connections: list[socket.socket] = []
        self.statuses: list[int] = []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        # Otherwise reports keep coming after the test.
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def statuses_of(self, message_id: str) -> list[str]:
        return [form["status"] for _, form in self.posts if form.get("id") == message_id]


class _Webhook(BaseHTTPRequestHandler):
    server: Webhooks
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.server.connections.append(self.connection)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        assert self.headers["Content-Type"] == FORM
        self.server.posts.append((self.path, {name: values[0] for name, values in parse_qs(body).items()}))
        secret = (self.server.state / "webhook-secret").read_text().strip()
        usual = 200 if self.path.endswith(f"/{secret}") else 404
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else usual)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Sandbox:
    """The process under test; `port` is the system's, the sandbox listens on port + 2."""

    port: int
    state: Path
    environ: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environ = {**os.environ, "PORT": str(self.port), "SALES_STATE": str(self.state)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local.africastalking.server"], cwd=ROOT, env={**environ, **self.environ}
        )
        eventually(self._listens)

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port + 2)) == 0

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(20)

    def call(self, method: str, path: str, body: bytes | None = None, timeout: float = 5, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port + 2, timeout=timeout)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def put(self, **behaviour: Any) -> Answer:
        return self.call("PUT", "/_sandbox/behaviour", json.dumps(behaviour).encode())

    def send(self, to: str = NUMBER, message: str = "Hello", timeout: float = 5, **fields: str) -> Answer:
        form = urlencode({"username": "sandbox", "to": to, "message": message, "bulkSMSMode": 1, **fields}).encode()
        return self.call("POST", "/version1/messaging", form, timeout, apiKey=self.key, Content_Type=FORM)

    @property
    def key(self) -> str:
        return (self.state / "sms-api-key").read_text().strip()

    def processor_seconds(self) -> float:
        """Return the processor time that the process has used (proc(5))."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def provider(self, deadline: float = 5.0) -> Provider:
        """Return the product's own client."""
        address = f"http://127.0.0.1:{self.port + 2}"
        return Provider("sandbox", self.key, endpoint=address, sender="SHOP", deadline_seconds=deadline)

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Return every request to send that it received."""
        requests: list[dict[str, Any]] = self.call("GET", "/_sandbox/requests").json["requests"]
        return requests

    @property
    def messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.call("GET", "/_sandbox/messages").json["messages"]
        return messages


def eventually(holds: Callable[[], Any], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def free_port() -> int:
    while True:
        with socket.socket() as first, socket.socket() as third:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                third.bind(("127.0.0.1", port + 2))
            except (OSError, OverflowError):
                continue
            return port


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    process = Sandbox(free_port(), tmp_path_factory.mktemp("state"), {"SMS_SENDER": "SHOP"})
    process.start()
    yield process
    assert process.stop() == 0


@pytest.fixture
def sandbox(shared: Sandbox) -> Iterator[Sandbox]:
    """One process for all tests that do not stop it, with the default behaviour but without reports."""
    assert shared.put(delivery="none").status == 200
    return shared


@pytest.fixture
def webhooks(shared: Sandbox) -> Iterator[Webhooks]:
    with Webhooks(shared.port, shared.state) as server:
        yield server


# Africa's Talking's answers


def test_an_accepted_text_is_answered_as_by_the_real_sandbox(sandbox: Sandbox) -> None:
    answer = sandbox.send(enqueue="1")
    assert answer.status == 201
    assert answer.header("Content-Type") == "application/json"
    assert answer.header("Content-Length") == "235"
    assert [value for name, value in answer.headers if name == "Server"] == ["akka-http/10.2.10"]
    assert re.sub(rb"ATXid_[0-9a-f]{32}", b"ATXid_bcc7830d645ab7207ecc747d02f28411", answer.body) == REAL_201


def test_without_enqueue_0_a_text_is_queued_and_with_it_sent(sandbox: Sandbox) -> None:
    assert sandbox.send().recipient["statusCode"] == 102
    assert sandbox.send(enqueue="0").recipient["statusCode"] == 101


def test_a_long_text_is_priced_by_its_segments(sandbox: Sandbox) -> None:
    answer = sandbox.send(message="x" * 161)
    assert answer.json["SMSMessageData"]["Message"] == "Sent to 1/1 Total Cost: USD 0.0158 Message parts: 2"
    assert answer.recipient["cost"] == "KES 1.6000"


def test_the_same_request_twice_is_two_texts(sandbox: Sandbox) -> None:
    before = len(sandbox.messages)
    first, second = sandbox.send(message="once"), sandbox.send(message="once")
    assert first.recipient["messageId"] != second.recipient["messageId"]
    assert len(sandbox.messages) == before + 2


def test_a_recorded_text_has_everything_that_was_sent(sandbox: Sandbox) -> None:
    answer = sandbox.send(message="Habari Wanjikũ 😀 100 %\n+&=", **{"from": "SHOP"})
    message = sandbox.messages[-1]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", message.pop("recorded_at"))
    assert message == {
        "message_id": answer.recipient["messageId"],
        "to": NUMBER,
        "text": "Habari Wanjikũ 😀 100 %\n+&=",
        "from": "SHOP",
        "answer": "accept",
        "segments": 1,
        "encoding": message["encoding"],
        "cost": "KES 0.8000",
        "delivery": [],
    }


def test_each_recipient_has_its_own_id_and_status(sandbox: Sandbox) -> None:
    answer = sandbox.send(to=f"{NUMBER},+254700000403,+254704590344")
    first, refused, last = answer.json["SMSMessageData"]["Recipients"]
    assert answer.json["SMSMessageData"]["Message"] == "Sent to 2/3 Total Cost: USD 0.0158 Message parts: 1"
    assert first["messageId"] != last["messageId"]
    assert refused["messageId"] == "None"


def test_a_paid_account_is_answered_with_parts_and_its_own_currency(sandbox: Sandbox) -> None:
    sandbox.put(live=True, delivery="none")
    answer = sandbox.send(to=f"{NUMBER},+254700000403", message="x" * 161)
    first, refused = answer.json["SMSMessageData"]["Recipients"]
    assert answer.json["SMSMessageData"]["Message"] == "Sent to 1/2 Total Cost: KES 1.6000"
    assert list(first) == ["cost", "messageId", "messageParts", "number", "status", "statusCode"]
    assert (first["messageParts"], first["cost"]) == (2, "KES 1.6000")
    assert "messageParts" not in refused


def test_a_request_is_recorded_with_headers_and_fields_but_without_the_key(sandbox: Sandbox) -> None:
    before = len(sandbox.requests)
    sandbox.put(
        script=["accept", "status:403", "http:429", "drop_before", "drop_after", "http503_after"], delivery="none"
    )
    answer = sandbox.send(message="a]", **{"from": "SHOP"})
    sandbox.send()
    sandbox.send()
    for _ in range(2):
        with pytest.raises(ConnectionError):
            sandbox.send()
    sandbox.send()
    sandbox.call("POST", "/version1/messaging", b"")
    found = sandbox.requests[before:]
    first = found[0]
    assert first["fields"] == {"username": "sandbox", "to": NUMBER, "message": "a]", "bulkSMSMode": "1", "from": "SHOP"}
    assert (first["segments"], first["message_ids"]) == (1, [answer.recipient["messageId"]])
    assert {name.lower(): value for name, value in first["headers"].items()}["content-type"] == FORM
    assert first["headers"]["apiKey"] == "(redacted)"
    assert sandbox.key not in json.dumps(found)
    # A dropped request was read all the same; an unauthorized one was not.
    assert [each["fields"] is not None for each in found] == [True] * 6 + [False]
    assert [(each["answer"], each["http_status"], len(each["message_ids"])) for each in found] == [
        ("accept", 201, 1),
        ("status:403", 201, 0),
        ("http:429", 429, 0),
        ("drop_before", None, 0),
        ("drop_after", None, 1),
        ("http503_after", 503, 1),
        ("accept", 401, 0),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers for all of 127.0.0.0/8")
def test_it_listens_on_one_loopback_address_only(sandbox: Sandbox) -> None:
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.2", sandbox.port + 2)) != 0


def test_a_sender_id_that_is_not_registered_refuses_the_request(sandbox: Sandbox) -> None:
    before = len(sandbox.messages)
    for sender in ("NOBODY", ""):
        answer = sandbox.send(**{"from": sender})
        assert answer.status == 201
        assert answer.body == b'{"SMSMessageData":{"Message":"InvalidSenderId","Recipients":[]}}'
    assert sandbox.send(**{"from": "AFRICASTKNG"}).recipient["status"] == "Success"
    assert len(sandbox.messages) == before + 1


def test_a_request_without_a_key_is_unauthorized_before_its_body_is_read(sandbox: Sandbox) -> None:
    answer = sandbox.call("POST", "/version1/messaging", b"{}", Content_Type="application/json")
    assert answer.status == 401
    assert answer.body == b"The resource requires authentication, which was not supplied with the request"
    assert answer.header("WWW-Authenticate") == 'Basic realm="api",charset=UTF-8'


def test_a_wrong_key_or_user_name_is_unauthorized(sandbox: Sandbox) -> None:
    right = {"apiKey": sandbox.key}
    for name, headers in (("sandbox", {"apiKey": "wrong"}), ("shop", right), ("Sandbox", right)):
        form = urlencode({"username": name, "to": NUMBER, "message": "x"}).encode()
        answer = sandbox.call("POST", "/version1/messaging", form, Content_Type=FORM, **headers)
        assert answer.status == 401
        assert answer.body == b"The supplied authentication is invalid"
        assert answer.header("Content-Type") == "text/plain; charset=UTF-8"
        assert answer.header("WWW-Authenticate") == 'Basic realm="api",charset=UTF-8'


def test_a_changed_key_applies_to_the_next_request(sandbox: Sandbox) -> None:
    old = sandbox.key
    try:
        (sandbox.state / "sms-api-key").write_text("another\n")
        headers = {"apiKey": old, "Content_Type": FORM}
        form = urlencode({"username": "sandbox", "to": NUMBER, "message": "x"}).encode()
        assert sandbox.call("POST", "/version1/messaging", form, **headers).status == 401
        assert sandbox.send().status == 201
    finally:
        (sandbox.state / "sms-api-key").write_text(f"{old}\n")


@pytest.mark.parametrize("missing", ["username", "to", "message"])
def test_a_missing_field_is_named(sandbox: Sandbox, missing: str) -> None:
    fields = {"username": "sandbox", "to": NUMBER, "message": "x"}
    del fields[missing]
    headers = {"apiKey": sandbox.key, "Content_Type": FORM}
    answer = sandbox.call("POST", "/version1/messaging", urlencode(fields).encode(), **headers)
    assert answer.status == 400
    assert answer.body == f"Request is missing required form field '{missing}'".encode()


def test_a_malformed_request_is_refused_in_akkas_words(sandbox: Sandbox) -> None:
    key = {"apiKey": sandbox.key}
    answer = sandbox.call("POST", "/version1/messaging", b"{}", Content_Type="application/json", **key)
    assert answer.status == 415
    assert answer.body.startswith(b"The request's Content-Type [application/json] is not supported. Expected:")
    answer = sandbox.call("POST", "/version1/messaging/bulk", b"{}", **key)
    assert (answer.status, answer.body) == (404, b"The requested resource could not be found.")
    answer = sandbox.call("PUT", "/version1/messaging", b"", **key)
    assert (answer.status, answer.body) == (405, b"HTTP method not allowed, supported methods: GET, POST")
    answer = sandbox.call("GET", "/version1/messaging", **key)
    assert (answer.status, answer.body) == (404, b"Request is missing required query parameter 'username'")
    assert sandbox.call("GET", "/version1/messaging?username=sandbox", **key).json == {
        "SMSMessageData": {"Messages": []}
    }


def test_an_unencoded_plus_sign_makes_an_invalid_number(sandbox: Sandbox) -> None:
    form = f"username=sandbox&to={NUMBER}&message=x".encode()
    answer = sandbox.call("POST", "/version1/messaging", form, apiKey=sandbox.key, Content_Type=FORM)
    assert answer.body == (
        b'{"SMSMessageData":{"Message":"Sent to 0/1 Total Cost: 0","Recipients":[{"cost":"0","messageId":"None",'
        b'"number":" 254700072929","status":"InvalidPhoneNumber","statusCode":403}]}}'
    )


@pytest.mark.parametrize("code", [401, 402, 403, 404, 405, 406, 407, 408, 409, 500, 501, 502])
def test_a_magic_number_is_refused_with_its_code(sandbox: Sandbox, code: int) -> None:
    before = len(sandbox.messages)
    answer = sandbox.send(to=f"+254700000{code}")
    assert answer.status == (409 if code == 409 else 201)
    assert answer.json["SMSMessageData"]["Message"] == "Sent to 0/1 Total Cost: 0"
    assert (answer.recipient["statusCode"], answer.recipient["messageId"], answer.recipient["cost"]) == (
        code,
        "None",
        "0",
    )
    assert len(sandbox.messages) == before


# Behaviours


def test_a_script_is_used_up_one_answer_per_request_then_the_default_applies(sandbox: Sandbox) -> None:
    before = len(sandbox.messages)
    sandbox.put(
        script=["status:405", "http:429", "http:500", "bad_key", "bad_sender", "status:101"],
        default="http:502",
        delivery="none",
    )
    assert sandbox.send().recipient["status"] == "InsufficientBalance"
    assert sandbox.send().status == 429
    assert sandbox.call("GET", "/_sandbox/behaviour").json["script"][0] == "http:500"
    assert sandbox.send().body == b"There was an internal server error."
    assert sandbox.send().body == b"The supplied authentication is invalid"
    assert sandbox.send().json["SMSMessageData"] == {"Message": "InvalidSenderId", "Recipients": []}
    assert sandbox.send().recipient["statusCode"] == 101
    assert sandbox.send().status == sandbox.send().status == 502
    assert [message["answer"] for message in sandbox.messages[before:]] == ["status:101"]


def test_a_text_is_recorded_if_the_connection_drops_after_it_but_not_before(sandbox: Sandbox) -> None:
    before = len(sandbox.messages)
    sandbox.put(script=["drop_before", "drop_after"], delivery="none")
    for expected in (0, 1):
        with pytest.raises(ConnectionError):
            sandbox.send()
        assert len(sandbox.messages) == before + expected
    assert sandbox.messages[-1]["answer"] == "drop_after"


def test_a_text_whose_answer_hangs_is_recorded(sandbox: Sandbox) -> None:
    before = len(sandbox.messages)
    sandbox.put(script=["hang_after"], delivery="none")
    with pytest.raises(TimeoutError):
        sandbox.send(timeout=0.3)
    assert [message["answer"] for message in sandbox.messages[before:]] == ["hang_after"]


def test_a_text_whose_answer_is_lost_or_unreadable_is_recorded(sandbox: Sandbox) -> None:
    before = len(sandbox.messages)
    sandbox.put(
        script=["http503_after", "http504_after", "html_after", "accept_charset", "garbage_after"], delivery="none"
    )
    answer = sandbox.send()
    assert answer.status == 503
    assert answer.body == (
        b"The server was not able to produce a timely response to your request.\r\nPlease try again in a short while!"
    )
    answer = sandbox.send()
    assert (answer.status, answer.header("Content-Type")) == (504, "text/html")
    assert b"<h1>504 Gateway Timeout</h1>" in answer.body
    answer = sandbox.send()
    assert (answer.status, answer.header("Content-Type")) == (201, "text/html")
    assert answer.body.startswith(b"<html>")
    answer = sandbox.send()
    assert (answer.status, answer.header("Content-Type")) == (201, "application/json; charset=UTF-8")
    assert answer.recipient["status"] == "Success"
    answer = sandbox.send()
    assert (answer.status, answer.header("Content-Type")) == (201, "application/json")
    with pytest.raises(ValueError, match=r".+"):
        assert answer.json
    assert [message["answer"] for message in sandbox.messages[before:]] == [
        "http503_after",
        "http504_after",
        "html_after",
        "accept_charset",
        "garbage_after",
    ]


def test_a_dripping_answer_sends_a_byte_each_half_second(sandbox: Sandbox) -> None:
    sandbox.put(script=["drip"], delivery="none")
    form = urlencode({"username": "sandbox", "to": NUMBER, "message": "x"}).encode()
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port + 2, timeout=5)
    began = time.monotonic()
    connection.request("POST", "/version1/messaging", form, {"apiKey": sandbox.key, "Content-Type": FORM})
    response = connection.getresponse()
    assert response.getheader("Content-Length") == "235"
    assert response.read(4) == b'{"SM'
    # Three pauses. A busy machine makes them longer, never shorter.
    assert time.monotonic() - began >= 1.4
    connection.close()
    assert sandbox.messages[-1]["answer"] == "drip"


def test_a_refusal_is_never_lost(sandbox: Sandbox) -> None:
    before = len(sandbox.messages)
    sandbox.put(script=["drop_after"], delivery="none")
    assert sandbox.send(to="+254700000403").recipient["status"] == "InvalidPhoneNumber"
    assert len(sandbox.messages) == before


def test_a_redirect_shows_whether_the_key_comes_along(sandbox: Sandbox) -> None:
    before = len(sandbox.messages)
    sandbox.put(script=["redirect"], delivery="none")
    answer = sandbox.send()
    location = answer.header("Location")
    assert answer.status == 307
    assert location is not None
    assert sandbox.call("GET", "/_sandbox/leaks").json == {"leaks": []}
    address, path = location.removeprefix("http://").split("/", 1)
    assert address.partition(":")[0] == "localhost"
    assert address.partition(":")[2] != str(sandbox.port + 2)
    connection = http.client.HTTPConnection(address, timeout=5)
    connection.request("POST", f"/{path}", b"to=x", {"apiKey": sandbox.key})
    assert connection.getresponse().status == 404
    connection.close()
    (leak,) = sandbox.call("GET", "/_sandbox/leaks").json["leaks"]
    assert (leak["api_key"], leak["body"]) == (True, True)
    assert len(sandbox.messages) == before


def test_a_key_that_is_accepted_only_after_a_while_is_a_script(sandbox: Sandbox) -> None:
    sandbox.put(script=["bad_key"] * 3, delivery="none")
    assert [sandbox.send().status for _ in range(4)] == [401, 401, 401, 201]


def test_an_outage_refuses_connections_and_old_ones_get_one_more_answer(sandbox: Sandbox) -> None:
    before = len(sandbox.messages)
    kept = http.client.HTTPConnection("127.0.0.1", sandbox.port + 2, timeout=30)
    kept.request("GET", "/_sandbox/behaviour")
    kept.getresponse().read()
    provider = sandbox.provider()
    assert sandbox.call("POST", "/_sandbox/outage", b'{"ms": 1500}').json == {"ms": 1500}
    with pytest.raises(ConnectionRefusedError):
        sandbox.send()
    assert provider.send(NUMBER, "x") == Outcome(Kind.not_sent, "connect_failed")
    kept.request("GET", "/_sandbox/messages")
    response = kept.getresponse()
    assert response.getheader("Connection") == "close"
    assert len(json.loads(response.read())["messages"]) == before
    kept.close()
    eventually(sandbox._listens)
    assert provider.send(NUMBER, "x").kind is Kind.accepted


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"ms": 0}', b'{"ms": true}', b'{"ms": "1"}', b'{"ms": 600001}'])
def test_an_outage_has_a_length(sandbox: Sandbox, body: bytes) -> None:
    assert sandbox.call("POST", "/_sandbox/outage", body).status == 400
    assert sandbox._listens()


# How the product reads the answers


@pytest.mark.parametrize(
    ("answer", "kind", "reason", "taken"),
    [
        ("accept", Kind.accepted, "Queued", 1),
        ("accept_charset", Kind.accepted, "Queued", 1),
        ("status:100", Kind.accepted, "Processed", 1),
        ("status:101", Kind.accepted, "Sent", 1),
        ("status:102", Kind.accepted, "Queued", 1),
        ("status:401", Kind.refused, "RiskHold", 0),
        ("status:402", Kind.misconfigured, "InvalidSenderId", 0),
        ("status:403", Kind.refused, "InvalidPhoneNumber", 0),
        ("status:404", Kind.refused, "UnsupportedNumberType", 0),
        ("status:405", Kind.deferred, "InsufficientBalance", 0),
        ("status:406", Kind.refused, "UserInBlacklist", 0),
        ("status:407", Kind.refused, "CouldNotRoute", 0),
        ("status:408", Kind.unknown, "code_408", 0),
        ("status:409", Kind.deferred, "DoNotDisturbRejection", 0),
        ("status:500", Kind.deferred, "InternalServerError", 0),
        ("status:501", Kind.deferred, "GatewayError", 0),
        ("status:502", Kind.refused, "RejectedByGateway", 0),
        ("http:400", Kind.refused, "http_400", 0),
        ("http:403", Kind.misconfigured, "http_403", 0),
        ("http:429", Kind.deferred, "http_429", 0),
        ("http:500", Kind.unknown, "http_500", 0),
        ("http:502", Kind.unknown, "http_502", 0),
        ("http:503", Kind.unknown, "http_503", 0),
        ("http:504", Kind.unknown, "http_504", 0),
        ("bad_key", Kind.misconfigured, "bad_key", 0),
        ("bad_sender", Kind.misconfigured, "InvalidSenderId", 0),
        ("redirect", Kind.misconfigured, "http_307", 0),
        ("drop_before", Kind.unknown, "connection_lost", 0),
        ("drop_after", Kind.unknown, "connection_lost", 1),
        ("hang_after", Kind.unknown, "timeout", 1),
        ("http503_after", Kind.unknown, "http_503", 1),
        ("http504_after", Kind.unknown, "http_504", 1),
        ("garbage_after", Kind.unknown, "unreadable_answer", 1),
        ("html_after", Kind.unknown, "unreadable_answer", 1),
        ("drip", Kind.unknown, "timeout", 1),
    ],
)
def test_the_product_understands_each_answer(
    sandbox: Sandbox, answer: str, kind: Kind, reason: str, taken: int
) -> None:
    before, leaks = len(sandbox.messages), sandbox.call("GET", "/_sandbox/leaks").json
    sandbox.put(script=[answer], delivery="none")
    outcome = sandbox.provider(deadline=1 if answer in {"hang_after", "drip"} else 20).send(NUMBER, "x")
    assert (outcome.kind, outcome.reason) == (kind, reason)
    messages = sandbox.messages[before:]
    assert len(messages) == taken
    assert outcome.message_id == (messages[0]["message_id"] if kind is Kind.accepted else None)
    # The client sent neither key nor text to the other host.
    assert sandbox.call("GET", "/_sandbox/leaks").json == leaks


def test_the_product_reads_the_answer_of_a_paid_account(sandbox: Sandbox) -> None:
    sandbox.put(live=True, delivery="none")
    outcome = sandbox.provider().send(NUMBER, "x" * 161)
    assert (outcome.kind, outcome.reason, outcome.cost) == (Kind.accepted, "Queued", "KES 1.6000")


def test_latency_delays_the_answer_but_not_the_text(sandbox: Sandbox) -> None:
    before = len(sandbox.messages)
    sandbox.put(latency_ms=2000, delivery="none")
    with ThreadPoolExecutor() as threads:
        began = time.monotonic()
        answer = threads.submit(sandbox.send)
        eventually(lambda: len(sandbox.messages) > before)
        assert not answer.done()
        assert answer.result().status == 201
        assert time.monotonic() - began >= 2


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        ({"default": "perhaps"}, "'perhaps' is not an answer"),
        ({"script": ["accept", "status:1"]}, "'status:1' is not an answer"),
        ({"script": "accept"}, "script must be a list"),
        ({"delivery": "maybe"}, "delivery must be one of"),
        ({"latency_ms": -1}, "latency_ms must be a whole number"),
        ({"delivery_delay_ms": True}, "delivery_delay_ms must be a whole number"),
        ({"live": 1}, "live must be true or false"),
        *(
            ({"balance": wrong}, "balance must be a currency and an amount")
            for wrong in (
                "",
                "5.00",
                "KES",
                "KES five",
                "kes 5.00",
                "KES  5",
                "KES 5.00000",
                "KES ٥",
                "KES NaN",
                5,
                None,
            )
        ),
        ({"defualt": "accept"}, "Unknown: defualt"),
    ],
)
def test_a_bad_behaviour_is_refused_with_a_sentence(sandbox: Sandbox, behaviour: dict[str, Any], sentence: str) -> None:
    before = sandbox.call("GET", "/_sandbox/behaviour").json
    answer = sandbox.put(**behaviour)
    assert answer.status == 400
    assert sentence in answer.json["detail"]
    assert sandbox.call("GET", "/_sandbox/behaviour").json == before
    assert sandbox.call("PUT", "/_sandbox/behaviour", b"{").json["detail"] == "The body must be JSON."


def test_a_behaviour_replaces_the_previous_one_whole(sandbox: Sandbox) -> None:
    sandbox.put(script=["bad_key"], default="http:503", latency_ms=1, delivery="failed", delivery_delay_ms=1)
    assert sandbox.put().json == {
        "script": [],
        "default": "accept",
        "latency_ms": 0,
        "delivery": "success",
        "delivery_delay_ms": 300,
        "live": False,
        "balance": "KES 1000000.00",
    }


# The account


def balance(sandbox: Sandbox) -> str:
    answer = sandbox.call("GET", "/version1/user?username=sandbox", apiKey=sandbox.key)
    assert (answer.status, answer.header("Content-Type")) == (200, "application/json")
    [(name, user)] = answer.json.items()
    assert (name, user.keys()) == ("UserData", {"balance"})
    return str(user["balance"])


def test_each_accepted_text_lowers_the_balance_by_its_cost(sandbox: Sandbox) -> None:
    assert balance(sandbox) == "KES 1000000.00"
    sandbox.put(balance="KES 100", delivery="none")
    sandbox.send()
    assert balance(sandbox) == "KES 99.20"
    sandbox.send(message="x" * 161)
    assert balance(sandbox) == "KES 97.60"
    sandbox.send(to=f"{NUMBER},+254700000403,{NUMBER}")
    assert balance(sandbox) == "KES 96.00"
    assert sandbox.call("GET", "/_sandbox/behaviour").json["balance"] == "KES 96.00"
    assert sandbox.put(delivery="none").json["balance"] == balance(sandbox) == "KES 1000000.00"


def test_an_account_in_dollars_pays_the_price_in_dollars(sandbox: Sandbox) -> None:
    sandbox.put(balance="USD 0.0158", delivery="none")
    sandbox.send()
    assert balance(sandbox) == "USD 0.0079"
    assert [sandbox.send().recipient["statusCode"] for _ in range(2)] == [102, 405]
    assert balance(sandbox) == "USD 0.00"


@pytest.mark.parametrize("lost", ["drop_after", "garbage_after"])
def test_a_text_whose_answer_is_lost_is_paid_too(sandbox: Sandbox, lost: str) -> None:
    sandbox.put(script=[lost], balance="KES 1.60", delivery="none")
    with suppress(http.client.HTTPException, ConnectionError):
        sandbox.send()
    assert balance(sandbox) == "KES 0.80"


def test_refused_texts_and_readings_cost_nothing_and_leave_the_script(sandbox: Sandbox) -> None:
    sandbox.put(script=["http:503", "bad_sender", "status:407"], balance="KES 1.60", delivery="none")
    assert balance(sandbox) == "KES 1.60"
    assert sandbox.send().status == 503
    sandbox.send()
    assert sandbox.send().recipient["statusCode"] == 407
    assert balance(sandbox) == "KES 1.60"


def test_an_account_that_cannot_pay_the_next_text_refuses_it_with_405(sandbox: Sandbox) -> None:
    sandbox.put(balance="KES 1.60", delivery="none")
    before = len(sandbox.messages)
    assert sandbox.send(message="x" * 307).recipient["statusCode"] == 405
    assert sandbox.send(message="x" * 161).recipient["statusCode"] == 102
    answer = sandbox.send()
    assert answer.status == 201
    assert answer.recipient == {
        "cost": "0",
        "messageId": "None",
        "number": NUMBER,
        "status": "InsufficientBalance",
        "statusCode": 405,
    }
    assert len(sandbox.messages) == before + 1
    assert balance(sandbox) == "KES 0.00"


def test_recipients_of_one_request_share_the_balance(sandbox: Sandbox) -> None:
    sandbox.put(balance="KES 1.60", delivery="none")
    answer = sandbox.send(to=",".join([NUMBER] * 3))
    statuses = [recipient["statusCode"] for recipient in answer.json["SMSMessageData"]["Recipients"]]
    assert statuses == [102, 102, 405]


def test_an_empty_account_leaves_no_answer_to_lose(sandbox: Sandbox) -> None:
    sandbox.put(default="drop_after", balance="KES 0.79", delivery="none")
    assert sandbox.send().recipient["statusCode"] == 405


def test_the_balance_needs_the_key_and_the_user_name(sandbox: Sandbox) -> None:
    address = "/version1/user?username=sandbox"
    assert (
        sandbox.call("GET", address).body
        == b"The resource requires authentication, which was not supplied with the request"
    )
    for path, key in ((address, "another"), ("/version1/user?username=shop", sandbox.key)):
        answer = sandbox.call("GET", path, apiKey=key)
        assert (answer.status, answer.body) == (401, b"The supplied authentication is invalid")
    assert sandbox.call("GET", "/version1/user", apiKey=sandbox.key).status == 404
    assert sandbox.call("POST", address, b"", apiKey=sandbox.key).status == 405


def test_the_balance_survives_a_kill(tmp_path: Path) -> None:
    sandbox = Sandbox(free_port(), tmp_path / "state")
    sandbox.start()
    sandbox.put(balance="KES 5.00", delivery="none")
    sandbox.send()
    sandbox.stop(signal.SIGKILL)
    sandbox.start()
    assert balance(sandbox) == "KES 4.20"
    sandbox.stop()


# Delivery reports and opt-outs


@pytest.mark.parametrize(
    ("delivery", "statuses"),
    [
        ("success", ["Submitted", "Success"]),
        ("failed", ["Submitted", "Failed"]),
        ("absent", ["Submitted", "AbsentSubscriber"]),
        ("none", []),
        ("duplicate", ["Submitted", "Success", "Success"]),
        ("out_of_order", ["Success", "Submitted"]),
        ("stages", ["Sent", "Submitted", "Success"]),
        ("buffered", ["Buffered", "Success"]),
        ("late", ["Submitted", "AbsentSubscriber", "Success"]),
        ("expired", ["Submitted", "Expired"]),
        ("rejected", ["Submitted", "Rejected"]),
        ("blacklisted", ["Submitted", "Rejected"]),
    ],
)
def test_each_delivery_has_its_reports(
    sandbox: Sandbox, webhooks: Webhooks, delivery: str, statuses: list[str]
) -> None:
    # Far enough apart for a busy machine to post them one by one.
    sandbox.put(delivery=delivery, delivery_delay_ms=1000)
    message_id = sandbox.send().recipient["messageId"]

    def reports() -> list[dict[str, Any]]:
        return next(each["delivery"] for each in sandbox.messages if each["message_id"] == message_id)

    eventually(lambda: not any(report["pending"] for report in reports()))
    # The list has every due report from the start, so no more will come.
    assert [report["status"] for report in reports()] == statuses
    assert all(report["http_status"] == 200 and report["genuine"] for report in reports())
    assert webhooks.statuses_of(message_id) == statuses


@pytest.mark.parametrize(("delivery", "status"), [("unknown_id", 200), ("wrong_number", 200), ("wrong_token", 404)])
def test_a_forged_report_is_posted_too_and_does_not_change_the_text(
    sandbox: Sandbox, webhooks: Webhooks, delivery: str, status: int
) -> None:
    sandbox.put(delivery=delivery, delivery_delay_ms=100)
    message_id = sandbox.send(to="+254700004444").recipient["messageId"]

    def reports() -> list[dict[str, Any]]:
        return next(each["delivery"] for each in sandbox.messages if each["message_id"] == message_id)

    eventually(lambda: not any(report["pending"] for report in reports()))
    assert [(each["status"], each["genuine"], each["http_status"], each["tries"]) for each in reports()] == [
        ("Submitted", True, 200, 1),
        ("Success", False, status, 1),
    ]
    secret = (sandbox.state / "webhook-secret").read_text().strip()
    path, form = next(post for post in webhooks.posts if post[1]["status"] == "Success")
    assert path.startswith("/webhooks/africastalking/delivery/")
    assert (path.endswith(secret), form["id"] == message_id, form["phoneNumber"]) == (
        delivery != "wrong_token",
        delivery != "unknown_id",
        OTHER_NUMBER if delivery == "wrong_number" else "+254700004444",
    )
    (phone,) = [
        each for each in sandbox.call("GET", "/_sandbox/phones").json["phones"] if each["number"].endswith("4444")
    ]
    assert phone["messages"][0]["state"] == "submitted"


def test_reports_share_a_few_connections(sandbox: Sandbox, webhooks: Webhooks) -> None:
    sandbox.put(delivery="stages", delivery_delay_ms=10)
    for _ in range(20):
        sandbox.send()
    eventually(lambda: len(webhooks.posts) == 60)
    assert len(webhooks.connections) <= 8


def test_a_report_has_africas_talkings_fields_and_the_secret_in_its_address(
    sandbox: Sandbox, webhooks: Webhooks
) -> None:
    sandbox.put(delivery="failed", delivery_delay_ms=0)
    message_id = sandbox.send().recipient["messageId"]
    eventually(lambda: len(webhooks.posts) == 2)
    path, form = next(post for post in webhooks.posts if post[1]["status"] == "Failed")
    secret = (sandbox.state / "webhook-secret").read_text().strip()
    assert path == f"/webhooks/africastalking/delivery/{secret}"
    assert form == {
        "id": message_id,
        "status": "Failed",
        "phoneNumber": NUMBER,
        "networkCode": "99999",
        "retryCount": "0",
        "failureReason": "DeliveryFailure",
    }


def test_a_report_can_come_before_the_answer(sandbox: Sandbox, webhooks: Webhooks) -> None:
    sandbox.put(delivery="before_answer", delivery_delay_ms=10_000)
    message_id = sandbox.send().recipient["messageId"]
    assert webhooks.statuses_of(message_id) == ["Success"]


def test_a_text_whose_answer_was_lost_has_its_report_too(sandbox: Sandbox, webhooks: Webhooks) -> None:
    sandbox.put(script=["drop_after"], delivery_delay_ms=20)
    with pytest.raises(ConnectionError):
        sandbox.send()
    eventually(lambda: webhooks.statuses_of(sandbox.messages[-1]["message_id"]) == ["Submitted", "Success"])


def test_a_report_that_the_webhook_refused_is_posted_again(sandbox: Sandbox, webhooks: Webhooks) -> None:
    webhooks.statuses = [500, 503]
    sandbox.put(delivery="before_answer")
    message_id = sandbox.send().recipient["messageId"]
    eventually(lambda: webhooks.statuses_of(message_id) == ["Success"] * 3)
    eventually(lambda: sandbox.messages[-1]["delivery"][0]["tries"] == 3)
    assert sandbox.messages[-1]["delivery"][0]["pending"] is False


def test_a_new_webhook_secret_applies_to_the_next_report(sandbox: Sandbox, webhooks: Webhooks) -> None:
    path = sandbox.state / "webhook-secret"
    old = path.read_text()
    try:
        path.write_text("rotated\n")
        sandbox.put(delivery="before_answer")
        sandbox.send()
        assert webhooks.posts[-1][0] == "/webhooks/africastalking/delivery/rotated"
    finally:
        path.write_text(old)


def test_opting_out_calls_back_and_refuses_texts_until_opting_in(sandbox: Sandbox, webhooks: Webhooks) -> None:
    number = "+254700001111"
    answer = sandbox.call("POST", "/_sandbox/optout", json.dumps({"phoneNumber": number}).encode())
    assert answer.status == 200
    eventually(lambda: webhooks.posts)
    secret = (sandbox.state / "webhook-secret").read_text().strip()
    assert webhooks.posts == [
        (f"/webhooks/africastalking/optout/{secret}", {"senderId": "SHOP", "phoneNumber": number})
    ]
    refused = sandbox.send(to=number).recipient
    assert (refused["status"], refused["statusCode"], refused["messageId"]) == ("UserInBlacklist", 406, "None")
    assert sandbox.call("GET", "/_sandbox/optout").json == {"opted_out": [number]}
    assert sandbox.call("DELETE", f"/_sandbox/optout/{number}").status == 204
    assert sandbox.send(to=number).recipient["status"] == "Success"


def test_only_a_number_can_opt_out(sandbox: Sandbox) -> None:
    for body in (b"{", b"[]", b"{}", b'{"phoneNumber": 254700001111}', b'{"phoneNumber": "mum"}'):
        assert sandbox.call("POST", "/_sandbox/optout", body).status == 400


def test_pages_of_other_sites_cannot_use_the_controls(sandbox: Sandbox) -> None:
    body = json.dumps({"phoneNumber": NUMBER}).encode()
    assert sandbox.call("POST", "/_sandbox/optout", body, Origin="https://example.com").status == 403


# State


def test_texts_reports_and_behaviour_survive_a_kill(tmp_path: Path) -> None:
    sandbox = Sandbox(free_port(), tmp_path / "state")
    sandbox.start()
    sandbox.put(script=["accept", "http:503"], delivery="success", delivery_delay_ms=1000)
    message_id = sandbox.send(message="before the kill").recipient["messageId"]
    number = b'{"phoneNumber": "+254700001111"}'
    assert sandbox.call("POST", "/_sandbox/optout", number).status == 200
    sandbox.stop(signal.SIGKILL)
    with Webhooks(sandbox.port, sandbox.state) as webhooks:
        sandbox.start()
        assert [message["message_id"] for message in sandbox.messages] == [message_id]
        assert sandbox.send().status == 503
        assert sandbox.send(to="+254700001111").recipient["statusCode"] == 406
        eventually(lambda: set(webhooks.statuses_of(message_id)) == {"Submitted", "Success"})
        eventually(lambda: any("/optout/" in path for path, _ in webhooks.posts))
    assert sandbox.stop(signal.SIGINT) == 0


def test_missing_secrets_are_created_for_this_user_only(tmp_path: Path) -> None:
    sandbox = Sandbox(free_port(), tmp_path / "state")
    sandbox.start()
    assert sandbox.stop() == 0
    for name in ("sms-api-key", "webhook-secret"):
        path = sandbox.state / name
        assert path.stat().st_mode & 0o777 == 0o600
        assert len(path.read_text().splitlines()) == 1
        assert len(path.read_text().strip()) >= 32


def test_it_stops_immediately_while_answers_hang(tmp_path: Path) -> None:
    sandbox = Sandbox(free_port(), tmp_path / "state")
    sandbox.start()
    sandbox.put(default="hang_after", delivery="none")
    with pytest.raises(TimeoutError):
        sandbox.send(timeout=0.1)
    # Long before the answer would have timed out.
    assert sandbox.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads a process's time from /proc")
def test_it_accepts_300_texts_a_second_of_processor_time(sandbox: Sandbox) -> None:
    before = len(sandbox.messages)

    def send(count: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", sandbox.port + 2, timeout=10)
        form = urlencode({"username": "sandbox", "to": NUMBER, "message": "x"}).encode()
        headers = {"apiKey": sandbox.key, "Content-Type": FORM}
        for _ in range(count):
            connection.request("POST", "/version1/messaging", form, headers)
            connection.getresponse().read()
        connection.close()

    began = sandbox.processor_seconds()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(send, [150] * 4))
    # Its own processor time, however busy the machine is.
    assert sandbox.processor_seconds() - began < 2
    messages = sandbox.messages[before:]
    assert len({message["message_id"] for message in messages}) == 600
    assert [message["recorded_at"] for message in messages] == sorted(message["recorded_at"] for message in messages)


# The page


def test_the_page_allows_only_its_own_files(sandbox: Sandbox) -> None:
    page = sandbox.call("GET", "/")
    policy = page.header("Content-Security-Policy")
    assert page.status == 200
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    html = page.body.decode()
    assert not re.search(r"<style|<script(?![^>]*src=)|\son\w+=|\sstyle=|https?://", html)
    for path in re.findall(r'(?:src|href)="(/[\w.]+)"', html):
        assert sandbox.call("GET", path).status == 200


@pytest.mark.usefixtures("webhooks")
def test_the_page_reads_phones_newest_first_and_only_what_changed(sandbox: Sandbox) -> None:
    sandbox.put(delivery="before_answer")
    sandbox.send(to="+254700002222", message="first")
    sandbox.send(to="+254700003333", message="other")
    sandbox.put(delivery="none", script=["drop_after"])
    with pytest.raises(ConnectionError):
        sandbox.send(to="+254700002222", message="second")
    data = sandbox.call("GET", "/_sandbox/phones")
    first, second = data.json["phones"][:2]
    assert (first["number"], second["number"]) == ("+254700002222", "+254700003333")
    assert [(text["text"], text["state"], text["answer_lost"]) for text in first["messages"]] == [
        ("second", "taken", True),
        ("first", "delivered", False),
    ]
    tag = data.header("ETag")
    assert tag is not None
    assert sandbox.call("GET", "/_sandbox/phones", If_None_Match=tag).status == 304
    sandbox.send()
    assert sandbox.call("GET", "/_sandbox/phones", If_None_Match=tag).status == 200
