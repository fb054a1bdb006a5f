"""The SMS gateway, Africa's Talking: the only module that talks to it, and says what became of a text.

Its SMS API has no idempotency key and no way to look a message up, so whatever leaves room for the text having been
taken is `unknown`, and only what is certain is anything else.
"""

import json
import re
import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import certifi
import requests
from africastalking.SMS import SMSService
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.ssl_ import create_urllib3_context

from sales.messages import is_message_id
from sales.settings import check_sms_endpoint

__all__ = ["OUTAGES", "Gateway", "Kind", "Outcome", "can_be_key", "classify"]

# Reasons by which the gateway takes nobody's texts for now: it is not there, or has too much to do.
OUTAGES = frozenset({"connect_failed", "connect_timeout", "no_connection_in_time", "http_429"})

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# What a header can carry; a zero-width space or a curly quote that was pasted along cannot be sent, let alone be right.
_KEY = re.compile(r"[!-~]+")
_CONNECT_SECONDS = 3.05
# A kept connection is not used again after this. While Lambda freezes a function nobody here hears that the other side
# (60 s by its server's default) or a NAT on the way has given the connection up, and a request written to a dead
# one would leave its text `unknown`.
_IDLE_SECONDS = 20.0
_LARGEST_ANSWER = 65536


class Kind(StrEnum):
    """What is known of a text after the gateway was asked to send it."""

    accepted = "accepted"
    refused = "refused"  # for good
    deferred = "deferred"  # refused for now
    not_sent = "not_sent"  # the request certainly never reached the gateway
    unknown = "unknown"  # it may have been taken
    misconfigured = "misconfigured"  # every text would be refused until a person mends key, sender or address


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a text: a stable reason, and the gateway's message id and cost where it took it."""

    kind: Kind
    reason: str
    message_id: str | None = None
    cost: str | None = None
    opted_out: bool = False


# Africa's Talking's codes per recipient (its documentation, SMS sending).
_RECIPIENT = {
    100: (Kind.accepted, "Processed"),
    101: (Kind.accepted, "Sent"),
    102: (Kind.accepted, "Queued"),
    # Held for review by Africa's Talking, which may yet release it: sending again could make it two.
    401: (Kind.refused, "RiskHold"),
    402: (Kind.misconfigured, "InvalidSenderId"),
    403: (Kind.refused, "InvalidPhoneNumber"),
    404: (Kind.refused, "UnsupportedNumberType"),
    405: (Kind.deferred, "InsufficientBalance"),
    406: (Kind.refused, "UserInBlacklist"),
    407: (Kind.refused, "CouldNotRoute"),
    409: (Kind.refused, "DoNotDisturbRejection"),
    500: (Kind.deferred, "InternalServerError"),
    501: (Kind.deferred, "GatewayError"),
    # Sources disagree whether it is worth another try; a text too few is better than an endless one.
    502: (Kind.refused, "RejectedByGateway"),
}
# By name, for an answer of the old shape, which has no codes. It says "Could Not Send" for what later got a code each.
_NAMED = {name.lower(): (kind, name) for kind, name in _RECIPIENT.values()} | {
    "could not send": (Kind.deferred, "Could Not Send")
}
# By HTTP status, where the body does not name the recipient. Any other 5xx may have sent the text: the server's own
# time-out answers 503 while the request goes on inside.
_HTTP = {
    400: Kind.refused,
    401: Kind.misconfigured,
    403: Kind.misconfigured,
    404: Kind.refused,
    405: Kind.refused,
    406: Kind.refused,
    413: Kind.refused,
    415: Kind.refused,
    429: Kind.deferred,
}


def classify(status: int, body: bytes) -> Outcome:
    """What an answer of the gateway means for the one recipient it was about.

    The rule above all: an answer with a real message id means that the gateway has the text, unless its code refuses
    the text for good. Neither is ever sent again by itself.
    """
    data = _sms_data(body)
    if data is not None:
        recipients = data.get("Recipients")
        if isinstance(recipients, list) and len(recipients) == 1 and isinstance(recipients[0], dict):
            return _recipient(recipients[0])
        if recipients == [] and str(data.get("Message", "")).lower() == "invalidsenderid":
            return Outcome(Kind.misconfigured, "InvalidSenderId")
    if 300 <= status < 400:  # never legitimate, and following it would hand over the key
        return Outcome(Kind.misconfigured, f"http_{status}")
    if status in _HTTP:
        return Outcome(_HTTP[status], "bad_key" if status == 401 else f"http_{status}")
    if 400 <= status < 500:
        return Outcome(Kind.refused, f"http_{status}")
    return Outcome(Kind.unknown, "unreadable_answer" if 200 <= status < 300 else f"http_{status}")


