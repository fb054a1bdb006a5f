"""Africa's Talking's answers to a text, byte for byte: statuses, refusals and bodies. Pure.

The 201 bodies and the 401 were recorded from api.sandbox.africastalking.com; the other plain texts are the defaults of
akka-http 10.2.10, the server that it names in its `Server` header. The JSON keys are in alphabetical order.

Magic numbers: the last three digits of a number +254700000xxx decide the outcome of every text to it.

| number        | statusCode | status                | HTTP |
|---------------|------------|-----------------------|------|
| +254700000401 | 401        | RiskHold              | 201  |
| +254700000402 | 402        | InvalidSenderId       | 201  |
| +254700000403 | 403        | InvalidPhoneNumber    | 201  |
| +254700000404 | 404        | UnsupportedNumberType | 201  |
| +254700000405 | 405        | InsufficientBalance   | 201  |
| +254700000406 | 406        | UserInBlacklist       | 201  |
| +254700000407 | 407        | CouldNotRoute         | 201  |
| +254700000408 | 408        | Undocumented          | 201  |
| +254700000409 | 409        | DoNotDisturbRejection | 409  |
| +254700000500 | 500        | InternalServerError   | 201  |
| +254700000501 | 501        | GatewayError          | 201  |
| +254700000502 | 502        | RejectedByGateway     | 201  |

408 is not documented: it stands for codes that Africa's Talking may add. 409 is the only refusal that is documented to
have its own HTTP status.
"""

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from sales.domain.phones import is_e164

__all__ = [
    "ACCEPTED",
    "DEFAULT_SENDER",
    "INSUFFICIENT_BALANCE",
    "INVALID_SENDER",
    "MAGIC_PREFIX",
    "STATUSES",
    "UNAUTHENTICATED",
    "WRONG_KEY",
    "Balance",
    "Recipient",
    "Reply",
    "accepted",
    "account",
    "cost",
    "html",
    "magic_code",
    "new_message_id",
    "plain",
    "refusal",
    "reply",
    "status_name",
]

ACCEPTED = frozenset({100, 101, 102})
INSUFFICIENT_BALANCE = 405
STATUSES = {
    401: "RiskHold",
    402: "InvalidSenderId",
    403: "InvalidPhoneNumber",
    404: "UnsupportedNumberType",
    INSUFFICIENT_BALANCE: "InsufficientBalance",
    406: "UserInBlacklist",
    407: "CouldNotRoute",
    408: "Undocumented",
    409: "DoNotDisturbRejection",
    500: "InternalServerError",
    501: "GatewayError",
    502: "RejectedByGateway",
}
MAGIC_PREFIX = "+254700000"
# The sender id of a text that names none.
DEFAULT_SENDER = "AFRICASTKNG"

_PRICE = Decimal("0.8000")  # KES, a segment to a Kenyan number
_PRICE_OF_ACCOUNT = Decimal("0.0079")  # USD, the same in the account's currency
_BALANCE = re.compile(r"([A-Z]{3}) (-?[0-9]{1,15}(?:\.[0-9]{1,4})?)", re.ASCII)

_TEXTS = {
    400: "The request contains bad syntax or cannot be fulfilled.",
    401: "The supplied authentication is invalid",
    403: "The supplied authentication is not authorized to access this resource",
    404: "The requested resource could not be found.",
    429: "The user has sent too many requests in a given amount of time.",
    500: "There was an internal server error.",
    503: "The server was not able to produce a timely response to your request.\r\nPlease try again in a short while!",
}
# Answered by the load balancer in front, not by akka-http.
_HTML_STATUSES = frozenset({502, 504})


