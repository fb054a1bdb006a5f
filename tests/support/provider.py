"""A server that stands in for the provider; a test controls every byte of its answers."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

NUMBER, KEY = "+254704590344", "atsk_secret"
# How long a server keeps its caller waiting. A test that waits for it by mistake fails long before that, even on a busy
# machine.
PATIENCE = 60.0
SENT = '{"SMSMessageData":{"Message":"Sent to 1/1","Recipients":[{"cost":"KES 0.8000","messageId":"ATXid_1","number":"+254704590344","status":"Success","statusCode":101}]}}'


def whole_request(connection: socket.socket) -> bytes:
    """Read one request, head and body; return nothing at the end of the connection."""
    request = b""
    while b"\r\n\r\n" not in request:
        if not (part := connection.recv(65536)):
            return b""
        request += part
    head, _, form = request.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    while len(form) < length:
        form += connection.recv(65536)
    return head + b"\r\n\r\n" + form


type Talk = Callable[[socket.socket, bytes], None]


@contextmanager
def serving(
    talk: Talk, certificate: Path | None = None, *, handshake_after: threading.Event | None = None
) -> Iterator[tuple[str, list[bytes]]]:
    """Run a server that hands each request to `talk`; yield its address and the requests it received."""
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
