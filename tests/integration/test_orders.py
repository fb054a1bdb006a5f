"""Orders through the functions, stored in moto."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sales.domain import clock
from tests.integration.api import BASE, Answer, call, create_customer, create_order, get, list_orders, order_for
from tests.support.events import http_event

pytestmark = pytest.mark.usefixtures("tables")
type Rows = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def customer(tables: None) -> dict[str, Any]:
    body: dict[str, Any] = create_customer().body
    return body


def orders_stored(rows: Rows) -> list[dict[str, Any]]:
    return [row for row in rows("orders") if "sms" in row]


def cancel(order: str, **headers: str) -> Answer:
    path = f"{BASE}/orders/{order}/cancel"
    return call("cancel_order", http_event("POST", path, headers=headers, parameters={"order": order}))


def test_a_created_order_comes_back_whole_with_its_text_queued(customer: dict[str, Any]) -> None:
    answer = create_order(order_for(customer))
    order = answer.body
    assert answer.status == 201
    assert answer.headers["location"] == f"{BASE}/orders/{order['id']}"
    assert answer.headers["etag"] == '"1"'
    assert order["customer"] == customer["id"]
    assert (order["customer_code"], order["customer_name"]) == (customer["code"], "john doe")
    assert (order["item"], order["amount"], order["currency"]) == ("macbook m2", "56000.68", "KES")
    assert (order["status"], order["reference"], order["version"]) == ("created", None, 1)
    assert order["sms"] | {"updated_at": "", "history": []} == {
        "status": "queued",
        "to": "+2547****0344",
        "text": "Dear john doe, your order for macbook m2 costing KES 56,000.68 has been created successfully. "
        "Thank you for choosing us!",
        "segments": 1,
        "encoding": "GSM-7",
        "attempts": 0,
        "message_id": None,
        "cost": None,
        "reason": None,
        "updated_at": "",
        "history": [],
    }
    assert get("get_order", "order", order["id"]).body == order


def test_an_order_names_its_customer_by_id_or_by_code(customer: dict[str, Any]) -> None:
    answer = create_order(order_for(customer) | {"customer": customer["code"].lower()})
    assert (answer.status, answer.body["customer"]) == (201, customer["id"])


def test_two_equal_orders_without_a_key_are_two_orders(customer: dict[str, Any]) -> None:
    first, second = create_order(order_for(customer)), create_order(order_for(customer))
    assert first.body["id"] != second.body["id"]


def test_the_same_key_is_one_order_by_either_path(customer: dict[str, Any], rows: Rows) -> None:
    headers = {"Idempotency-Key": "one"}
    first = create_order(order_for(customer), headers=headers)
    event = http_event("POST", "/ap1/v1/sales/create-order/", order_for(customer), headers=headers)
    second = call("create_order", event)
    assert first.body == second.body
    assert second.headers["idempotency-replayed"] == "true"
    assert len(orders_stored(rows)) == 1


def test_the_order_of_fields_is_not_another_body(customer: dict[str, Any]) -> None:
    body = order_for(customer)
    first = create_order(body, headers={"Idempotency-Key": "one"})
    second = create_order(dict(reversed(body.items())), headers={"Idempotency-Key": "one"})
    assert first.body == second.body


def test_a_key_with_another_body_is_422(customer: dict[str, Any], rows: Rows) -> None:
    create_order(order_for(customer), headers={"Idempotency-Key": "one"})
    answer = create_order(order_for(customer, amount="1"), headers={"Idempotency-Key": "one"})
    assert (answer.status, answer.body["code"]) == (422, "idempotency_key_reused")
    assert len(orders_stored(rows)) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb", "a b"])
def test_an_invalid_key_is_400(key: str, customer: dict[str, Any]) -> None:
    answer = create_order(order_for(customer), headers={"Idempotency-Key": key})
    assert (answer.status, answer.body["code"]) == (400, "invalid_header")


def test_a_reference_is_unique_for_its_client(customer: dict[str, Any], rows: Rows) -> None:
    first = create_order(order_for(customer, reference="A-1"))
    again = create_order(order_for(customer, reference="A-1"))
    assert (again.status, again.body["code"], again.body["existing_id"]) == (409, "reference_taken", first.body["id"])
    assert create_order(order_for(customer, reference="A-1"), client="other").status == 201
    assert len(orders_stored(rows)) == 2


def test_item_and_reference_are_read_as_names_are(customer: dict[str, Any]) -> None:
    order = create_order(order_for(customer, item="\ufeffgreen\ttea", reference="A\u00a01\u200e")).body
    assert (order["item"], order["reference"]) == ("green tea", "A 1")
    assert [row["id"] for row in list_orders(reference="A\t1\ufeff").body["data"]] == [order["id"]]
    assert list_orders(reference="\u3164").body["data"] == []
    refused = create_order(order_for(customer, item="\u3164", reference="\u2060"))
    assert (refused.status, refused.codes) == (422, {"/item": "required", "/reference": "required"})


def test_a_replay_with_a_reference_is_the_order_not_a_conflict(customer: dict[str, Any]) -> None:
    body, headers = order_for(customer, reference="A-1"), {"Idempotency-Key": "one"}
    first, second = create_order(body, headers=headers), create_order(body, headers=headers)
    assert (second.status, second.body) == (201, first.body)


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("abc", "invalid_amount"),
        (-5, "too_small"),
        ("-5", "too_small"),
        (0, "too_small"),
        ("NaN", "invalid_amount"),
        ("Infinity", "invalid_amount"),
        ("1e400", "too_large"),
        ("10000000000.00", "too_large"),
        ("1.234", "too_many_decimals"),
        ("1_000", "invalid_amount"),
        ("١٢", "invalid_amount"),
        (" 12", "invalid_amount"),
        (True, "invalid_type"),
        (None, "invalid_type"),
        ([], "invalid_type"),
        ("", "invalid_amount"),
        ("9" * 5000, "too_large"),
    ],
)
def test_an_invalid_amount_is_named_and_nothing_is_stored(
    amount: Any, code: str, customer: dict[str, Any], rows: Rows
) -> None:
    answer = create_order(order_for(customer, amount=amount))
    assert (answer.status, answer.codes) == (422, {"/amount": code})
    assert orders_stored(rows) == []


def test_a_number_in_json_is_as_exact_as_a_string(customer: dict[str, Any]) -> None:
    raw = f'{{"customer": "{customer["id"]}", "item": "x", "amount": 9999999999.99}}'
    assert create_order(raw).body["amount"] == "9999999999.99"
    assert create_order(order_for(customer, amount="5")).body["amount"] == "5.00"


def test_an_amount_that_a_spreadsheet_rounded_is_refused(customer: dict[str, Any]) -> None:
    for written in ("5.60007E+04", '"5.60007E+04"', "1e3", '"1e3"', '"+5"', '".5"', '"5."'):
        raw = f'{{"customer": "{customer["id"]}", "item": "x", "amount": {written}}}'
        assert create_order(raw).codes == {"/amount": "invalid_amount"}, written


def test_1e400_as_a_json_number_is_too_large(customer: dict[str, Any]) -> None:
    raw = f'{{"customer": "{customer["id"]}", "item": "x", "amount": 1e400}}'
    assert create_order(raw).codes == {"/amount": "too_large"}


def test_decimals_follow_the_currency(customer: dict[str, Any]) -> None:
    assert create_order(order_for(customer, amount="5", currency="UGX")).body["amount"] == "5"
    assert create_order(order_for(customer, amount="5.1", currency="UGX")).codes == {"/amount": "too_many_decimals"}
    assert create_order(order_for(customer, amount="5.125", currency="KWD")).body["amount"] == "5.125"
    assert create_order(order_for(customer, currency="XXX")).codes == {"/currency": "unknown_currency"}


def test_one_answer_names_an_unknown_customer_and_every_other_error(rows: Rows) -> None:
    answer = create_order({"customer": "22222222", "item": "", "amount": "x", "colour": "red"})
    assert answer.codes == {
        "/customer": "not_found",
        "/item": "required",
        "/amount": "invalid_amount",
        "/colour": "unknown_field",
    }
    assert create_order({"customer": "nobody", "item": "x", "amount": "1"}).codes == {"/customer": "not_found"}
    assert create_order({}).codes == {"/customer": "required", "/item": "required", "/amount": "required"}
    assert rows("orders") == []


def test_a_client_cannot_set_fields_that_the_system_sets(customer: dict[str, Any]) -> None:
    answer = create_order(order_for(customer, status="created", order_date="2020-01-01", id="x"))
    assert answer.codes == {"/status": "read_only", "/order_date": "read_only", "/id": "read_only"}


@pytest.mark.parametrize("name", ["customer_id", "user_id", "client", "sub"])
def test_a_body_field_cannot_replace_token_or_customer(name: str, customer: dict[str, Any], rows: Rows) -> None:
    other = create_customer().body
    answer = create_order(order_for(customer, **{name: other["id"]}))
    assert (answer.status, answer.codes) == (422, {f"/{name}": "unknown_field"})
    assert orders_stored(rows) == []


def test_changes_keep_an_orders_date_and_place_in_lists(
    customer: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [create_order(order_for(customer)).body for _ in range(3)]
    later = clock.now() + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    cancelled = cancel(made[0]["id"]).body
    assert (cancelled["order_date"], cancelled["version"]) == (made[0]["order_date"], 2)
    assert [row["id"] for row in list_orders().body["data"]] == [order["id"] for order in reversed(made)]


def test_an_order_of_an_opted_out_customer_has_its_text_suppressed(customer: dict[str, Any]) -> None:
    parameters = {"customer": customer["id"]}
    call("update_customer", http_event("PATCH", "/x", {"sms_opted_out": True}, parameters=parameters))
    answer = create_order(order_for(customer))
    assert answer.status == 201
    assert (answer.body["sms"]["status"], answer.body["sms"]["reason"]) == ("suppressed", "opted_out")


def test_cancelling_suppresses_an_unclaimed_text_and_may_be_repeated(customer: dict[str, Any]) -> None:
    order = create_order(order_for(customer)).body
    first, second = cancel(order["id"]), cancel(order["id"])
    assert (first.status, first.body["status"], first.body["version"]) == (200, "cancelled", 2)
    assert (first.body["sms"]["status"], first.body["sms"]["reason"]) == ("suppressed", "order_cancelled")
    assert second.body == first.body


def test_cancelling_minds_the_version(customer: dict[str, Any]) -> None:
    order = create_order(order_for(customer)).body
    assert cancel(order["id"], **{"If-Match": '"9"'}).status == 412
    assert cancel(order["id"], **{"If-Match": '"1"'}).status == 200
    assert cancel(order["id"], **{"If-Match": "W/x"}).body["code"] == "invalid_header"


@pytest.mark.parametrize("order", ["x", "control#sms", "reference#a#b", "00000000-0000-8000-8000-000000000000"])
def test_an_unknown_order_is_404(order: str, customer: dict[str, Any]) -> None:
    create_order(order_for(customer, reference="b"), client="a")
    assert get("get_order", "order", order).status == 404
    assert cancel(order).status == 404


def test_the_original_list_of_orders_is_newest_first(customer: dict[str, Any]) -> None:
    ids = [create_order(order_for(customer)).body["id"] for _ in range(3)]
    page = list_orders().body
    assert [row["id"] for row in page["data"]] == ids[::-1]
    assert (page["has_more"], page["next_cursor"]) == (False, None)
