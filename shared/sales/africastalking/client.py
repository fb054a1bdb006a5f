"""Send texts with one account of Africa's Talking, and ask for its balance."""

from sales.africastalking.answers import Balance, Kind, Outcome, classify, read_balance
from sales.africastalking.transport import RequestFailedError, Transport
from sales.domain.phones import is_e164
from sales.domain.sms.provider import can_be_key, check_endpoint
from sales.runtime import log

__all__ = ["PROVIDER_SECONDS", "Provider"]

# The longest time that a call of the provider may take, whatever the network does.
PROVIDER_SECONDS = 10.0


class Provider:
    """Sends texts with one account of Africa's Talking; safe to share between threads.

    An empty endpoint means Africa's Talking itself (its sandbox for the username `sandbox`). Raises ValueError for an
    endpoint that the key must not be sent to. At most `connections` requests are under way at the same time.
    """

    def __init__(
        self,
        username: str,
        api_key: str,
        *,
        endpoint: str = "",
        sender: str = "",
        deadline_seconds: float = PROVIDER_SECONDS,
        connections: int = 10,
    ) -> None:
        check_endpoint(endpoint)
        api_key = api_key.strip()
        self._key_can_be_sent = can_be_key(api_key)
        self._transport = Transport(
            username, api_key, endpoint=endpoint, deadline_seconds=deadline_seconds, connections=connections
        )
        self._sender = sender

    def send(self, number: str, content: str) -> Outcome:
        """Ask the provider once to send this content to the E.164 number, and return what is then known of the text.

        Return within the deadline, and raise nothing for a fault of the network or the provider.
        """
        # The SDK's own check lets line breaks and other scripts' digits through.
        if not is_e164(number):
            return Outcome(Kind.refused, "invalid_number")
        # Half a surrogate pair cannot be encoded.
        if not content.isprintable() and any("\ud800" <= character <= "\udfff" for character in content):
            return Outcome(Kind.refused, "invalid_text")
        if not self._key_can_be_sent:
            return Outcome(Kind.misconfigured, "bad_key")
        try:
            status, body = self._transport.post(number, content, self._sender)
        except RequestFailedError as failure:
            return Outcome(Kind.unknown if failure.may_have_left else Kind.not_sent, failure.reason)
        return classify(status, body)

    def balance(self) -> Balance | None:
        """Ask the provider once for the account's balance; return None, and log the reason, if it cannot be read.

        Return within the deadline, and raise nothing for a fault of the network or the provider.
        """
        balance, reason = None, "bad_key"
        if self._key_can_be_sent:
            try:
                status, body = self._transport.user()
            except RequestFailedError as failure:
                reason = failure.reason
            else:
                taken = 200 <= status < 300
                balance = read_balance(body) if taken else None
                reason = "unreadable_answer" if taken else f"http_{status}"
        if balance is None:
            log.warning("balance not read", reason=reason)
        return balance
