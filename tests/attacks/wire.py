"""Bytes as no client library would send them, and all that comes back."""

import re
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

_STATUS = re.compile(rb"(?:\A|\n)HTTP/[0-9]\.[0-9] ([0-9]{3}) ")


@dataclass(frozen=True)
class Reply:
    """Everything a connection answered, the statuses in it, and whether the other side ended it."""

    raw: bytes
    seconds: float
    ended: bool

    @property
    def statuses(self) -> list[int]:
        """Of each answer."""
        return [int(status) for status in _STATUS.findall(self.raw) if status != b"100"]

    @property
    def status(self) -> int:
        """Of the first answer; 0 where there is none."""
        return next(iter(self.statuses), 0)


def send(port: int, data: bytes, *, seconds: float = 10) -> Reply:
    """Sends these bytes, and reads until the other side ends the connection or that time is over.

    However long it is silent: a second answer, late, would be what an attack came to. The sending side stays open, as
    clients leave it.
    """
    began, found, ended = time.monotonic(), b"", False
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        with suppress(OSError):  # who refuses may close before all is sent
            connection.sendall(data)
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
