"""What an answer of Africa's Talking means, and what a network without one does."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from sales.africastalking.answers import Kind, Outcome, classify
from sales.africastalking.client import Gateway

NUMBER, KEY = "+254704590344", "atsk_secret"
# Of a server that keeps its caller waiting; whoever waits for it by mistake is noticed long before, on a busy machine too.
PATIENCE = 60.0
SOON = 20.0
SENT = '{"SMSMessageData":{"Message":"Sent to 1/1","Recipients":[{"cost":"KES 0.8000","messageId":"ATXid_1","number":"+254704590344","status":"Success","statusCode":101}]}}'


def body(**recipient: Any) -> bytes:
    whole = {"cost": "0", "messageId": "None", "number": NUMBER, "status": "x", **recipient}
    return json.dumps({"SMSMessageData": {"Message": "m", "Recipients": [whole]}}).encode()


@pytest.mark.parametrize("code", [100, 101, 102])
def test_an_accepted_text_has_its_id_and_cost(code: int) -> None:
    found = classify(201, body(statusCode=code, messageId="ATXid_1", cost="KES 0.8000"))
    assert (found.kind, found.message_id, found.cost) == (Kind.accepted, "ATXid_1", "KES 0.8000")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (401, Kind.refused),
        (402, Kind.misconfigured),
        (403, Kind.refused),
        (404, Kind.refused),
        (405, Kind.deferred),
        (406, Kind.refused),
        (407, Kind.refused),
        (409, Kind.refused),
        (500, Kind.deferred),
        (501, Kind.deferred),
        (502, Kind.refused),
        (408, Kind.unknown),
        (999, Kind.unknown),
    ],
)
def test_a_recipients_code_decides(code: int, kind: Kind) -> None:
    found = classify(201, body(statusCode=code))
    assert found.kind is kind
    assert found.message_id is None
    assert found.opted_out is (code == 406)


@pytest.mark.parametrize("code", [500, 501, 405, None, 999])
def test_a_real_id_means_that_the_gateway_has_the_text_whatever_else_it_says(code: int | None) -> None:
    found = classify(201, body(statusCode=code, messageId="ATXid_9"))
    assert (found.kind, found.message_id) == (Kind.accepted, "ATXid_9")


@pytest.mark.parametrize("code", [401, 403, 406, 502])
def test_a_refusal_for_good_stays_one_even_with_a_real_id(code: int) -> None:
    found = classify(201, body(statusCode=code, messageId="ATXid_9"))
    assert (found.kind, found.opted_out) == (Kind.refused, code == 406)
    # Its report, if there is one, must find the text.
    assert found.message_id == "ATXid_9"


@pytest.mark.parametrize("given", ["9", "ATX", {}, 7])
def test_an_id_of_another_shape_leaves_open_what_would_be_sent_again(given: Any) -> None:
    assert [classify(201, body(statusCode=code, messageId=given)).kind for code in (101, 405, 402, 403)] == [
        Kind.unknown, Kind.unknown, Kind.unknown, Kind.refused,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        ("UserInBlackList", Kind.refused, "UserInBlacklist"),
        ("invalidphonenumber", Kind.refused, "InvalidPhoneNumber"),
        ("InvalidSenderId", Kind.misconfigured, "InvalidSenderId"),
        ("InsufficientBalance", Kind.deferred, "InsufficientBalance"),
        ("Could Not Send", Kind.deferred, "Could Not Send"),
        ("Success", Kind.unknown, "unnamed"),
        ("Sent", Kind.unknown, "no_message_id"),
        ("SomethingNew", Kind.unknown, "unnamed"),
    ],
)
@pytest.mark.parametrize("given", [None, "None"])
def test_without_a_code_the_name_decides(status: str, kind: Kind, reason: str, given: str | None) -> None:
    found = classify(201, body(status=status, messageId=given))
    assert (found.kind, found.reason) == (kind, reason)
    assert found.opted_out is (reason == "UserInBlacklist")


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (201, b'{"SMSMessageData":{"Message":"InvalidSenderId","Recipients":[]}}', Kind.misconfigured),
        (409, body(statusCode=409), Kind.refused),
        (201, body(statusCode=101), Kind.unknown),
        (201, body(statusCode="405"), Kind.unknown),
        (201, json.dumps({"SMSMessageData": {"Recipients": [{"statusCode": 403}] * 2}}).encode(), Kind.unknown),
        (500, body(statusCode=405), Kind.deferred),
        (503, SENT.encode(), Kind.accepted),
        (201, b"", Kind.unknown),
        (201, b"<html>", Kind.unknown),
        (201, SENT.encode()[:40], Kind.unknown),
        (201, b'{"SMSMessageData": []}', Kind.unknown),
        (201, b'{"SMSMessageData": {"Message": "x", "Recipients": []}}', Kind.unknown),
        (201, b"[]", Kind.unknown),
        (201, b'{"a":' * 100_000, Kind.unknown),
        (301, b"", Kind.misconfigured),
        (307, b"", Kind.misconfigured),
        (400, b"Request is missing required form field 'to'", Kind.refused),
        (401, b"The supplied authentication is invalid", Kind.misconfigured),
        (403, b"The supplied authentication is not authorized", Kind.misconfigured),
        (404, b"The requested resource could not be found.", Kind.refused),
        (405, b"", Kind.refused),
        (406, b"Resource representation is only available with these types:", Kind.refused),
        (413, b"", Kind.refused),
        (415, b"", Kind.refused),
        (418, b"", Kind.refused),
        (429, b"", Kind.deferred),
        (500, b"There was an internal server error.", Kind.unknown),
        (502, b"<html>", Kind.unknown),
        (503, b"The server was not able to produce a timely response", Kind.unknown),
        (504, b"", Kind.unknown),
    ],
)
def test_an_answer_without_a_recipient_is_read_by_its_status(status: int, answer: bytes, kind: Kind) -> None:
    assert classify(status, answer).kind is kind


def whole_request(connection: socket.socket) -> bytes:
    """One request, head and body; empty at the end."""
    request = b""
    while b"\r\n\r\n" not in request:
        if not (part := connection.recv(65536)):
            return b""
        request += part
    head, _, form = request.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(form) < length:
        form += connection.recv(65536)
    return head + b"\r\n\r\n" + form


type Talk = Callable[[socket.socket, bytes], None]


@contextmanager
def serving(
    talk: Talk, certificate: Path | None = None, *, handshake_after: threading.Event | None = None
) -> Iterator[tuple[str, list[bytes]]]:
    """A server that hands each request to `talk`; its address and the requests it got."""
    listener = socket.create_server(("127.0.0.1", 0))
    got: list[bytes] = []
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
    if tls and certificate:
        tls.load_cert_chain(certificate)

    def one(connection: socket.socket) -> None:
        with ExitStack() as open_, suppress(OSError):
            open_.enter_context(connection)
            if tls:
                if handshake_after:
                    handshake_after.wait(PATIENCE)
                connection = open_.enter_context(tls.wrap_socket(connection, server_side=True))
            while request := whole_request(connection):
                got.append(request)
                talk(connection, request)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", got
    finally:
        listener.close()


def answer(text: str, content_type: str = "application/json", status: str = "201 Created", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(text.encode())}\r\n{extra}\r\n"
    return (head + text).encode()


def send(talk: Talk, deadline: float = 5.0) -> tuple[Outcome, list[bytes], float]:
    with serving(talk) as (address, got):
        gateway = Gateway("sandbox", KEY + "\n", endpoint=address, sender="SHOP", deadline_seconds=deadline)
        began = time.monotonic()
        return gateway.send(NUMBER, "Hi é €"), got, time.monotonic() - began


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=UTF-8", "text/plain"])
def test_a_text_goes_out_as_the_sdk_writes_it_and_the_answer_is_read_whatever_its_type(content_type: str) -> None:
    outcome, [request], _ = send(lambda connection, _: connection.sendall(answer(SENT, content_type)))
    assert outcome == Outcome(Kind.accepted, "Sent", "ATXid_1", "KES 0.8000")
    head, _, form = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /version1/messaging HTTP/1.1")
    assert b"apiKey: atsk_secret\r\n" in head
    assert form == b"username=sandbox&to=%2B254704590344&message=Hi+%C3%A9+%E2%82%AC&bulkSMSMode=1&from=SHOP"


def test_connections_are_kept_between_texts() -> None:
    connections = set()

    def talk(connection: socket.socket, _: bytes) -> None:
        connections.add(connection.getpeername())
        connection.sendall(answer(SENT))

    with serving(talk) as (address, got):
        gateway = Gateway("sandbox", KEY, endpoint=address)
        assert all(gateway.send(NUMBER, "x").kind is Kind.accepted for _ in range(5))
    assert (len(got), len(connections)) == (5, 1)


def test_a_redirect_is_not_followed_and_the_key_stays_here() -> None:
    with serving(lambda connection, _: connection.sendall(answer(SENT))) as (trap, trapped):
        location = f"Location: {trap}/version1/messaging\r\n"
        outcome, _, _ = send(lambda connection, _: connection.sendall(answer("", status="307 x", extra=location)))
    assert (outcome.kind, outcome.reason) == (Kind.misconfigured, "http_307")
    assert trapped == []


def test_a_redirect_to_nowhere_is_configuration_too() -> None:
    outcome, _, _ = send(
        lambda connection, _: connection.sendall(answer("", status="302 x", extra="Location: http://[\r\n"))
    )
    assert (outcome.kind, outcome.reason) == (Kind.misconfigured, "http_302")


@pytest.mark.parametrize("idle", [21, -5], ids=["after a long pause", "after the clock was put back"])
def test_a_connection_that_may_have_been_forgotten_is_not_used_again(
    idle: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def talk(connection: socket.socket, _: bytes) -> None:
        connection.sendall(answer(SENT))
        connection.recv(1, socket.MSG_PEEK)  # nobody hears that this side is gone, until they write
        reset(connection, b"")

    with serving(talk) as (address, got):
        gateway = Gateway("sandbox", KEY, endpoint=address)
        now = time.time()
        monkeypatch.setattr("sales.africastalking.transport.time.time", lambda: now)
        assert gateway.send(NUMBER, "x").kind is Kind.accepted
        monkeypatch.setattr("sales.africastalking.transport.time.time", lambda: now + idle)
        assert gateway.send(NUMBER, "x").kind is Kind.accepted
    assert len(got) == 2


def test_a_connection_that_is_refused_sent_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gateway = Gateway("sandbox", KEY, endpoint=f"http://127.0.0.1:{free.getsockname()[1]}")
        assert gateway.send(NUMBER, "x") == Outcome(Kind.not_sent, "connect_failed")


def test_a_name_that_is_not_there_sent_nothing() -> None:
    gateway = Gateway("sandbox", KEY, endpoint="https://gateway.invalid", deadline_seconds=5)
    assert gateway.send(NUMBER, "x").kind is Kind.not_sent


def test_a_server_that_takes_no_more_connections_was_sent_nothing_and_the_deadline_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Else a connection gives up by itself, and nobody could say which limit it was.
    monkeypatch.setattr("sales.africastalking.client._CONNECT_SECONDS", PATIENCE)
    with socket.socket() as full, ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        gateway = Gateway("sandbox", KEY, endpoint=f"http://127.0.0.1:{full.getsockname()[1]}", deadline_seconds=0.5)
        began = time.monotonic()
        assert gateway.send(NUMBER, "x") == Outcome(Kind.not_sent, "connect_timeout")
        assert time.monotonic() - began < SOON


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + made.public_bytes(Encoding.PEM))
    return path


class TestTls:
    def gateway(self, address: str, certificate: Path | None, deadline: float = 5.0) -> Gateway:
        made = Gateway("sandbox", KEY, endpoint=address.replace("http:", "https:"), deadline_seconds=deadline)
        if certificate:
            made._service._session.verify = str(certificate)
        return made

    def test_connections_are_kept(self, certificate: Path) -> None:
        connections = set()

        def talk(connection: socket.socket, _: bytes) -> None:
            connections.add(connection.getpeername())
            connection.sendall(answer(SENT))

        with serving(talk, certificate) as (address, got):
            gateway = self.gateway(address, certificate)
            assert [gateway.send(NUMBER, "x").kind for _ in range(3)] == [Kind.accepted] * 3
        assert (len(got), len(connections)) == (3, 1)

    def test_a_certificate_nobody_vouches_for_gets_nothing(self, certificate: Path) -> None:
        with serving(hang, certificate) as (address, got):
            assert self.gateway(address, None).send(NUMBER, "x") == Outcome(Kind.not_sent, "connect_failed")
        assert got == []

    def test_what_is_trusted_is_read_once_and_not_for_each_connection(
        self, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reads = []

        def where() -> str:
            reads.append(1)
            return str(certificate)

        monkeypatch.setattr("certifi.where", where)
        with serving(lambda connection, _: connection.sendall(answer(SENT)), certificate) as (address, _):
            gateway = self.gateway(address, None)
            # Side by side, so that each has a connection of its own.
            with ThreadPoolExecutor(5) as threads:
                kinds = [outcome.kind for outcome in threads.map(lambda _: gateway.send(NUMBER, "x"), range(5))]
        assert (kinds, len(reads)) == ([Kind.accepted] * 5, 1)

    def test_a_certificate_for_another_host_gets_nothing(
        self, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("certifi.where", lambda: str(certificate))
        with serving(hang, certificate) as (address, got):
            there = address.replace("127.0.0.1", "localhost")
            assert self.gateway(there, None).send(NUMBER, "x") == Outcome(Kind.not_sent, "connect_failed")
        assert got == []

    def test_a_server_without_tls_gets_nothing(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))

        def plain() -> None:
            with suppress(OSError), listener.accept()[0] as connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(65536)

        threading.Thread(target=plain, daemon=True).start()
        with listener:
            address = f"https://127.0.0.1:{listener.getsockname()[1]}"
            assert self.gateway(address, None).send(NUMBER, "x") == Outcome(Kind.not_sent, "connect_failed")

    def test_the_deadline_holds_and_frees_the_thread_that_waits(self, certificate: Path) -> None:
        with serving(hang, certificate) as (address, got):
            gateway = self.gateway(address, certificate, deadline=0.5)
            began = time.monotonic()
            assert gateway.send(NUMBER, "x") == Outcome(Kind.unknown, "timeout")
            gateway._threads.shutdown(wait=True)
            assert time.monotonic() - began < SOON
        assert len(got) == 1

    def test_a_connection_that_stands_only_after_the_deadline_carries_nothing(
        self, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sales.africastalking.client._CONNECT_SECONDS", PATIENCE)
        given_up = threading.Event()
        with serving(hang, certificate, handshake_after=given_up) as (address, got):
            gateway = self.gateway(address, certificate, deadline=0.4)
            assert gateway.send(NUMBER, "x") == Outcome(Kind.not_sent, "connect_timeout")
            given_up.set()
            gateway._threads.shutdown(wait=True)
            time.sleep(0.2)
        assert got == []


def drip(connection: socket.socket, _: bytes) -> None:
    for byte in answer(SENT):
        connection.sendall(bytes([byte]))
        time.sleep(PATIENCE / 200)


def hang(connection: socket.socket, _: bytes) -> None:
    connection.settimeout(PATIENCE)
    connection.recv(1)


@pytest.mark.parametrize("talk", [drip, hang], ids=["an answer drop by drop", "no answer"])
def test_the_deadline_holds_and_leaves_the_text_unknown(talk: Talk) -> None:
    outcome, _, seconds = send(talk, deadline=0.5)
    assert (outcome.kind, outcome.reason) == (Kind.unknown, "timeout")
    assert seconds < SOON


def close(connection: socket.socket, _: bytes) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def reset(connection: socket.socket, _: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()


def half(connection: socket.socket, _: bytes) -> None:
    connection.sendall(answer(SENT)[:80])
    connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("talk", [close, reset, half])
def test_a_connection_that_breaks_after_the_request_leaves_the_text_unknown(talk: Talk) -> None:
    outcome, _, _ = send(talk)
    assert outcome.kind is Kind.unknown


def test_a_text_that_never_got_its_turn_was_not_sent() -> None:
    with serving(hang) as (address, got):
        gateway = Gateway("sandbox", KEY, endpoint=address, deadline_seconds=0.5, connections=1)
        outcomes: list[Outcome] = []
        threads = [threading.Thread(target=lambda: outcomes.append(gateway.send(NUMBER, "x"))) for _ in range(2)]
        for thread in threads:
            thread.start()
            time.sleep(0.02)
        for thread in threads:
            thread.join()
        assert {outcome.kind for outcome in outcomes} <= {Kind.unknown, Kind.not_sent}
        assert sum(outcome.kind is Kind.unknown for outcome in outcomes) == len(got)


@pytest.mark.parametrize(
    "number", ["0704590344", "+254704590344\n", "+٢٥٤٧٠٤٥٩٠٣٤٤", "", "+0704590344", "+2547045903440000"]
)
def test_what_is_no_e164_number_never_leaves(number: str) -> None:
    with serving(lambda connection, _: connection.sendall(answer(SENT))) as (address, got):
        assert Gateway("sandbox", KEY, endpoint=address).send(number, "x") == Outcome(Kind.refused, "invalid_number")
    assert got == []


@pytest.mark.parametrize("key", ["se\ncret", "secret\u200b", "“secret”", "sécret", "se cret", " "], ids=ascii)
def test_a_key_that_cannot_be_a_header_is_configuration_and_is_not_shown(key: str) -> None:
    with serving(lambda connection, _: connection.sendall(answer(SENT))) as (address, got):
        outcome = Gateway("sandbox", key, endpoint=address).send(NUMBER, "x")
    assert outcome == Outcome(Kind.misconfigured, "bad_key")
    assert got == []


def test_half_a_surrogate_pair_is_refused_for_good_and_a_line_break_is_not() -> None:
    with serving(lambda connection, _: connection.sendall(answer(SENT))) as (address, got):
        gateway = Gateway("sandbox", KEY, endpoint=address)
        assert gateway.send(NUMBER, "a\ud800") == Outcome(Kind.refused, "invalid_text")
        assert gateway.send(NUMBER, "a\nb").kind is Kind.accepted
    assert len(got) == 1


@pytest.mark.parametrize("endpoint", ["http://example.com", "http://127.0.0.1.example.com"])
def test_the_key_goes_out_over_https_or_stays_on_this_machine(endpoint: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Gateway("sandbox", KEY, endpoint=endpoint)


def test_without_an_endpoint_it_is_africas_talking_itself_and_its_sandbox_for_that_user() -> None:
    assert Gateway("sandbox", KEY)._service._baseUrl == "https://api.sandbox.africastalking.com/version1"
    assert Gateway("shop", KEY)._service._baseUrl == "https://api.africastalking.com/version1"
