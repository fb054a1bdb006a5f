"""A request to Africa's Talking on networks that fail, by what the provider's client then knows of the text."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from sales.africastalking.answers import Kind, Outcome
from sales.africastalking.client import Provider
from sales.africastalking.transport import RequestFailedError, Transport
from tests.support.provider import KEY, NUMBER, PATIENCE, SENT, Talk, answer, serving

SOON = 20.0


def close(connection: socket.socket, _: bytes) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def reset(connection: socket.socket, _: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()


def half(connection: socket.socket, _: bytes) -> None:
    connection.sendall(answer(SENT)[:80])
    connection.shutdown(socket.SHUT_RDWR)


def drip(connection: socket.socket, _: bytes) -> None:
    for byte in answer(SENT):
        connection.sendall(bytes([byte]))
        time.sleep(PATIENCE / 200)


def hang(connection: socket.socket, _: bytes) -> None:
    connection.settimeout(PATIENCE)
    connection.recv(1)


def send(talk: Talk, deadline: float = 5.0) -> tuple[Outcome, list[bytes], float]:
    with serving(talk) as (address, got):
        provider = Provider("sandbox", KEY + "\n", endpoint=address, sender="SHOP", deadline_seconds=deadline)
        began = time.monotonic()
        return provider.send(NUMBER, "Hi é €"), got, time.monotonic() - began


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=UTF-8", "text/plain"])
def test_a_text_goes_out_as_the_sdk_writes_it_and_answers_of_any_type_are_read(content_type: str) -> None:
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
        provider = Provider("sandbox", KEY, endpoint=address)
        assert all(provider.send(NUMBER, "x").kind is Kind.accepted for _ in range(5))
    assert (len(got), len(connections)) == (5, 1)


def test_a_redirect_is_not_followed_and_the_key_stays_here() -> None:
    with serving(lambda connection, _: connection.sendall(answer(SENT))) as (trap, trapped):
        location = f"Location: {trap}/version1/messaging\r\n"
        outcome, _, _ = send(lambda connection, _: connection.sendall(answer("", status="307 x", extra=location)))
    assert (outcome.kind, outcome.reason) == (Kind.misconfigured, "http_307")
    assert trapped == []


def test_a_redirect_to_nowhere_is_a_wrong_configuration_too() -> None:
    outcome, _, _ = send(
        lambda connection, _: connection.sendall(answer("", status="302 x", extra="Location: http://[\r\n"))
    )
    assert (outcome.kind, outcome.reason) == (Kind.misconfigured, "http_302")


@pytest.mark.parametrize("idle", [21, -5], ids=["after a long pause", "after the clock was put back"])
def test_a_connection_that_was_idle_for_too_long_is_not_used_again(
    idle: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def talk(connection: socket.socket, _: bytes) -> None:
        connection.sendall(answer(SENT))
        connection.recv(1, socket.MSG_PEEK)  # the other side hears that this one is gone only once it writes
        reset(connection, b"")

    with serving(talk) as (address, got):
        provider = Provider("sandbox", KEY, endpoint=address)
        now = time.time()
        monkeypatch.setattr("sales.africastalking.transport.time.time", lambda: now)
        assert provider.send(NUMBER, "x").kind is Kind.accepted
        monkeypatch.setattr("sales.africastalking.transport.time.time", lambda: now + idle)
        assert provider.send(NUMBER, "x").kind is Kind.accepted
    assert len(got) == 2


def test_a_connection_that_is_refused_sent_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        provider = Provider("sandbox", KEY, endpoint=f"http://127.0.0.1:{free.getsockname()[1]}")
        assert provider.send(NUMBER, "x") == Outcome(Kind.not_sent, "connect_failed")


def test_a_host_name_that_does_not_resolve_sent_nothing() -> None:
    provider = Provider("sandbox", KEY, endpoint="https://provider.invalid", deadline_seconds=5)
    assert provider.send(NUMBER, "x").kind is Kind.not_sent


def test_a_server_with_a_full_backlog_was_sent_nothing_and_the_deadline_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The time-out for connecting must not end the request before the deadline does.
    monkeypatch.setattr("sales.africastalking.transport._CONNECT_SECONDS", PATIENCE)
    with socket.socket() as full, ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        provider = Provider("sandbox", KEY, endpoint=f"http://127.0.0.1:{full.getsockname()[1]}", deadline_seconds=0.5)
        began = time.monotonic()
        assert provider.send(NUMBER, "x") == Outcome(Kind.not_sent, "connect_timeout")
        assert time.monotonic() - began < SOON


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + signed.public_bytes(Encoding.PEM))
    return path


class TestTls:
    def provider(self, address: str, certificate: Path | None, deadline: float = 5.0) -> Provider:
        provider = Provider("sandbox", KEY, endpoint=address.replace("http:", "https:"), deadline_seconds=deadline)
        if certificate:
            provider._transport._service._session.verify = str(certificate)
        return provider

    def test_connections_are_kept(self, certificate: Path) -> None:
        connections = set()

        def talk(connection: socket.socket, _: bytes) -> None:
            connections.add(connection.getpeername())
            connection.sendall(answer(SENT))

        with serving(talk, certificate) as (address, got):
            provider = self.provider(address, certificate)
            assert [provider.send(NUMBER, "x").kind for _ in range(3)] == [Kind.accepted] * 3
        assert (len(got), len(connections)) == (3, 1)

    def test_a_server_with_an_untrusted_certificate_gets_nothing(self, certificate: Path) -> None:
        with serving(hang, certificate) as (address, got):
            assert self.provider(address, None).send(NUMBER, "x") == Outcome(Kind.not_sent, "connect_failed")
        assert got == []

    def test_trusted_roots_are_read_once_and_not_for_each_connection(
        self, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reads = []

        def where() -> str:
            reads.append(1)
            return str(certificate)

        monkeypatch.setattr("certifi.where", where)
        with serving(lambda connection, _: connection.sendall(answer(SENT)), certificate) as (address, _):
            provider = self.provider(address, None)
            # At the same time, so that each needs its own connection.
            with ThreadPoolExecutor(5) as threads:
                kinds = [outcome.kind for outcome in threads.map(lambda _: provider.send(NUMBER, "x"), range(5))]
        assert (kinds, len(reads)) == ([Kind.accepted] * 5, 1)

    def test_a_server_with_a_certificate_for_another_host_gets_nothing(
        self, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("certifi.where", lambda: str(certificate))
        with serving(hang, certificate) as (address, got):
            elsewhere = address.replace("127.0.0.1", "localhost")
            assert self.provider(elsewhere, None).send(NUMBER, "x") == Outcome(Kind.not_sent, "connect_failed")
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
            assert self.provider(address, None).send(NUMBER, "x") == Outcome(Kind.not_sent, "connect_failed")

    def test_the_deadline_frees_the_thread_that_waits(self, certificate: Path) -> None:
        with serving(hang, certificate) as (address, got):
            provider = self.provider(address, certificate, deadline=0.5)
            began = time.monotonic()
            assert provider.send(NUMBER, "x") == Outcome(Kind.unknown, "timeout")
            provider._transport._threads.shutdown(wait=True)
            assert time.monotonic() - began < SOON
        assert len(got) == 1

    def test_a_connection_made_after_the_deadline_carries_nothing(
        self, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sales.africastalking.transport._CONNECT_SECONDS", PATIENCE)
        given_up = threading.Event()
        with serving(hang, certificate, handshake_after=given_up) as (address, got):
            provider = self.provider(address, certificate, deadline=0.4)
            assert provider.send(NUMBER, "x") == Outcome(Kind.not_sent, "connect_timeout")
            given_up.set()
            provider._transport._threads.shutdown(wait=True)
            time.sleep(0.2)
        assert got == []


@pytest.mark.parametrize("talk", [drip, hang], ids=["an answer byte by byte", "no answer"])
def test_the_deadline_holds_and_leaves_the_text_unknown(talk: Talk) -> None:
    outcome, _, seconds = send(talk, deadline=0.5)
    assert (outcome.kind, outcome.reason) == (Kind.unknown, "timeout")
    assert seconds < SOON


@pytest.mark.parametrize("talk", [close, reset, half])
def test_a_connection_that_breaks_after_the_request_leaves_the_text_unknown(talk: Talk) -> None:
    outcome, _, _ = send(talk)
    assert outcome.kind is Kind.unknown


def test_a_text_that_waited_for_a_connection_until_the_deadline_was_not_sent() -> None:
    with serving(hang) as (address, got):
        provider = Provider("sandbox", KEY, endpoint=address, deadline_seconds=0.5, connections=1)
        outcomes: list[Outcome] = []
        threads = [threading.Thread(target=lambda: outcomes.append(provider.send(NUMBER, "x"))) for _ in range(2)]
        for thread in threads:
            thread.start()
            time.sleep(0.02)
        for thread in threads:
            thread.join()
        assert {outcome.kind for outcome in outcomes} <= {Kind.unknown, Kind.not_sent}
        assert sum(outcome.kind is Kind.unknown for outcome in outcomes) == len(got)


@pytest.mark.parametrize(("talk", "reason"), [(close, "connection_lost"), (hang, "timeout")])
def test_a_failed_request_says_whether_it_may_have_left(talk: Talk, reason: str) -> None:
    with serving(talk) as (address, _):
        transport = Transport("sandbox", KEY, endpoint=address, deadline_seconds=0.5, connections=1)
        with pytest.raises(RequestFailedError, match=reason) as failure:
            transport.post(NUMBER, "x", "")
    assert failure.value.may_have_left


def test_an_answer_has_its_status_and_its_body() -> None:
    with serving(lambda connection, _: connection.sendall(answer("x", status="503 x"))) as (address, _):
        transport = Transport("sandbox", KEY, endpoint=address, deadline_seconds=SOON, connections=1)
        assert transport.post(NUMBER, "x", "") == (503, b"x")


def test_a_request_without_a_sender_names_none() -> None:
    with serving(lambda connection, _: connection.sendall(answer(SENT))) as (address, got):
        Transport("sandbox", KEY, endpoint=address, deadline_seconds=SOON, connections=1).post(NUMBER, "x", "")
    assert b"from=" not in got[0]
