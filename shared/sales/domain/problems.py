"""The problems that the API answers with when a request does not succeed (RFC 9457): code, HTTP status, title, advice.

Codes are part of the contract. Titles, details and advice are prose for people and may change.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

__all__ = ["FIELD_ERRORS", "PROBLEMS", "FieldError", "Problem"]

PROBLEMS: Mapping[str, tuple[int, str, str]] = {
    # code: (HTTP status, title, advice)
    "invalid_json": (400, "The body is not valid JSON", "Send one JSON object in UTF-8, with no name twice."),
    "invalid_query": (400, "Invalid query parameters", "Correct the parameters listed in errors."),
    "invalid_cursor": (400, "Invalid cursor", "Start again without a cursor, and keep the filters while you page."),
    "invalid_header": (400, "Invalid header", "Correct the header named in detail."),
    "invalid_form": (400, "The body is not a valid form", "Send the fields form-encoded."),
    "idempotency_key_required": (
        400,
        "An Idempotency-Key is required",
        "Send a new Idempotency-Key with each new request.",
    ),
    "unauthorized": (
        401,
        "A valid access token is required",
        "Send Authorization: Bearer with an access token that has not expired.",
    ),
    "insufficient_scope": (403, "The token lacks a scope", "Get a token with the scope named in detail."),
    "not_found": (404, "Not found", "Check the path and the id."),
    "method_not_allowed": (405, "Method not allowed", "Use a method listed in Allow."),
    "not_acceptable": (406, "This file exists only compressed", "Send Accept-Encoding: gzip."),
    "reference_taken": (409, "Another order has this reference", "Read the order named in existing_id."),
    "customer_erased": (409, "The customer's personal data was erased", "Create a new customer."),
    "sms_in_progress": (409, "A text is already on its way", "Wait until its status is neither queued nor sending."),
    "sms_suppressed": (409, "No text may go to this customer", "Mend what reason names, then try again."),
    "sms_too_soon": (409, "A text was requested a moment ago", "Try again after Retry-After seconds."),
    "sms_too_often": (
        409,
        "The text was sent again too often",
        "Don't retry: this order has reached its resend limit.",
    ),
    "order_cancelled": (409, "The order is cancelled", "Create a new order."),
    "ambiguous_code": (409, "Several orders have this code", "Use one of the ids listed in ids."),
    "version_mismatch": (412, "The item has changed", "Read it again, then repeat the request with its new ETag."),
    "payload_too_large": (413, "The body is too large", "Send a smaller body."),
    "unsupported_media_type": (415, "Unsupported media type", "Send Content-Type: application/json."),
    "wording_invalid": (422, "The wording cannot be used", "Correct the languages and wordings listed in errors."),
    "invalid_file": (422, "The file cannot be read", "Correct what detail names, then send the file again."),
    "unknown_column": (422, "The file has the wrong columns", "Correct the columns listed in errors."),
    "too_many_rows": (422, "The file has too many rows", "Send it in parts, each with the names of the columns."),
    "validation_failed": (422, "Some fields are not valid", "Correct the fields listed in errors."),
    "idempotency_key_reused": (
        422,
        "The Idempotency-Key was used for another request",
        "Use a new Idempotency-Key for a new request.",
    ),
    "precondition_required": (
        428,
        "If-Match is required",
        "Read the item, then repeat the request with its ETag in If-Match.",
    ),
    "unexpected": (500, "Something went wrong on our side", "Repeat the request with the same Idempotency-Key."),
    "unavailable": (
        503,
        "The database did not answer",
        "Repeat the request after Retry-After seconds, with the same Idempotency-Key.",
    ),
}

FIELD_ERRORS: Mapping[str, str] = {
    # what to do about each code
    "required": "Send this field with a value that can be seen.",
    "unknown_field": "Leave it out, or correct its name.",
    "read_only": "Leave it out: the system sets it.",
    "invalid_type": "Send the JSON type named in detail.",
    "too_long": "Shorten it to the length named in detail.",
    "too_short": "Send at least the length named in detail.",
    "control_character": "Remove control characters, other invisible characters and invalid Unicode.",
    "number_not_reachable": "Send a mobile or landline number; one of another country needs + and its calling code.",
    "invalid_email": "Send one address, such as name@example.com.",
    "invalid_amount": "Send a decimal number, preferably as a string.",
    "too_small": "Send an amount above 0.",
    "too_large": "Send an amount no larger than the one named in detail.",
    "too_many_decimals": "Round it to the currency's decimals.",
    "unknown_currency": "Send an ISO 4217 code.",
    "invalid_language": "Send a BCP 47 language tag once, such as en or sw-KE.",
    "unknown_language": "Send a language that the shop has a wording for.",
    "invalid_wording": "Correct the wording as detail says.",
    "not_found": "Send the id or code of an existing item.",
    "one_of": "Send exactly one of the fields named in detail.",
    "unknown_parameter": "Leave it out, or correct its name.",
    "repeated": "Send it once.",
    "invalid": "Send a value of the kind named in detail.",
}


class FieldError(NamedTuple):
    """One field at fault: a JSON pointer into the body (`?name` for a query parameter), a code and a sentence.

    The code is a key of FIELD_ERRORS and part of the contract; the sentence is prose.
    """

    pointer: str
    code: str
    detail: str

    def public(self) -> dict[str, str]:
        """Return the entry for a problem's `errors`."""
        return {"pointer": self.pointer, "code": self.code, "detail": self.detail}


class Problem(Exception):  # noqa: N818 - RFC 9457's own name
    """A request that cannot succeed. Raise it anywhere; `api.endpoint` answers the caller with it.

    `detail` says in one sentence what went wrong this time; it is the title where none is given. `extra` becomes
    further members of the answer.
    """

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
        """Return the application/problem+json body (RFC 9457) for the path and the request."""
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
