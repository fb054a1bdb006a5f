"""Bytes as no client library would send them, and all that comes back."""

import re
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

_STATUS = re.compile(rb"(?:\A|\n)HTTP/[0-9]\.[0-9] ([0-9]{3}) ")


@dataclass(frozen=True)
class Reply:
    """Everything a connection answered, and the statuses in it."""

    raw: bytes
    seconds: float

    @property
    def statuses(self) -> list[int]:
        """Of each answer."""
        return [int(status) for status in _STATUS.findall(self.raw) if status != b"100"]

    @property
    def status(self) -> int:
        """Of the first answer; 0 where there is none."""
        return next(iter(self.statuses), 0)


def send(port: int, data: bytes, *, seconds: float = 10) -> Reply:
    """Sends these bytes, says that no more will come, and reads until the other side closes or that time is over."""
    began, found = time.monotonic(), b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        with suppress(OSError):  # who refuses may close before all is sent
            connection.sendall(data)
        connection.settimeout(0.5)
        while time.monotonic() - began < seconds:
            try:
                piece = connection.recv(65536)
            except TimeoutError:
                if found:
                    break
                continue
            except OSError:
                break
            if not piece:
                break
            found += piece
    return Reply(found, time.monotonic() - began)
