"""Numbers of several countries, from the customer to the delivery report, and the numbers that may be texted."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.send_sms.app import handler as send_sms
from functions.sweep_sms.app import handler as sweep_sms
from sales.runtime.settings import settings
from sales.services.sms import send as sending
from tests.conftest import forget_process_state
from tests.integration.api import Answer, call, create_customer, create_order, get, order_for
from tests.support.events import Context, form_event, http_event, stream_event
from tests.support.fakes import FakeProvider
from tests.support.numbers import COUNTRIES, mobile, ways_of_writing

pytestmark = pytest.mark.usefixtures("tables")
type Rows = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def provider(tables: None, monkeypatch: pytest.MonkeyPatch) -> FakeProvider:
    fake = FakeProvider()
    monkeypatch.setattr(sending, "Provider", lambda *_, **__: fake)
    return fake


def customer_with(number: str) -> dict[str, Any]:
    body: dict[str, Any] = create_customer({"name": "a", "phone_number": number, "email": "a@example.com"}).body
    return body


def stream(order: dict[str, Any], rows: Rows) -> None:
    send_sms(stream_event(next(row for row in rows("orders") if row["id"]["S"] == order["id"])), Context())


def state(order: dict[str, Any]) -> dict[str, Any]:
    sms: dict[str, Any] = get("get_order", "order", order["id"]).body["sms"]
    return sms


def webhook(kind: str, **fields: str) -> Answer:
    return call(f"record_{kind}", form_event("/webhooks/x", fields, {"secret": "webhook-secret"}))


def again(order: dict[str, Any]) -> Answer:
    headers, parameters = {"Idempotency-Key": "one"}, {"order": order["id"]}
    return call("resend_sms", http_event("POST", "/x", {"reason": "lost"}, headers=headers, parameters=parameters))


@pytest.mark.parametrize("country", COUNTRIES)
def test_reports_and_opt_outs_find_a_number_however_it_was_written(
    country: str, environment: pytest.MonkeyPatch, provider: FakeProvider, rows: Rows
) -> None:
    environment.setenv("DEFAULT_COUNTRY", country)
    number = mobile(country)
    # Every third way, because each costs an order; the reader's own tests have all of them.
    for written in ways_of_writing(country)[::3]:
        customer = customer_with(written)
        order = create_order(order_for(customer)).body
        stream(order, rows)
        assert provider.sent[-1][0] == number
        fields = {"id": state(order)["message_id"], "status": "Success", "phoneNumber": number}
        assert webhook("delivery_report", **fields).status == 200
        assert state(order)["status"] == "delivered"
    assert webhook("opt_out", phoneNumber=number).status == 200
    assert create_order(order_for(customer)).body["sms"]["reason"] == "opted_out"


def test_a_number_that_is_not_allowed_gets_no_text_and_the_order_says_why(provider: FakeProvider, rows: Rows) -> None:
    order = create_order(order_for(customer_with(mobile("UG")))).body
    assert (order["sms"]["status"], order["sms"]["reason"]) == ("suppressed", "not_allowed")
    assert [entry["status"] for entry in order["sms"]["history"]] == ["suppressed"]
    assert order["sms"]["history"][0]["reason"] == "not_allowed"
    stream(order, rows)
    sweep_sms({}, Context())
    assert provider.sent == []
    answer = again(order)
    assert (answer.status, answer.body["code"]) == (409, "sms_suppressed")
    assert answer.body["detail"] == "The shop's settings allow no texts to this number."


def test_a_list_of_prefixes_allows_exactly_those(
    environment: pytest.MonkeyPatch, provider: FakeProvider, rows: Rows
) -> None:
    environment.setenv("SMS_ALLOWED", f"+256, {mobile('TZ')}")
    for country in COUNTRIES:
        stream(create_order(order_for(customer_with(mobile(country)))).body, rows)
    assert sorted(number for number, _ in provider.sent) == sorted([mobile("UG"), mobile("TZ")])


@pytest.mark.parametrize("by_stream", [True, False])
def test_a_text_that_waits_is_held_back_once_its_number_is_not_allowed(
    by_stream: bool, environment: pytest.MonkeyPatch, provider: FakeProvider, rows: Rows
) -> None:
    environment.setenv("SMS_ALLOWED", "+256")
    order = create_order(order_for(customer_with(mobile("UG")))).body
    assert order["sms"]["status"] == "queued"
    environment.setenv("SMS_ALLOWED", "+254")
    forget_process_state()
    assert settings().sms_allowed == ("+254",)
    if by_stream:
        stream(order, rows)
    else:
        sweep_sms({}, Context())
    assert provider.sent == []
    assert (state(order)["status"], state(order)["reason"]) == ("suppressed", "not_allowed")
