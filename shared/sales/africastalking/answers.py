"""The meaning of an answer of Africa's Talking: for the one text it is about, or for the account's balance."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from sales.domain.sms.delivery_reports import is_message_id

__all__ = ["NOT_NOW", "OUTAGES", "Balance", "Kind", "Outcome", "classify", "read_balance"]

# Reasons that hold for every text: the provider cannot be reached, or has too much to do.
OUTAGES = frozenset({"connect_failed", "connect_timeout", "no_connection_in_time", "http_429"})
# The network takes no texts at this hour (Nigeria's regulator bars promotional ones from evening to morning).
NOT_NOW = "DoNotDisturbRejection"


class Kind(StrEnum):
    """The state of a text, as far as we know it, after asking the provider to send it."""

    accepted = "accepted"
    refused = "refused"  # permanently
    deferred = "deferred"  # refused for now
    not_sent = "not_sent"  # the request certainly never reached the provider
    unknown = "unknown"  # the provider may have accepted it
    misconfigured = "misconfigured"  # every text fails until a person corrects key, sender id or endpoint


class Outcome(NamedTuple):
    """The outcome of a request, with a stable reason; also message id and cost if the provider accepted the text.

    `blocked`: the network takes no texts from our sender id for this number.
    """

    kind: Kind
    reason: str
    message_id: str | None = None
    cost: str | None = None
    blocked: bool = False


class Balance(NamedTuple):
    """The money in the account, as the provider writes it."""

    amount: Decimal
    currency: str


# An account that is billed later may be below zero.
_BALANCE = re.compile(r"([A-Z]{3}) (-?[0-9]{1,15}(?:\.[0-9]{1,8})?)", re.ASCII)
# Codes per recipient, from Africa's Talking's documentation on sending SMS.
_RECIPIENT = {
    100: (Kind.accepted, "Processed"),
    101: (Kind.accepted, "Sent"),
    102: (Kind.accepted, "Queued"),
    # Held for review. Africa's Talking may release it later, so a second request could become a second text.
    401: (Kind.refused, "RiskHold"),
    402: (Kind.misconfigured, "InvalidSenderId"),
    403: (Kind.refused, "InvalidPhoneNumber"),
    404: (Kind.refused, "UnsupportedNumberType"),
    405: (Kind.deferred, "InsufficientBalance"),
    406: (Kind.refused, "UserInBlacklist"),
    407: (Kind.refused, "CouldNotRoute"),
    409: (Kind.deferred, NOT_NOW),
    500: (Kind.deferred, "InternalServerError"),
    501: (Kind.deferred, "GatewayError"),
    # Sources disagree on whether to retry. A text that is lost is better than one that is retried for ever.
    502: (Kind.refused, "RejectedByGateway"),
}
# Names, for answers of the old shape, which have no codes and say "Could Not Send" for several of them.
_NAMED = {name.lower(): (kind, name) for kind, name in _RECIPIENT.values()} | {
    "could not send": (Kind.deferred, "Could Not Send")
}
# HTTP statuses that mean something else than their class, for a body that does not name the recipient.
_HTTP = {
    401: Kind.misconfigured,
    403: Kind.misconfigured,
    429: Kind.deferred,
}


def classify(status: int, body: bytes) -> Outcome:
    """Return the meaning of the provider's answer for the one recipient of the request.

    The rule above all others: a real message id means that the provider has the text, unless its code refuses the text
    permanently. The system never sends such a text again.
    """
    data = _object_in(body, "SMSMessageData")
    if data is not None:
        recipients = data.get("Recipients")
        if isinstance(recipients, list) and len(recipients) == 1 and isinstance(recipients[0], dict):
            return _recipient(recipients[0])
        if recipients == [] and str(data.get("Message", "")).lower() == "invalidsenderid":
            return Outcome(Kind.misconfigured, "InvalidSenderId")
    if 300 <= status < 400:  # never legitimate, and to follow it would give the key away
        return Outcome(Kind.misconfigured, f"http_{status}")
    if status in _HTTP:
        return Outcome(_HTTP[status], "bad_key" if status == 401 else f"http_{status}")
    if 400 <= status < 500:
        return Outcome(Kind.refused, f"http_{status}")
    # A 5xx may have sent the text: the server's own time-out answers 503 while the request goes on inside.
    return Outcome(Kind.unknown, "unreadable_answer" if 200 <= status < 300 else f"http_{status}")


def read_balance(body: bytes) -> Balance | None:
    """Return the balance in the provider's answer about the account, or None if there is none to be read."""
    data = _object_in(body, "UserData")
    stated = data.get("balance") if data else None
    match = _BALANCE.fullmatch(stated.strip()) if isinstance(stated, str) else None
    return Balance(Decimal(match[2]), match[1]) if match else None


def _object_in(body: bytes, name: str) -> dict[str, Any] | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    data = answer.get(name) if isinstance(answer, dict) else None
    return data if isinstance(data, dict) else None


def _is_code(code: Any) -> bool:
    return type(code) is int and 0 <= code <= 999


def _recipient(recipient: Mapping[str, Any]) -> Outcome:
    stated_id = recipient.get("messageId")
    message_id = stated_id if isinstance(stated_id, str) and is_message_id(stated_id) else None
    status = str(recipient.get("status", "")).strip()
    code = recipient.get("statusCode")
    # A reason is stored, shown and logged, so it never has the answer's own words: they may quote number or content.
    kind, reason = _NAMED.get(status.lower(), (None, f"code_{code}" if _is_code(code) else "unnamed"))
    if isinstance(code, int):
        kind, reason = _RECIPIENT.get(code, (None, reason))
    blocked = status.lower() == "userinblacklist" or code == 406
    if message_id is not None and kind is not Kind.refused:
        cost = recipient.get("cost")
        return Outcome(Kind.accepted, reason, message_id, cost if isinstance(cost, str) else None)
    if kind is Kind.accepted:
        return Outcome(Kind.unknown, "no_message_id", blocked=blocked)
    if kind is None or (kind is not Kind.refused and stated_id not in (None, "", "None")):
        # An undocumented code or name, or an id of another shape in an answer that would have the text sent again.
        return Outcome(Kind.unknown, reason, blocked=blocked)
    # A delivery report may follow a refusal with an id, and must find its text.
    return Outcome(kind, reason, message_id, blocked=blocked)
