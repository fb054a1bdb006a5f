"""The operations of the contract, by the folder of their function: names of parameters, success and problems.

The template has the routes, `sales.schemas` the request bodies, `sales.domain.problems` the problem codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from contract import answers
from sales.domain.files.csv_cells import CUSTOMER_COLUMNS, ORDER_COLUMNS
from sales.domain.search import MOST_FOUND
from sales.schemas import customers as customer_inputs
from sales.schemas import orders as order_inputs
from sales.schemas import previews as preview_inputs
from sales.schemas import sms as sms_inputs
from sales.schemas import wording as wording_inputs
from sales.services.days import MOST_ORDERS
from sales.store.search import MOST_ROWS

__all__ = ["ALIASES", "EVERYWHERE", "OPERATIONS", "PAGES", "Link", "Operation"]

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


@dataclass(frozen=True)
class Link:
    """A link from an answer to an operation; its path parameters or body fields come from the answer's body."""

    operation: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One endpoint. `headers` are those of success, without X-Request-Id; `form` names a webhook's form.

    Without `answer` it takes and returns a file (contract/import_files.py).
    """

    tag: str
    summary: str
    description: str
    status: int
    answer: type[BaseModel] | None
    parameters: tuple[str, ...] = ()
    body: type[BaseModel] | None = None
    form: str | None = None
    headers: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    links: Mapping[str, Link] = field(default_factory=dict)
    key_required: bool = False
    # Those of the file that the list is for `Accept: text/csv`.
    columns: tuple[str, ...] = ()


_BODY = ("invalid_json", "unsupported_media_type", "validation_failed")
_FILE = ("unsupported_media_type", "invalid_file", "unknown_column", "too_many_rows")
_AS_CSV = (
    "With `Accept: text/csv` the page is a CSV file with a header (RFC 4180, UTF-8), and `Link` leads to the next one; no cell can be "
    "taken for a formula, because such a cell, phone numbers too, begins with an apostrophe."
)
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
        f"customers than `limit` and still have a next one. `search` returns at most {MOST_FOUND} customers and no cursor: exact "
        "matches first (the whole number, the code, whole names), then the newest. If fewer customers match, all are there, "
        f"provided that one of the words begins the first, second or third name of at most {MOST_ROWS:,} customers. If more "
        "match, they are some of them: search for more letters or a further name. A search finds a change a moment after it. "
        f"{_AS_CSV}",
        status=200,
        answer=answers.CustomerPage,
        columns=CUSTOMER_COLUMNS,
        parameters=("search", "phone_number", "email", "code", "sms_opted_out", "sms_blocked", *_PAGE),
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
        description="Fields left out stay as they are. With `If-Match` only that version is changed. A body that sets "
        "`sms_opted_out` or `sms_blocked` to false needs the scope `sales:manage` as well.",
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
    "import_customers": Operation(
        tag="Customers",
        summary="Import customers from a file",
        description="Returns the same file with the result of each row: `created`, `unchanged` if the customer exists as the row "
        "says, or `refused` with the reason. A customer is known by number and name, so a file sent again creates nobody twice: "
        "correct the refused rows and send it again. The columns of an export and of a result are ignored. Opt-outs are not "
        "imported.",
        status=200,
        answer=None,
        parameters=("request_id",),
        problems=_FILE,
    ),
    "create_order": Operation(
        tag="Orders",
        summary="Create an order",
        description='Stores the order and queues its text; the customer gets it a moment later. With `"sms": false` it texts '
        "nobody, until a person sends its text. Repeating the request "
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
        description=f"Newest first. Combine filters as needed. {_AS_CSV} Each row has the customer's present number as well.",
        status=200,
        answer=answers.OrderPage,
        columns=ORDER_COLUMNS,
        parameters=(
            "filter_customer",
            "order_status",
            "sms_status",
            "reference",
            "order_date_from",
            "order_date_to",
            *_PAGE,
        ),
        headers=("Link",),
        problems=("invalid_query", "invalid_cursor"),
    ),
    "get_order": Operation(
        tag="Orders",
        summary="Read an order",
        description="With its SMS and the SMS's history. Its id finds an order as soon as it was created, its code usually within a "
        "second.",
        status=200,
        answer=answers.Order,
        parameters=("order", *_READS),
        headers=("ETag",),
        problems=("not_found", "ambiguous_code"),
    ),
    "cancel_order": Operation(
        tag="Orders",
        summary="Cancel an order",
        description="Suppresses a text that is still queued. Cancelling a cancelled order answers 200 and changes nothing.",
        status=200,
        answer=answers.Order,
        parameters=("order", "if_match", "request_id"),
        headers=("ETag",),
        problems=("invalid_header", "not_found", "ambiguous_code", "version_mismatch"),
    ),
    "list_days": Operation(
        tag="Orders",
        summary="See what each day came to",
        description="Newest first, without days without orders. Days are the shop's own. A day is counted a few minutes after "
        f"it ends, and again after a change to one of its orders. Today is counted as you ask, up to {MOST_ORDERS:,} orders.",
        status=200,
        answer=answers.DayList,
        parameters=("from", "to", "request_id"),
        problems=("invalid_query",),
    ),
    "import_orders": Operation(
        tag="Orders",
        summary="Import orders from a file",
        description="Returns the same file with the result of each row: `created`, `unchanged` if the order exists as the row "
        "says, or `refused` with the reason. An order is known by its `reference`, so a file sent again creates none twice. "
        "`customer` is an id, a code, or a number that exactly one customer has; in an export of another system, the customer is the one "
        "here with `customer_phone_number` and `customer_name`. Imported orders have the date of the import "
        "and text nobody. The columns of an export and of a result are ignored.",
        status=200,
        answer=None,
        parameters=("request_id",),
        problems=_FILE,
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
            "ambiguous_code",
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
        body=preview_inputs.SmsPreview,
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
    "get_wording": Operation(
        tag="Wording",
        summary="Read the wording of texts",
        description="The templates of a new order's text by language. Until the shop writes its own, those that ship, as version 1.",
        status=200,
        answer=answers.Wording,
        parameters=_READS,
        headers=("ETag",),
    ),
    "put_wording": Operation(
        tag="Wording",
        summary="Replace the wording of texts",
        description="All languages at once; texts composed from now on have it. Every template must make a text that can be sent.",
        status=200,
        answer=answers.Wording,
        parameters=("required_if_match", "request_id"),
        body=wording_inputs.NewWording,
        headers=("ETag",),
        problems=("invalid_header", *_BODY, "wording_invalid", "version_mismatch", "precondition_required"),
    ),
    "record_delivery_report": Operation(
        tag="Webhooks",
        summary="Receive a delivery report",
        description="Africa's Talking calls this. It never sends a text. Unknown messages get 200 too.",
        status=200,
        answer=answers.Health,
        parameters=("secret", "request_id"),
        form="DeliveryReport",
        problems=("invalid_form", "not_found", "unsupported_media_type"),
    ),
    "record_opt_out": Operation(
        tag="Webhooks",
        summary="Receive an opt-out",
        description="Africa's Talking calls this when a recipient answers STOP.",
        status=200,
        answer=answers.Health,
        parameters=("secret", "request_id"),
        form="OptOut",
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