def _sms_data(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    data = found.get("SMSMessageData") if isinstance(found, dict) else None
    return data if isinstance(data, dict) else None


def _is_code(code: Any) -> bool:
    return type(code) is int and 0 <= code <= 999


def _recipient(recipient: Mapping[str, Any]) -> Outcome:
    given = recipient.get("messageId")
    message_id = given if isinstance(given, str) and is_message_id(given) else None
    status = str(recipient.get("status", "")).strip()
    code = recipient.get("statusCode")
    # A reason is stored, shown and logged: never the answer's own words, which may quote number or text.
    kind, reason = _NAMED.get(status.lower(), (None, f"code_{code}" if _is_code(code) else "unnamed"))
    if isinstance(code, int):
        kind, reason = _RECIPIENT.get(code, (None, reason))
    opted_out = status.lower() == "userinblacklist" or code == 406
    if message_id is not None and kind is not Kind.refused:
        cost = recipient.get("cost")
        return Outcome(Kind.accepted, reason, message_id, cost if isinstance(cost, str) else None)
    if kind is Kind.accepted:
        return Outcome(Kind.unknown, "no_message_id", opted_out=opted_out)
    if kind is None or (kind is not Kind.refused and given not in (None, "", "None")):
        # A code or a name that nobody has told us of; or an id of another shape with what would be sent again.
        return Outcome(Kind.unknown, reason, opted_out=opted_out)
    # A refusal with an id may have a report one day, which must find its text.
    return Outcome(kind, reason, message_id, opted_out=opted_out)


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


def can_be_key(text: str) -> bool:
    """Whether this can be sent as the header that holds the API key: visible ASCII characters only."""
    return _KEY.fullmatch(text) is not None


class Gateway:
    """Sends texts with one account of Africa's Talking; safe to share between threads.

    An empty endpoint is Africa's Talking itself (its sandbox for the username `sandbox`); any other must be https,
    or on this machine. Raises ValueError for one that is neither.
    """

    def __init__(
        self,
        username: str,
        api_key: str,
        *,
        endpoint: str = "",
        sender: str = "",
        deadline_seconds: float = 10.0,
        connections: int = 10,
    ) -> None:
        check_sms_endpoint(endpoint)
        session = _Session()
        # Neither a proxy nor a .netrc of the environment may see the key.
        session.trust_env = False
        scheme, adapter = ("http://", _Adapter) if endpoint.startswith("http://") else ("https://", _TLSAdapter)
        session.mount(scheme, adapter(pool_connections=2, pool_maxsize=connections, max_retries=0))
        api_key = api_key.strip()
        self._key_can_be_sent = can_be_key(api_key)
        self._service = _Transport(username, api_key, session, endpoint)
        self._sender = sender or None
        self._deadline = deadline_seconds
        self._threads = ThreadPoolExecutor(max_workers=connections, thread_name_prefix="gateway")

    def send(self, number: str, text: str) -> Outcome:
        """Asks for the text to be sent to this E.164 number, once, and says what is known of it afterwards.

        Takes no longer than the deadline, whatever the network does (name resolution and an answer that comes drop by
        drop included), and raises nothing for what the network or the gateway does.
        """
        # The SDK's own check lets line breaks and other scripts' digits through.
        if not (number.isascii() and _E164.fullmatch(number)):
            return Outcome(Kind.refused, "invalid_number")
        if not text.isprintable() and any("\ud800" <= character <= "\udfff" for character in text):
            return Outcome(Kind.refused, "invalid_text")  # half a surrogate pair, which no encoding has
        if not self._key_can_be_sent:
            return Outcome(Kind.misconfigured, "bad_key")
        call = _Call()
        asked = self._threads.submit(self._ask, call, number, text)
        try:
            return asked.result(timeout=self._deadline)
        except FutureTimeoutError:
            return self._late(call, asked)

    @staticmethod
    def _late(call: _Call, asked: Future[Outcome]) -> Outcome:
        if asked.cancel():
            return Outcome(Kind.not_sent, "no_connection_in_time")
        call.cut()
        return Outcome(Kind.unknown, "timeout") if call.may_have_left else Outcome(Kind.not_sent, "connect_timeout")

    def _ask(self, call: _Call, number: str, text: str) -> Outcome:
        _current.call = call
        try:
            status, body = self._service.send(
                text, [number], sender_id=self._sender, timeout=(_CONNECT_SECONDS, self._deadline)
            )
        except Exception as error:  # noqa: BLE001 - requests and urllib3 have many; where it broke is what counts
            if not call.may_have_left:
                timed_out = isinstance(error, requests.Timeout)
                return Outcome(Kind.not_sent, "connect_timeout" if timed_out else "connect_failed")
            return Outcome(Kind.unknown, "timeout" if isinstance(error, requests.Timeout) else "connection_lost")
        return classify(status, body)
