"""The parameters of the contract's operations, by a name that is used in the contract only."""

from collections.abc import Mapping
from typing import Any

from sales.api.paging import DAYS, LONGEST_SEARCH, MOST_DAYS
from sales.domain.ids import LONGEST_REFERENCE
from sales.domain.search import FEWEST_DIGITS, MOST_NAMES
from sales.schemas.common import PHONE_NUMBER_SCHEMA, PLAIN_PATTERN
from sales.schemas.emails import EMAIL_PATTERN, LONGEST_EMAIL

__all__ = ["PARAMETERS"]

_ID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-8[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
_CODE = "[2-9A-HJ-NP-Za-hj-np-z]{4}-?[2-9A-HJ-NP-Za-hj-np-z]{4}"
_ENTITY_TAG = r'(W/)?"[\x21\x23-\x7e]*"'
_MOMENT = {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}

PARAMETERS: Mapping[str, dict[str, Any]] = {
    "customer": {
        "name": "customer",
        "in": "path",
        "required": True,
        "description": "The customer's id or code.",
        "schema": {"type": "string", "pattern": f"^({_ID}|{_CODE})$"},
    },
    "order": {
        "name": "order",
        "in": "path",
        "required": True,
        "description": "The order's id or code.",
        "schema": {"type": "string", "pattern": f"^({_ID}|{_CODE})$"},
    },
    "secret": {
        "name": "secret",
        "in": "path",
        "required": True,
        "description": "The webhook secret. Africa's Talking signs nothing, so the address must be secret.",
        "schema": {"type": "string", "minLength": 1, "pattern": "^[A-Za-z0-9_-]+$"},
    },
    "idempotency_key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Makes the request safe to repeat: the same key always returns the same item. One header line.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!-+\--~]+$"},
    },
    "if_match": {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag of the version to change, or several. 412 if the current version is another, and for weak "
        "ETags. Without this header the last write wins.",
        "schema": {"type": "string", "pattern": rf'^(\*|"[0-9]{{1,18}}")$|^{_ENTITY_TAG}(, ?{_ENTITY_TAG}){{0,99}}$'},
    },
    "required_if_match": {
        "name": "If-Match",
        "in": "header",
        "required": True,
        "description": "The ETag of the version to replace, or several. 412 if the current version is another, and for weak "
        "ETags; 428 without this header, or with `*`.",
        "schema": {"type": "string", "pattern": rf'^"[0-9]{{1,18}}"$|^{_ENTITY_TAG}(, ?{_ENTITY_TAG}){{0,99}}$'},
    },
    "if_none_match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETags that the caller has. 304 if one of them, weak or strong, is current.",
        "schema": {"type": "string"},
    },
    "request_id": {
        "name": "X-Request-Id",
        "in": "header",
        "description": "The caller's own id of the request, which the answer repeats and the logs keep: 1 to 128 letters, "
        "digits, dots, hyphens and underscores. The API ignores any other value.",
        "schema": {"type": "string"},
    },
    "limit": {
        "name": "limit",
        "in": "query",
        "description": "How many rows a page has.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 25},
    },
    "export_limit": {
        "name": "limit",
        "in": "query",
        "description": "How many orders a page has.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 100},
    },
    "cursor": {
        "name": "cursor",
        "in": "query",
        "description": "The `next_cursor` of the previous page, with the same filters.",
        "schema": {"type": "string", "minLength": 1},
    },
    "filter_customer": {
        "name": "customer",
        "in": "query",
        "description": "A customer's id or code.",
        "schema": {"type": "string", "pattern": f"^({_ID}|{_CODE})$"},
    },
    "order_status": {
        "name": "status",
        "in": "query",
        "description": "Whether orders were cancelled. A page may have fewer rows than `limit` and still a `next_cursor`.",
        "schema": {"$ref": "#/components/schemas/OrderStatus"},
    },
    "sms_status": {"name": "sms_status", "in": "query", "schema": {"$ref": "#/components/schemas/Status"}},
    "reference": {
        "name": "reference",
        "in": "query",
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_REFERENCE, "pattern": PLAIN_PATTERN},
    },
    "order_date_from": {
        "name": "order_date_from",
        "in": "query",
        "description": "From this moment on (inclusive): an RFC 3339 time, or a date, which means midnight UTC.",
        "schema": _MOMENT,
    },
    "order_date_to": {
        "name": "order_date_to",
        "in": "query",
        "description": "Before this moment (exclusive): an RFC 3339 time, or a date, which means midnight UTC.",
        "schema": _MOMENT,
    },
    "search": {
        "name": "search",
        "in": "query",
        "description": "What a person types. Every meaning that the text can have counts: words, each of which begins one of the "
        f"customer's first {MOST_NAMES} names, in any order, case and accents aside; a phone number in any form, or its last "
        f"{FEWEST_DIGITS} or more digits; a code. No other parameter but `limit` can be next to it.",
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_SEARCH},
        "example": "wanj kamau",
    },
    "phone_number": {
        "name": "phone_number",
        "in": "query",
        "description": "A phone number in any form that a new customer's may have.",
        "schema": PHONE_NUMBER_SCHEMA,
    },
    "email": {
        "name": "email",
        "in": "query",
        "description": "An e-mail address; upper and lower case do not matter.",
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_EMAIL, "pattern": EMAIL_PATTERN},
    },
    "from": {
        "name": "from",
        "in": "query",
        "description": f"The first day, in the shop's own time. Without it, the answer has {DAYS} days.",
        "schema": {"type": "string", "format": "date"},
    },
    "to": {
        "name": "to",
        "in": "query",
        "description": f"The last day (inclusive); today, if it is left out. At most {MOST_DAYS} days.",
        "schema": {"type": "string", "format": "date"},
    },
    "sms_opted_out": {
        "name": "sms_opted_out",
        "in": "query",
        "description": "Only customers who have opted out.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "sms_blocked": {
        "name": "sms_blocked",
        "in": "query",
        "description": "Only customers whose network refuses our sender id.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "code": {"name": "code", "in": "query", "schema": {"type": "string", "pattern": f"^{_CODE}$"}},
}
