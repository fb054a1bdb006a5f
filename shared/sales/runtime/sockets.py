"""Cut a connection off while another thread waits on it."""

import socket
from contextlib import suppress

__all__ = ["cut_off"]


def cut_off(sock: socket.socket) -> None:
    """End the connection. Unlike closing it, this wakes the thread that waits on it."""
    with suppress(OSError):
        # Not the TLS socket's own shutdown: that drops the encryption first, while the other thread may be using it.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
