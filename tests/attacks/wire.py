"""Sends bytes that no client library would send, and reads everything that comes back."""

import re
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

# Stands for the address that a request is sent to, and is as long: a test counts the bytes of requests in requests.
HOST = b"localhost:00000"
_STATUS = re.compile(rb"(?:\A|\n)HTTP/[0-9]\.[0-9] ([0-9]{3}) ")


@dataclass(frozen=True)
class Reply:
    """Everything that came back, how long it took, and whether the other side closed the connection."""

    raw: bytes
    seconds: float
    ended: bool

    @property
    def statuses(self) -> list[int]:
        """Return the status of each answer."""
        return [int(status) for status in _STATUS.findall(self.raw) if status != b"100"]

    @property
    def status(self) -> int:
        """Return the status of the first answer, or 0."""
        return next(iter(self.statuses), 0)


def send(port: int, data: bytes, *, seconds: float = 10) -> Reply:
    """Send these bytes, with the port in `HOST`, and read until the other side closes the connection or the time is up.

    Silence does not end it: a late second answer would be the success of an attack. Our side stays open, as a client's.
    """
    began, found, ended = time.monotonic(), b"", False
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        with suppress(OSError):  # a refusal may close the connection early
            connection.sendall(data.replace(HOST, b"localhost:%05d" % port))
        while not ended and (left := began + seconds - time.monotonic()) > 0:
            connection.settimeout(left)
            try:
                piece = connection.recv(65536)
            except TimeoutError:
                break
            except OSError:
                piece = b""
            ended = not piece
            found += piece
    return Reply(found, time.monotonic() - began, ended)
