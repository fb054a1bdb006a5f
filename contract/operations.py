"""The operations of the contract, by the folder of their function: parameters, success and problems.

The template has the routes, `sales.schemas` the request bodies, `sales.domain.problems` the problem codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from contract import answers
from sales.domain.sms.states import Status
from sales.schemas import customers as customer_inputs
from sales.schemas import orders as order_inputs
from sales.schemas import sms as sms_inputs

__all__ = ["ALIASES", "EVERYWHERE", "OPERATIONS", "PAGES", "PARAMETERS", "Link", "Operation"]

# Operation ids of the original's four requests and of the other methods on their paths. The document's description covers
# the rest of /ap1/v1/sales in one sentence.
ALIASES = {
    "POST /ap1/v1/sales/create-customer": "create_customer_original",
    "POST /ap1/v1/sales/create-order": "create_order_original",
    "GET /ap1/v1/sales/customers": "list_customers_original",
    "GET /ap1/v1/sales/orders": "list_orders_original",
    "POST /ap1/v1/sales/customers": "create_customer_alias",
    "POST /ap1/v1/sales/orders": "create_order_alias",
}
# Functions outside the contract: the pages for people, and the answer to unmatched requests.
PAGES = frozenset({"serve_docs", "serve_console", "answer_unmatched"})
# Problems that any request may meet.
EVERYWHERE = ("payload_too_large", "unexpected", "unavailable")

_ID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-8[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
_ENTITY_TAG = r'(W/)?"[\x21\x23-\x7e]*"'
_MOMENT = {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}

PARAMETERS: Mapping[str, dict[str, Any]] = {
    "customer": {
        "name": "customer",
        "in": "path",
        "required": True,
        "description": "The customer's id or code.",
        "schema": {"type": "string", "pattern": f"^({_ID}|[2-9A-HJ-NP-Za-hj-np-z]{{8}})$"},
    },
    "order": {
        "name": "order",
        "in": "path",
        "required": True,
        "description": "The order's id.",
        "schema": {"type": "string", "pattern": f"^{_ID}$"},
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
        "description": "Makes the request safe to repeat: the same key always returns the same item.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    },
    "if_match": {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag of the version to change, or several. 412 if the current version is another, and for weak "
        "ETags. Without this header the last write wins.",
        "schema": {"type": "string", "pattern": rf'^(\*|"[0-9]{{1,18}}")$|^{_ENTITY_TAG}(, ?{_ENTITY_TAG}){{0,99}}$'},
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
        "description": "Identifies the request in the answer and in the logs: 1 to 128 letters, digits, dots, hyphens and "
        "underscores. The API replaces any other value.",
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
        "schema": {"type": "string", "pattern": f"^({_ID}|[2-9A-HJ-NP-Za-hj-np-z]{{8}})$"},
    },
    "sms_status": {"name": "sms_status", "in": "query", "schema": {"type": "string", "enum": list(Status)}},
    "reference": {
        "name": "reference",
        "in": "query",
        "schema": {"type": "string", "minLength": 1, "maxLength": 100},
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
    "phone_number": {
        "name": "phone_number",
        "in": "query",
        "description": "A phone number in any form that a new customer's may have.",
        "schema": customer_inputs.PHONE_NUMBER_SCHEMA,
    },
    "email": {
        "name": "email",
        "in": "query",
        "description": "An e-mail address; upper and lower case do not matter.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 254},
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
    "code": {"name": "code", "in": "query", "schema": {"type": "string", "pattern": "^[2-9A-HJ-NP-Za-hj-np-z]{8}$"}},
}


@dataclass(frozen=True)
class Link:
    """A link from an answer to an operation; its path parameters or body fields come from the answer's body."""

    operation: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One endpoint. `headers` are those of success, without X-Request-Id; `form` has the fields of a webhook."""

    tag: str
    summary: str
    description: str
    status: int
    answer: type[BaseModel]
    parameters: tuple[str, ...] = ()
    body: type[BaseModel] | None = None
    form: tuple[str, ...] = ()
    form_required: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    links: Mapping[str, Link] = field(default_factory=dict)
    key_required: bool = False


_BODY = ("invalid_json", "unsupported_media_type", "validation_failed")
_CREATES = ("idempotency_key", "request_id")
_READS = ("if_none_match", "request_id")
_PAGE = ("limit", "cursor", "request_id")
_CUSTOMER_LINKS = {
    "customer": Link("get_customer", {"customer": "id"}),
    "change": Link("update_customer", {"customer": "id"}),
    "export": Link("export_customer", {"customer": "id"}),
    "order": Link("create_order", body={"customer": "id"}),
}
_ORDER_LINKS = {
    "order": Link("get_order", {"order": "id"}),
    "cancel": Link("cancel_order", {"order": "id"}),
    "send_again": Link("resend_sms", {"order": "id"}),
}

OPERATIONS: Mapping[str, Operation] = {
    "create_customer": Operation(
        tag="Customers",
        summary="Create a customer",
        description="Repeating the request with the same `Idempotency-Key` returns the same customer, with "
        "`Idempotency-Replayed: true`.",
        status=201,
        answer=answers.Customer,
        parameters=_CREATES,
        body=customer_inputs.NewCustomer,
        headers=("ETag", "Location", "Idempotency-Replayed"),
        problems=("invalid_header", *_BODY, "idempotency_key_reused"),
        links=_CUSTOMER_LINKS,
    ),
    "list_customers": Operation(
        tag="Customers",
        summary="List customers",
        description="Newest first. Combine filters as needed. With `sms_opted_out` or `sms_blocked` a page may hold fewer "
        "customers than `limit` and still have a next one.",
        status=200,
        answer=answers.CustomerPage,
        parameters=("phone_number", "email", "code", "sms_opted_out", "sms_blocked", *_PAGE),
        headers=("Link",),
        problems=("invalid_query", "invalid_cursor"),
    ),
    "get_customer": Operation(
        tag="Customers",
        summary="Read a customer",
        description="Find the customer by id or code.",
        status=200,
        answer=answers.Customer,
        parameters=("customer", *_READS),
        headers=("ETag",),
        problems=("not_found",),
    ),
    "update_customer": Operation(
        tag="Customers",
        summary="Change a customer",
        description="Fields left out stay as they are. With `If-Match` only that version is changed.",
        status=200,
        answer=answers.Customer,
        parameters=("customer", "if_match", "request_id"),
        body=customer_inputs.CustomerChanges,
        headers=("ETag",),
        problems=("invalid_header", *_BODY, "not_found", "customer_erased", "version_mismatch"),
    ),
    "export_customer": Operation(
        tag="Customers",
        summary="Export everything stored about a customer",
        description="The customer and all their orders, newest first, with phone numbers and texts in full. If there "
        "are more orders than `limit`, follow `next_cursor` until it is null.",
        status=200,
        answer=answers.Export,
        parameters=("customer", "export_limit", "cursor", "request_id"),
        headers=("Link",),
        problems=("invalid_query", "invalid_cursor", "not_found"),
    ),
    "erase_customer": Operation(
        tag="Customers",
        summary="Erase a customer's personal data",
        description="Deletes name, phone number, e-mail address and the texts of the orders; the orders stay. Safe to "
        "repeat. With `If-Match` only that version is erased.",
        status=200,
        answer=answers.Customer,
        parameters=("customer", "if_match", "request_id"),
        headers=("ETag",),
        problems=("invalid_header", "not_found", "version_mismatch"),
    ),
    "create_order": Operation(
        tag="Orders",
        summary="Create an order",
        description="Stores the order and queues its text; the customer gets it a moment later. Repeating the request "
        "with the same `Idempotency-Key` returns the same order and sends no second text.",
        status=201,
        answer=answers.Order,
        parameters=_CREATES,
        body=order_inputs.NewOrder,
        headers=("ETag", "Location", "Idempotency-Replayed"),
        problems=("invalid_header", *_BODY, "idempotency_key_reused", "reference_taken", "customer_erased"),
        links=_ORDER_LINKS,
    ),
    "list_orders": Operation(
        tag="Orders",
        summary="List orders",
        description="Newest first. Combine filters as needed.",
        status=200,
        answer=answers.OrderPage,
        parameters=("filter_customer", "sms_status", "reference", "order_date_from", "order_date_to", *_PAGE),
        headers=("Link",),
        problems=("invalid_query", "invalid_cursor"),
    ),
    "get_order": Operation(
        tag="Orders",
        summary="Read an order",
        description="With its SMS and the SMS's history.",
        status=200,
        answer=answers.Order,
        parameters=("order", *_READS),
        headers=("ETag",),
        problems=("not_found",),
    ),
    "cancel_order": Operation(
        tag="Orders",
        summary="Cancel an order",
        description="Suppresses a text that is still queued. Cancelling a cancelled order answers 200 and changes nothing.",
        status=200,
        answer=answers.Order,
        parameters=("order", "if_match", "request_id"),
        headers=("ETag",),
        problems=("invalid_header", "not_found", "version_mismatch"),
    ),
    "resend_sms": Operation(
        tag="Orders",
        summary="Send an order's text again",
        description="Queues one new attempt, to the customer's current number, because a person asks for it: at most one "
        "per minute and 50 per order. With `If-Match` only for that version of the order; a replay ignores the version.",
        status=202,
        answer=answers.Order,
        parameters=("order", "idempotency_key", "if_match", "request_id"),
        key_required=True,
        body=sms_inputs.Resend,
        headers=("ETag", "Idempotency-Replayed"),
        problems=(
            "invalid_header",
            "idempotency_key_required",
            *_BODY,
            "idempotency_key_reused",
            "not_found",
            "sms_in_progress",
            "sms_suppressed",
            "sms_too_soon",
            "sms_too_often",
            "order_cancelled",
            "customer_erased",
            "version_mismatch",
        ),
    ),
    "preview_sms": Operation(
        tag="Orders",
        summary="Preview a text",
        description="Returns text, encoding, segments and likely price of an order's SMS. Stores and sends nothing.",
        status=200,
        answer=answers.Preview,
        parameters=("request_id",),
        body=sms_inputs.SmsPreview,
        problems=(*_BODY, "customer_erased"),
    ),
    "get_sms_status": Operation(
        tag="Orders",
        summary="See whether texts go out",
        description="With the reason and the end of a pause, the last reading of the account's balance, and how many texts wait.",
        status=200,
        answer=answers.SmsStatus,
        parameters=("request_id",),
    ),
    "record_delivery_report": Operation(
        tag="Webhooks",
        summary="Receive a delivery report",
        description="Africa's Talking calls this. It never sends a text. Unknown messages get 200 too.",
        status=200,
        answer=answers.Health,
        parameters=("secret", "request_id"),
        form=("id", "status", "phoneNumber", "networkCode", "failureReason", "retryCount"),
        form_required=("id", "status", "phoneNumber"),
        problems=("invalid_form", "not_found", "unsupported_media_type"),
    ),
    "record_opt_out": Operation(
        tag="Webhooks",
        summary="Receive an opt-out",
        description="Africa's Talking calls this when a recipient answers STOP.",
        status=200,
        answer=answers.Health,
        parameters=("secret", "request_id"),
        form=("phoneNumber", "senderId"),
        form_required=("phoneNumber",),
        problems=("invalid_form", "not_found", "unsupported_media_type"),
    ),
    "check_health": Operation(
        tag="Health",
        summary="Check that the API answers",
        description="Reveals nothing about the system.",
        status=200,
        answer=answers.Health,
        parameters=("request_id",),
    ),
}
