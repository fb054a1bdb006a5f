"""What an answer of Africa's Talking means for the one text it is about."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sales.domain.delivery_reports import is_message_id

__all__ = ["OUTAGES", "Kind", "Outcome", "classify"]

# Reasons by which the gateway takes nobody's texts for now: it is not there, or has too much to do.
OUTAGES = frozenset({"connect_failed", "connect_timeout", "no_connection_in_time", "http_429"})


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
