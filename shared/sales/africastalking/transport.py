"""One request to Africa's Talking, with a deadline, and whether any of it may have left."""

import socket
import threading
import time
from contextlib import suppress
from typing import Any

import certifi
import requests
from africastalking.SMS import SMSService
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.ssl_ import create_urllib3_context

# A kept connection is not used again after this. While Lambda freezes a function nobody here hears that the other side
# (60 s by its server's default) or a NAT on the way has given the connection up, and a request written to a dead
# one would leave its text `unknown`.
_IDLE_SECONDS = 20.0


_LARGEST_ANSWER = 65536


class _Call:
    """One request under way: its connection, once there is one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given_up = False
        self._connection: HTTPConnection | None = None

    def connected(self, connection: HTTPConnection) -> None:
        """From now on part of the request may leave. Raises ConnectionAbortedError when it was given up before."""
        with self._lock:
            if self._given_up:
                raise ConnectionAbortedError
            self._connection = connection

    @property
    def may_have_left(self) -> bool:
        """Whether the request got as far as a connection."""
        return self._connection is not None

    def cut(self) -> None:
        """Ends the request: shutting its socket down, unlike closing it, wakes the thread that waits on it."""
        with self._lock:
            self._given_up = True
        sock = getattr(self._connection, "sock", None)
        if sock is not None:
            with suppress(OSError):
                # Not the TLS socket's own shutdown: that drops the encryption first, and the other thread may be writing.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


_current = threading.local()


def _noted(base: type[HTTPConnection]) -> type[HTTPConnection]:
    # mypy knows no class made from a variable one.
    class Noted(base):  # type: ignore[misc,valid-type]
        """Tells the call that it has a connection, new or kept: from then on, part of it may have left."""

        _asked_at = 0.0

        @property
        def is_connected(self) -> bool:
            # The wall clock, since others may stand still while the function is frozen.
            return 0 <= time.time() - self._asked_at < _IDLE_SECONDS and bool(super().is_connected)

        def connect(self) -> None:
            super().connect()
            _current.call.connected(self)

        def request(self, *args: Any, **kwargs: Any) -> None:
            if self.sock is not None:
                _current.call.connected(self)
            self._asked_at = time.time()
            super().request(*args, **kwargs)

    return Noted


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _noted(HTTPConnection)


class _HTTPSPool(HTTPSConnectionPool):
    # What _noted makes of a class is that class, which its type cannot say.
    ConnectionCls = _noted(HTTPSConnection)  # type: ignore[assignment]


class _Adapter(HTTPAdapter):
    """Knows of each request whether it may have left."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As requests', with connections that note it."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


class _TLSAdapter(_Adapter):
    """Reads what it trusts once: requests would read it anew for each connection, 18 ms of a whole processor each."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As requests', with a context that knows the roots already."""
        context = create_urllib3_context()
        context.load_verify_locations(certifi.where())
        super().init_poolmanager(*args, ssl_context=context, **kwargs)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Demands a certificate of those roots, whatever is asked for."""
        conn.cert_reqs = "CERT_REQUIRED"


class _Session(requests.Session):
    """Knows no redirects: requests would read and resolve even those it is told not to follow."""

    def get_redirect_target(self, resp: Any) -> None:
        return None


# The SDK has no types.
class _Transport(SMSService):  # type: ignore[misc]
    """The SDK's service, but its requests keep their connection, follow no redirect, and keep the HTTP status."""

    def __init__(self, username: str, api_key: str, session: requests.Session, endpoint: str) -> None:
        super().__init__(username, api_key)
        self._session = session
        if endpoint:
            self._baseUrl = f"{endpoint.rstrip('/')}/version1"

    def _make_request(  # the SDK's own signature
        self, url: str, method: str, headers: Any, data: Any, params: Any, callback: Any = None, timeout: Any = None
    ) -> tuple[int, bytes]:
        with self._session.request(
            method, url, headers=headers, data=data, timeout=timeout, allow_redirects=False, stream=True
        ) as answer:
            return answer.status_code, answer.raw.read(_LARGEST_ANSWER, decode_content=True)
