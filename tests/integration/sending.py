"""Sending as tests see it: a clock that they move, the stream, the sweep, and what people and the provider ask for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.send_sms.app import handler as send_sms
from functions.sweep_sms.app import handler as sweep_sms
from tests.integration.api import Answer, call, get
from tests.support.events import Context, form_event, http_event, stream_event

type Rows = Callable[[str], list[dict[str, Any]]]


class Time:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def image(order: dict[str, Any], rows: Rows) -> dict[str, Any]:
    return next(row for row in rows("orders") if row["id"]["S"] == order["id"])


def stream(*orders: dict[str, Any], rows: Rows) -> dict[str, Any]:
    return send_sms(stream_event(*(image(order, rows) for order in orders)), Context())


def sweep(seconds: float = 60, **event: int) -> dict[str, int]:
    return sweep_sms(event, Context(seconds))


def state(order: dict[str, Any]) -> dict[str, Any]:
    sms: dict[str, Any] = get("get_order", "order", order["id"]).body["sms"]
    return sms


def report(
    message_id: str, status: str, number: str = "+254704590344", secret: str = "webhook-secret", **more: str
) -> Answer:
    fields = {"id": message_id, "status": status, "phoneNumber": number, "networkCode": "99999", **more}
    return call("record_delivery_report", form_event("/webhooks/x", fields, {"secret": secret}))


def cancel(order: dict[str, Any]) -> Answer:
    return call("cancel_order", http_event("POST", "/x", parameters={"order": order["id"]}))


def again(order: dict[str, Any], key: str | None = "one", reason: str = "lost phone", **headers: str) -> Answer:
    """Ask for the text once more, as a person does."""
    headers |= {"Idempotency-Key": key} if key else {}
    event = http_event("POST", "/x", {"reason": reason}, headers=headers, parameters={"order": order["id"]})
    return call("resend_sms", event)


def opt_out(number: str) -> Answer:
    fields = {"senderId": "SHOP", "phoneNumber": number}
    return call("record_opt_out", form_event("/webhooks/x", fields, {"secret": "webhook-secret"}))


def patch_customer(customer: dict[str, Any] | str, **fields: Any) -> Answer:
    """Change fields of a customer."""
    customer_id = customer if isinstance(customer, str) else customer["id"]
    return call("update_customer", http_event("PATCH", "/x", fields, parameters={"customer": customer_id}))


def shown(customer: dict[str, Any] | str) -> dict[str, Any]:
    """Return a customer as the API shows it."""
    body: dict[str, Any] = get(
        "get_customer", "customer", customer if isinstance(customer, str) else customer["id"]
    ).body
    return body
