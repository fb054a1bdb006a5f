"""Connections that are cut off."""

import socket
import threading

from sales.runtime.sockets import cut_off


def test_cutting_a_connection_off_wakes_the_thread_that_waits_on_it() -> None:
    one, other = socket.socketpair()
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append(one.recv(1)), daemon=True)
    with one, other:
        thread.start()
        cut_off(one)
        thread.join(10)
    assert received == [b""]


def test_a_closed_connection_can_be_cut_off() -> None:
    one, other = socket.socketpair()
    other.close()
    one.close()
    cut_off(one)
