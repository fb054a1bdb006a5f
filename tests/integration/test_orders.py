"""Orders through the functions, stored in moto."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sales.domain import clock
from sales.domain.ids import code_of, show_code
from sales.runtime.settings import settings
from sales.services import lookup
from sales.store import store
from sales.store.orders import Orders
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
        "text": f"Dear john doe, your order {order['code']} for macbook m2 costing KES 56,000.68 has been created successfully. "
        "Thank you for choosing us!",
        "segments": 1,
        "encoding": "GSM-7",
        "language": "en",
        "attempts": 0,
        "message_id": None,
        "cost": None,
        "reason": None,
        "due_at": order["order_date"],
        "updated_at": "",
        "history": [],
    }
    assert get("get_order", "order", order["id"]).body == order
    assert order["code"] == show_code(code_of(order["id"]))


def test_an_order_names_its_customer_by_id_or_by_code(customer: dict[str, Any]) -> None:
    for code in (customer["code"].lower(), customer["code"].replace("-", "")):
        answer = create_order(order_for(customer) | {"customer": code})
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


@pytest.mark.parametrize(
    "spelled",
    [
        {"amount": 10},
        {"amount": 10.5, "item": "macbook\u00a0m2 "},
        {"amount": "10.00"},
        {"reference": None},
        {"currency": None},
        {"currency": "KES"},
    ],
)
def test_the_same_order_in_another_spelling_is_a_replay(
    spelled: dict[str, Any], customer: dict[str, Any], rows: Rows
) -> None:
    amount = "10.5" if spelled.get("amount") == 10.5 else "10"
    headers = {"Idempotency-Key": "one"}
    plain, otherwise = order_for(customer, amount=amount), order_for(customer, amount=amount) | spelled
    otherwise["customer"] = customer["code"].lower()
    first = create_order(plain, headers=headers)
    for again in (otherwise, plain):
        answer = create_order(again, headers=headers)
        assert (answer.status, answer.body["id"]) == (201, first.body["id"])
        assert answer.headers["idempotency-replayed"] == "true"
    assert len(orders_stored(rows)) == 1


@pytest.mark.parametrize("named", [True, False])
def test_a_repeated_order_is_a_replay_after_the_default_currency_has_changed(
    named: bool, customer: dict[str, Any], environment: pytest.MonkeyPatch
) -> None:
    body, headers = order_for(customer, amount="10"), {"Idempotency-Key": "one"}
    environment.setenv("DEFAULT_CURRENCY", "KES")
    first = create_order(body | ({"currency": "KES"} if named else {}), headers=headers)
    environment.setenv("DEFAULT_CURRENCY", "UGX")
    settings.cache_clear()
    again = create_order(body | ({"currency": "KES"} if named else {}), headers=headers)
    assert (again.status, again.body) == (201, first.body)
    # Left out or named, the other currency is another order.
    other = create_order(body | ({} if named else {"currency": "UGX"}), headers=headers)
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    # A currency that was left out meant the default of its day.
    assert create_order(body | {"currency": "KES"}, headers=headers).body == first.body


def test_a_key_with_another_body_is_422(customer: dict[str, Any], rows: Rows) -> None:
    create_order(order_for(customer), headers={"Idempotency-Key": "one"})
    answer = create_order(order_for(customer, amount="1"), headers={"Idempotency-Key": "one"})
    assert (answer.status, answer.body["code"]) == (422, "idempotency_key_reused")
    assert len(orders_stored(rows)) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb", "a b", "k,k", "k,other"])
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
    unseen = list_orders(reference="\u3164")
    assert (unseen.status, unseen.codes) == (400, {"?reference": "invalid"})
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


def test_an_order_may_ask_for_no_text(customer: dict[str, Any], rows: Rows) -> None:
    order = create_order(order_for(customer, sms=False)).body
    [moment] = {order["sms"].pop("updated_at"), order["order_date"]}
    assert order["sms"] == {
        "status": "suppressed",
        "to": None,
        "text": None,
        "segments": 0,
        "encoding": "GSM-7",
        "language": None,
        "attempts": 0,
        "message_id": None,
        "cost": None,
        "reason": "not_asked",
        "due_at": None,
        "history": [{"at": moment, "status": "suppressed", "by": order["created_by"], "reason": "not_asked"}],
    }
    [row] = orders_stored(rows)
    assert not row.keys() & {"due_at", "due_shard", "unsettled_number"}
    assert [each["id"] for each in list_orders(sms_status="suppressed").body["data"]] == [order["id"]]


def test_an_order_that_asks_for_no_text_says_so_also_for_who_would_get_none(customer: dict[str, Any]) -> None:
    call("update_customer", http_event("PATCH", "/x", {"sms_opted_out": True}, parameters={"customer": customer["id"]}))
    assert create_order(order_for(customer, sms=False)).body["sms"]["reason"] == "not_asked"


def test_asking_for_a_text_is_the_default_and_the_same_request(customer: dict[str, Any]) -> None:
    headers = {"Idempotency-Key": "one"}
    first = create_order(order_for(customer), headers=headers)
    assert first.body["sms"]["status"] == "queued"
    for asked in (True, None):
        assert create_order(order_for(customer, sms=asked), headers=headers).body == first.body
    answer = create_order(order_for(customer, sms=False), headers=headers)
    assert (answer.status, answer.body["code"]) == (422, "idempotency_key_reused")


def test_the_replay_of_an_order_without_a_text_is_that_order(customer: dict[str, Any]) -> None:
    body, headers = order_for(customer, sms=False), {"Idempotency-Key": "one"}
    first = create_order(body, headers=headers)
    assert create_order(body, headers=headers).body == first.body
    assert create_order(order_for(customer), headers=headers).body["code"] == "idempotency_key_reused"


@pytest.mark.parametrize("wish", ["false", 0, {}, []])
def test_whether_to_text_is_true_or_false(wish: Any, customer: dict[str, Any], rows: Rows) -> None:
    answer = create_order(order_for(customer, sms=wish))
    assert (answer.status, answer.codes) == (422, {"/sms": "invalid_type"})
    assert orders_stored(rows) == []


def test_cancelling_and_erasing_keep_why_an_order_has_no_text(customer: dict[str, Any]) -> None:
    order = create_order(order_for(customer, sms=False)).body
    cancelled = cancel(order["id"]).body
    assert (cancelled["status"], cancelled["sms"]["reason"]) == ("cancelled", "not_asked")
    call("erase_customer", http_event("POST", "/x", parameters={"customer": customer["id"]}))
    erased = get("get_order", "order", order["id"]).body
    assert (erased["customer_name"], erased["sms"]["reason"]) == (None, "not_asked")


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


@pytest.mark.parametrize(
    "order",
    [
        "x",
        "control#sms",
        "reference#a#b",
        "00000000-0000-8000-8000-000000000000",
        "22222222",
        "2222-2222",
        "2222-222",
        "0OI1-2222",
    ],
)
def test_an_unknown_order_is_404(order: str, customer: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "_INDEX_PAUSES", ())
    create_order(order_for(customer, reference="b"), client="a")
    assert get("get_order", "order", order).status == 404
    assert cancel(order).status == 404


def test_a_code_finds_an_order_wherever_its_id_does(customer: dict[str, Any]) -> None:
    create_order(order_for(customer))
    order = create_order(order_for(customer)).body
    code = order["code"]
    for spelling in (code, code.lower(), code.replace("-", ""), code.replace("-", "").lower(), order["id"].upper()):
        assert get("get_order", "order", spelling).body == order
    cancelled = cancel(code.lower()).body
    assert (cancelled["id"], cancelled["status"]) == (order["id"], "cancelled")
    assert get("get_order", "order", code).body == cancelled


def plant_twin(order: dict[str, Any]) -> str:
    """Store a second order with the same code; return its id."""
    stored = store().orders.get(order["id"])
    assert stored
    twin = stored._replace(id=order["id"][:-12] + "000000000000")
    store().orders.add(twin)
    return twin.id


def test_a_code_that_two_orders_share_is_409_with_both_ids(customer: dict[str, Any]) -> None:
    order = create_order(order_for(customer)).body
    twin = plant_twin(order)
    body, headers = {"reason": "lost"}, {"Idempotency-Key": "again"}
    path = {"order": order["code"]}
    for answer in (
        get("get_order", "order", order["code"]),
        cancel(order["code"]),
        call("resend_sms", http_event("POST", "/x", body, headers=headers, parameters=path)),
    ):
        assert (answer.status, answer.body["code"]) == (409, "ambiguous_code")
        assert answer.body["ids"] == sorted([order["id"], twin])
    for order_id in (order["id"], twin):
        found = get("get_order", "order", order_id).body
        assert (found["id"], found["code"], found["status"]) == (order_id, order["code"], "created")


def test_a_shared_code_names_ten_orders_at_most(customer: dict[str, Any]) -> None:
    order = create_order(order_for(customer)).body
    stored = store().orders.get(order["id"])
    assert stored
    for number in range(10):
        store().orders.add(stored._replace(id=f"{order['id'][:-12]}{number:012}"))
    assert len(get("get_order", "order", order["code"]).body["ids"]) == 10


def test_an_order_that_the_index_lacks_for_a_moment_is_found_by_its_code(
    customer: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    order = create_order(order_for(customer)).body
    pauses: list[float] = []
    monkeypatch.setattr(lookup.time, "sleep", pauses.append)
    find = Orders.ids_with_code
    late = lambda *args: find(*args) if len(pauses) == 2 else []  # noqa: E731 - one line of a test
    monkeypatch.setattr(Orders, "ids_with_code", late)
    assert get("get_order", "order", order["code"]).body == order
    assert 0 < sum(pauses) < 1


def test_an_orders_code_stays_whatever_becomes_of_the_order(customer: dict[str, Any], rows: Rows) -> None:
    order = create_order(order_for(customer)).body
    before = [row["code"] for row in orders_stored(rows)]
    cancel(order["id"])
    call("erase_customer", http_event("POST", "/x", parameters={"customer": customer["id"]}))
    assert [row["code"] for row in orders_stored(rows)] == before == [{"S": order["code"].replace("-", "")}]
    found = get("get_order", "order", order["code"]).body
    assert (found["id"], found["code"], found["customer_name"]) == (order["id"], order["code"], None)


def test_the_original_list_of_orders_is_newest_first(customer: dict[str, Any]) -> None:
    ids = [create_order(order_for(customer)).body["id"] for _ in range(3)]
    page = list_orders().body
    assert [row["id"] for row in page["data"]] == ids[::-1]
    assert (page["has_more"], page["next_cursor"]) == (False, None)
