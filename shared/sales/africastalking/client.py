"""Sends texts with one account of Africa's Talking."""

import re
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError

import requests

from sales.africastalking.answers import Kind, Outcome, classify
from sales.africastalking.transport import _Adapter, _Call, _current, _Session, _TLSAdapter, _Transport
from sales.runtime.settings import check_sms_endpoint

__all__ = ["Gateway", "can_be_key"]

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


# What a header can carry; a zero-width space or a curly quote that was pasted along cannot be sent, let alone be right.
_KEY = re.compile(r"[!-~]+")


_CONNECT_SECONDS = 3.05


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