@dataclass(frozen=True)
class Reply:
    """An HTTP response, complete except for Server, Date and Content-Length. `taken` says whether it accepted a text."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    taken: bool = False


@dataclass(frozen=True)
class Recipient:
    """One entry of `Recipients`; a refused one has no message id."""

    number: str
    code: int
    message_id: str | None = None
    segments: int = 0


@dataclass(frozen=True)
class Balance:
    """The money in the account."""

    currency: str
    amount: Decimal

    @classmethod
    def read(cls, text: str) -> "Balance":
        """Read a balance such as `KES 1000.00`. Raise ValueError for any other text."""
        match = _BALANCE.fullmatch(text)
        if match is None:
            raise ValueError('balance must be a currency and an amount, such as "KES 1000.00".')
        return cls(match[1], Decimal(match[2]))

    def __str__(self) -> str:
        decimals = max(2, -int(self.amount.normalize().as_tuple().exponent))
        return f"{self.currency} {self.amount:.{decimals}f}"

    def covers(self, segments: int) -> bool:
        """Whether a text of so many segments can be paid."""
        return self.amount >= self._price * segments

    def less(self, segments: int) -> "Balance":
        """Return what is left after so many segments."""
        return replace(self, amount=self.amount - self._price * segments)

    @property
    def _price(self) -> Decimal:
        return _PRICE_OF_ACCOUNT if self.currency == "USD" else _PRICE


def account(balance: Balance) -> Reply:
    """Return the answer to a request for the account."""
    return Reply(200, _body({"UserData": {"balance": str(balance)}}), {"Content-Type": "application/json"})


def new_message_id() -> str:
    """Return a message id that was never used before."""
    return f"ATXid_{uuid.uuid4().hex}"


def cost(segments: int) -> str:
    """Return the cost of a text of so many segments, as Africa's Talking writes it."""
    return f"KES {_PRICE * segments}"


def magic_code(number: str) -> int | None:
    """Return the status code of a magic number, or None for any other number."""
    code = number.removeprefix(MAGIC_PREFIX)
    return int(code) if code != number and code.isascii() and code.isdigit() and int(code) in STATUSES else None


def refusal(number: str, opted_out: frozenset[str]) -> int | None:
    """Return the status code that refuses a text to this number, or None if the text is accepted."""
    if not is_e164(number):
        return 403
    return magic_code(number) or (406 if number in opted_out else None)


def status_name(code: int) -> str:
    """Return the name of a status code."""
    return "Success" if code in ACCEPTED else STATUSES.get(code, "Undocumented")


def accepted(recipient: Recipient) -> bool:
    """Whether the text to this recipient was accepted."""
    return recipient.code in ACCEPTED


def reply(recipients: Sequence[Recipient], *, live: bool = False) -> Reply:
    """Return the reply to a valid request; 201 even if every recipient is refused.

    With `live` it has the shape that users of paid accounts captured, else the sandbox's (recorded).
    """
    taken = [recipient for recipient in recipients if accepted(recipient)]
    message = f"Sent to {len(taken)}/{len(recipients)} Total Cost: "
    if taken and live:
        message += f"KES {sum(recipient.segments * _PRICE for recipient in taken)}"
    elif taken:
        total = sum(recipient.segments * _PRICE_OF_ACCOUNT for recipient in taken)
        message += f"USD {total} Message parts: {taken[0].segments}"
    else:
        message += "0"
    # The only refusal that is documented with its own HTTP status.
    forbidden = bool(recipients) and all(recipient.code == HTTPStatus.CONFLICT for recipient in recipients)
    response = _json(409 if forbidden else 201, message, [_entry(recipient, live) for recipient in recipients])
    return replace(response, taken=bool(taken))


def _entry(recipient: Recipient, live: bool) -> dict[str, Any]:
    parts = {"messageParts": recipient.segments} if live and accepted(recipient) else {}
    return parts | {
        "cost": cost(recipient.segments) if accepted(recipient) else "0",
        "messageId": recipient.message_id or "None",
        "number": recipient.number,
        "status": status_name(recipient.code),
        "statusCode": recipient.code,
    }


def _json(status: int, message: str, recipients: list[dict[str, Any]]) -> Reply:
    body = _body({"SMSMessageData": {"Message": message, "Recipients": recipients}})
    return Reply(status, body, {"Content-Type": "application/json"})


def _body(document: dict[str, Any]) -> bytes:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return body.encode(errors="replace")


def plain(status: int, text: str | None = None) -> Reply:
    """Return a reply that is not about a text: akka-http's own words, or the load balancer's page."""
    if text is None and status in _HTML_STATUSES:
        return html(status)
    if text is None:
        text = _TEXTS.get(status) or next((code.phrase for code in HTTPStatus if code == status), "")
    headers = {"Content-Type": "text/plain; charset=UTF-8"}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Basic realm="api",charset=UTF-8'
    return Reply(status, text.encode(), headers)


def html(status: int) -> Reply:
    """Return a page of the load balancer, or of another proxy on the way."""
    title = f"{status} {HTTPStatus(status).phrase}"
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body><h1>{title}</h1></body>\r\n</html>\r\n"
    return Reply(status, page.encode(), {"Content-Type": "text/html"})


WRONG_KEY = plain(401)
UNAUTHENTICATED = plain(401, "The resource requires authentication, which was not supplied with the request")
# An unregistered sender id refuses the whole request.
INVALID_SENDER = _json(201, "InvalidSenderId", [])
