"""Everything a caller can be told when a request does not succeed: code, HTTP status, title (RFC 9457).

`code` is the contract; titles and details are for people and may change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["FIELD_ERRORS", "PROBLEMS", "FieldError", "Problem"]

PROBLEMS: Mapping[str, tuple[int, str, str]] = {
    # code: (HTTP status, title, what to do about it)
    "invalid_json": (400, "The body is not valid JSON", "Send one JSON object in UTF-8, each key once."),
    "invalid_query": (400, "A query parameter is not valid", "Correct the parameters named in errors."),
    "invalid_cursor": (400, "The cursor is not valid", "Start again without a cursor; keep the filters while paging."),
    "invalid_header": (400, "A header is not valid", "Correct the header named in detail."),
    "invalid_form": (400, "The body is not a valid form", "Send the fields form-encoded."),
    "idempotency_key_required": (
        400,
        "An Idempotency-Key is required",
        "Send a new Idempotency-Key with each request.",
    ),
    "unauthorized": (
        401,
        "A valid access token is required",
        "Send Authorization: Bearer with a current access token.",
    ),
    "insufficient_scope": (403, "The token lacks a scope", "Ask the sign-in for a token with the scope named."),
    "not_found": (404, "There is nothing here", "Check the path and the id."),
    "method_not_allowed": (405, "The path does not take this method", "Use a method named in Allow."),
    "reference_taken": (409, "The reference belongs to another order", "Read the order named in existing_id."),
    "customer_erased": (409, "The customer's personal data was erased", "Create a new customer."),
    "sms_in_progress": (409, "A text is already on its way", "Wait until the SMS state settles."),
    "sms_suppressed": (409, "The customer takes no texts", "Clear sms_opted_out once the customer agrees."),
    "sms_too_soon": (409, "A text was asked for a moment ago", "Try again after Retry-After seconds."),
    "sms_too_often": (409, "The text was asked for too often", "Nothing: one order's text goes out at most so often."),
    "order_cancelled": (409, "The order is cancelled", "Create a new order."),
    "version_mismatch": (412, "The item has changed", "Read it again and repeat with its ETag."),
    "payload_too_large": (413, "The body is too large", "Send a smaller body."),
    "unsupported_media_type": (415, "The body's media type is not taken", "Send Content-Type: application/json."),
    "validation_failed": (422, "Some fields are not valid", "Correct the fields named in errors."),
    "idempotency_key_reused": (
        422,
        "The Idempotency-Key was used with another body",
        "Use a new key for a new request.",
    ),
    "unexpected": (500, "Something went wrong on our side", "Repeat the request with the same Idempotency-Key."),
    "unavailable": (503, "The store does not answer", "Repeat after Retry-After with the same Idempotency-Key."),
}

FIELD_ERRORS: Mapping[str, str] = {
    # code: what to do about it
    "required": "Send it, and not empty.",
    "unknown_field": "Leave it out, or correct its name.",
    "read_only": "Leave it out: the system makes it.",
    "invalid_type": "Send the JSON type named in detail.",
    "too_long": "Shorten it to what detail names.",
    "too_short": "Send at least what detail names.",
    "control_character": "Remove control characters, and what is no Unicode.",
    "invalid_phone_number": "Send a Kenyan mobile number, or another country's with + and its country code.",
    "invalid_email": "Send one address such as name@example.com.",
    "invalid_amount": "Send a decimal number, best as a string.",
    "too_small": "Send an amount above 0.",
    "too_large": "Send an amount of at most what detail names.",
    "too_many_decimals": "Round it to the currency's decimals.",
    "unknown_currency": "Send an ISO 4217 code.",
    "not_found": "Send the id or code of one that is there.",
    "one_of": "Send exactly one of the fields named in detail.",
    "unknown_parameter": "Leave it out, or correct its name.",
    "repeated": "Send it once.",
    "invalid": "Send what detail asks for.",
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field at fault: a JSON pointer into the body (or `?name` for a query parameter), a code, a sentence.

    The code is one of FIELD_ERRORS; like a problem's it is the contract, and the sentence is not.
    """

    pointer: str
    code: str
    detail: str

    def public(self) -> dict[str, str]:
        """As it stands in a problem's `errors`."""
        return {"pointer": self.pointer, "code": self.code, "detail": self.detail}


class Problem(Exception):  # noqa: N818 - RFC 9457's own name
    """A request that cannot succeed, as the caller is told: raised anywhere, answered by `http.endpoint`."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        self.status, self.title, _ = PROBLEMS[code]
        super().__init__(code)
        self.code = code
        self.detail = detail or self.title
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.extra = extra

    def public(self, instance: str, request_id: str) -> dict[str, Any]:
        """The application/problem+json body (RFC 9457)."""
        body: dict[str, Any] = {
            "type": f"urn:sales:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors:
            body["errors"] = [error.public() for error in self.errors]
        return body | self.extra
