"""Customers, orders and the history of texts name who created and changed them."""

from typing import Any

import pytest

from sales.africastalking.answers import Kind
from sales.domain.ids import code_of
from sales.store import store
from sales.store.customers import customer_from_item, customer_to_item
from sales.store.orders import order_from_item, order_to_item
from tests.integration.api import call, create_customer, create_order, get, order_for
from tests.integration.sending import Rows, Time, opt_out, report, shown, state, stream
from tests.support.events import http_event
from tests.support.fakes import FakeProvider, refused

pytestmark = pytest.mark.usefixtures("tables")
CLERK, OWNER = "00uclerk", "00uowner"


def authors(customer: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return who created the customer and who changed it last."""
    now = shown(customer)
    return now["created_by"], now["updated_by"]


def by(order: dict[str, Any]) -> list[tuple[str | None, str | None]]:
    """Return the causes of the order's history with who caused each."""
    return [(event.get("cause"), event.get("by")) for event in state(order)["history"]]


def send(function: str, method: str, item: dict[str, Any], subject: str, body: Any = None, **headers: str) -> Any:
    name = "order" if "sms" in item else "customer"
    event = http_event(method, "/x", body, parameters={name: item["id"]}, subject=subject, headers=headers)
    answer = call(function, event)
    assert answer.status < 300, answer
    return answer.body


def test_a_customer_names_who_created_it_and_who_changed_it_last() -> None:
    customer = create_customer(subject=CLERK).body
    assert (customer["created_by"], customer["updated_by"]) == (CLERK, CLERK)
    assert send("update_customer", "PATCH", customer, OWNER, {"name": "Jane"})["updated_by"] == OWNER
    assert authors(customer) == (CLERK, OWNER)


def test_a_change_of_nothing_leaves_the_author() -> None:
    customer = create_customer(subject=CLERK).body
    send("update_customer", "PATCH", customer, OWNER, {})
    assert authors(customer) == (CLERK, CLERK)


def test_a_persons_uid_counts_and_not_their_login() -> None:
    event = http_event("POST", "/x", {"name": "A", "phone_number": "0704590344", "email": "a@example.com"})
    event["requestContext"]["authorizer"]["jwt"]["claims"] |= {"uid": CLERK, "sub": "clerk@example.com"}
    assert call("create_customer", event).body["created_by"] == CLERK


def test_an_address_for_a_login_is_stored_as_its_digest(rows: Rows) -> None:
    customer = create_customer(subject="clerk@example.com", client="").body
    order = create_order(order_for(customer), subject="clerk@example.com", client="").body
    assert customer["created_by"] == order["created_by"] == order["sms"]["history"][0]["by"]
    assert customer["created_by"].startswith("sha256:")
    assert "clerk@example.com" not in str(rows("customers")) + str(rows("orders"))


def test_an_opt_out_at_the_provider_is_the_providers_change() -> None:
    customer = create_customer(subject=CLERK).body
    assert opt_out("+254704590344").status == 200
    assert authors(customer) == (CLERK, "provider")


def test_a_block_that_the_sender_meets_is_nobodys_change(rows: Rows, time: Time, provider: FakeProvider) -> None:
    customer = create_customer(subject=CLERK).body
    order = create_order(order_for(customer)).body
    provider.answers = [refused(Kind.refused, "UserInBlacklist", blocked=True)]
    stream(order, rows=rows)
    assert shown(customer)["sms_blocked"]
    assert authors(customer) == (CLERK, None)


def test_an_order_and_its_history_name_the_callers_and_the_provider_only(
    rows: Rows, time: Time, provider: FakeProvider
) -> None:
    customer = create_customer().body
    order = create_order(order_for(customer), subject=CLERK).body
    assert order["created_by"] == CLERK
    stream(order, rows=rows)
    report(state(order)["message_id"], "Success")
    time.pass_(61)
    send("resend_sms", "POST", order, OWNER, {"reason": "lost"}, **{"Idempotency-Key": "again"})
    send("cancel_order", "POST", order, CLERK)
    assert by(order) == [
        (None, CLERK),
        ("claimed", None),
        ("accepted", None),
        ("report_success", "provider"),
        ("requested", OWNER),
        ("cancelled", CLERK),
    ]
    assert get("get_order", "order", order["id"]).body["created_by"] == CLERK


def test_an_erasure_keeps_who_acted_and_names_who_erased(rows: Rows, time: Time, provider: FakeProvider) -> None:
    customer = create_customer(subject=CLERK).body
    order = create_order(order_for(customer), subject=CLERK).body
    erased = send("erase_customer", "POST", customer, OWNER)
    assert (erased["name"], erased["created_by"], erased["updated_by"]) == (None, CLERK, OWNER)
    assert by(order) == [(None, CLERK), ("cancelled", OWNER)]
    # Again, it changes nothing.
    assert send("erase_customer", "POST", customer, CLERK)["updated_by"] == OWNER


def test_items_from_before_there_were_authors_show_none() -> None:
    customer = create_customer().body
    found = store().customers.get(code_of(customer["id"]))
    assert found
    item = {name: value for name, value in customer_to_item(found).items() if not name.endswith("_by")}
    assert (customer_from_item(item).public()["created_by"], customer_from_item(item).public()["updated_by"]) == (
        None,
        None,
    )
    order = store().orders.get(create_order(order_for(customer)).body["id"])
    assert order
    item = {name: value for name, value in order_to_item(order).items() if name != "created_by"}
    assert order_from_item(item).public()["created_by"] is None


def test_two_people_with_one_login_do_not_share_a_key() -> None:
    made = set()
    for uid in ("00u1", "00u2", "00u1"):
        event = http_event(
            "POST",
            "/x",
            {"name": "A", "phone_number": "0704590344", "email": "a@example.com"},
            headers={"Idempotency-Key": "one"},
        )
        event["requestContext"]["authorizer"]["jwt"]["claims"] |= {"uid": uid, "sub": "shared@example.com"}
        made.add(call("create_customer", event).body["id"])
    assert len(made) == 2
