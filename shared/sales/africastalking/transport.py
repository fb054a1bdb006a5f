"""One request to Africa's Talking: its deadline, and whether any part of it may have left when it fails.

Everything that subclasses or reaches into the SDK, requests and urllib3 stands here, behind `Transport`.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import partial
from typing import Any

import certifi
import requests
from africastalking.SMS import SMSService
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.ssl_ import create_urllib3_context

from sales.runtime.sockets import cut_off

__all__ = ["RequestFailedError", "Transport"]

_CONNECT_SECONDS = 3.05
# A kept connection is not used again after this time. While Lambda freezes a function, nothing in it hears that the
# provider's server (60 s by its default) or a NAT on the way has dropped the connection, and a request written to a dead
# connection would leave its text `unknown`.
_IDLE_SECONDS = 20.0
_LARGEST_ANSWER = 65536

type _Send = Callable[[], tuple[int, bytes]]


class RequestFailedError(Exception):
    """The request got no answer.

    `may_have_left` tells whether the provider may have received it; `reason` is stable and fit to be stored.
    """

    def __init__(self, reason: str, *, may_have_left: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.may_have_left = may_have_left


class Transport:
    """Sends requests for one account, each with a deadline; safe to share between threads."""

    def __init__(
        self, username: str, api_key: str, *, endpoint: str, deadline_seconds: float, connections: int
    ) -> None:
        session = _Session()
        # Neither a proxy nor a .netrc of the environment may see the key.
        session.trust_env = False
        scheme, adapter = ("http://", _Adapter) if endpoint.startswith("http://") else ("https://", _TLSAdapter)
        session.mount(scheme, adapter(pool_connections=2, pool_maxsize=connections, max_retries=0))
        self._service = _Service(username, api_key, session, endpoint)
        self._deadline = deadline_seconds
        self._timeout = (_CONNECT_SECONDS, deadline_seconds)
        self._threads = ThreadPoolExecutor(max_workers=connections, thread_name_prefix="provider")

    def post(self, number: str, content: str, sender: str) -> tuple[int, bytes]:
        """Send one request with a text, and return the HTTP status and the body of the answer.

        Return or raise RequestFailedError within the deadline, whatever the network does: name resolution and an
        answer that arrives byte by byte count too.
        """
        return self._within_deadline(
            partial(self._service.send, content, [number], sender_id=sender or None, timeout=self._timeout)
        )

    def user(self) -> tuple[int, bytes]:
        """Ask for the account's own data, and return or raise as `post` does."""
        return self._within_deadline(partial(self._service.user, timeout=self._timeout))

    def _within_deadline(self, send: _Send) -> tuple[int, bytes]:
        call = _Call()
        answer = self._threads.submit(self._request, call, send)
        try:
            return answer.result(timeout=self._deadline)
        except FutureTimeoutError:
            if answer.cancel():
                raise RequestFailedError("no_connection_in_time", may_have_left=False) from None
            call.cut()
            raise RequestFailedError(
                "timeout" if call.may_have_left else "connect_timeout", may_have_left=call.may_have_left
            ) from None

    def _request(self, call: "_Call", send: _Send) -> tuple[int, bytes]:
        _current.call = call
        try:
            return send()
        except Exception as error:
            # requests and urllib3 have many errors; how far the request got is what counts.
            timed_out = isinstance(error, requests.Timeout)
            if call.may_have_left:
                raise RequestFailedError("timeout" if timed_out else "connection_lost", may_have_left=True) from error
            raise RequestFailedError(
                "connect_timeout" if timed_out else "connect_failed", may_have_left=False
            ) from error


class _Call:
    """A request under way, with its connection once it has one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given_up = False
        self._connection: HTTPConnection | None = None

    def connected(self, connection: HTTPConnection) -> None:
        """Note that part of the request may leave from now on. Raise ConnectionAbortedError if it was cut before."""
        with self._lock:
            if self._given_up:
                raise ConnectionAbortedError
            self._connection = connection

    @property
    def may_have_left(self) -> bool:
        """Whether the request got as far as a connection."""
        return self._connection is not None

    def cut(self) -> None:
        """End the request, and free the thread that waits for its answer."""
        with self._lock:
            self._given_up = True
        sock = getattr(self._connection, "sock", None)
        if sock is not None:
            cut_off(sock)


# `_current.call` is the call that this thread makes.
_current = threading.local()


def _reporting(base: type[HTTPConnection]) -> type[HTTPConnection]:
    # mypy cannot check a class whose base is a variable.
    class Reporting(base):  # type: ignore[misc,valid-type]
        """A connection, new or kept, that reports itself to the current call before any of the request leaves."""

        _used_at = 0.0

        @property
        def is_connected(self) -> bool:
            # By the wall clock: a monotonic clock may stand still while the function is frozen.
            return 0 <= time.time() - self._used_at < _IDLE_SECONDS and bool(super().is_connected)

        def connect(self) -> None:
            super().connect()
            _current.call.connected(self)

        def request(self, *args: Any, **kwargs: Any) -> None:
            if self.sock is not None:
                _current.call.connected(self)
            self._used_at = time.time()
            super().request(*args, **kwargs)

    return Reporting


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _reporting(HTTPConnection)


class _HTTPSPool(HTTPSConnectionPool):
    # _reporting returns a subclass of the class it is given, which its type cannot say.
    ConnectionCls = _reporting(HTTPSConnection)  # type: ignore[assignment]


class _Adapter(HTTPAdapter):
    """Makes connections that report themselves to the call they are used for."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


class _TLSAdapter(_Adapter):
    """Reads the trusted roots once: requests reads them for each connection, at 18 ms of a whole processor."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        context = create_urllib3_context()
        context.load_verify_locations(certifi.where())
        super().init_poolmanager(*args, ssl_context=context, **kwargs)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Demand a certificate that those roots vouch for, whatever the caller asks for."""
        conn.cert_reqs = "CERT_REQUIRED"


class _Session(requests.Session):
    """Ignores redirects: requests parses a redirect's target even when told not to follow it."""

    def get_redirect_target(self, resp: Any) -> None:
        return None


# The SDK has no types.
class _Service(SMSService):  # type: ignore[misc]
    """The SDK's service, with kept connections, without redirects, and with the answer's HTTP status."""

    def __init__(self, username: str, api_key: str, session: requests.Session, endpoint: str) -> None:
        super().__init__(username, api_key)
        self._session = session
        if endpoint:
            self._baseUrl = f"{endpoint.rstrip('/')}/version1"

    def user(self, timeout: Any) -> tuple[int, bytes]:
        """Ask for the account's own data, as the SDK's application service does."""
        params = {"username": self._username}
        return self._make_request(self._make_url("/user"), "GET", self._headers, None, params, timeout=timeout)

    def _make_request(  # the SDK's own signature
        self, url: str, method: str, headers: Any, data: Any, params: Any, callback: Any = None, timeout: Any = None
    ) -> tuple[int, bytes]:
        with self._session.request(
            method, url, headers=headers, data=data, params=params, timeout=timeout, allow_redirects=False, stream=True
        ) as answer:
            return answer.status_code, answer.raw.read(_LARGEST_ANSWER, decode_content=True)
