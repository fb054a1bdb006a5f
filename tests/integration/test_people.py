"""The API's smaller operations: previews, exports, erasure, lifting an opt-out, and health."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from sales.api.paging import LARGEST_LIMIT
from sales.domain import clock
from sales.domain.customers import Customer
from sales.domain.ids import code_of
from sales.services.sms.consent import block, opt_out
from sales.store import store
from sales.store.customers import Customers
from tests.integration.api import (
    BASE,
    Answer,
    call,
    create_customer,
    create_order,
    get,
    list_customers,
    list_orders,
    order_for,
)
from tests.support.events import http_event
from tests.support.numbers import mobile

pytestmark = pytest.mark.usefixtures("tables")
type Rows = Callable[[str], list[dict[str, Any]]]
CLERK = ("sales:read", "sales:write")


def test_a_preview_of_an_order_that_asks_for_no_text_says_so() -> None:
    assert preview(name="Jane", sms=False).body["outcome"] == "not_asked"
    assert preview(name="Jane", sms=True).body["outcome"] == "will_send"
    opted_out = create_customer().body
    call(
        "update_customer", http_event("PATCH", "/x", {"sms_opted_out": True}, parameters={"customer": opted_out["id"]})
    )
    assert preview(customer=opted_out["code"], sms=False).body["outcome"] == "not_asked"


def preview(**body: Any) -> Answer:
    return call("preview_sms", http_event("POST", f"{BASE}/sms/preview", {"item": "macbook m2", "amount": "1"} | body))


def erase(customer: dict[str, Any], **headers: str) -> Answer:
    return call("erase_customer", http_event("POST", "/x", headers=headers, parameters={"customer": customer["id"]}))


def patch(customer: dict[str, Any], body: Any, scopes: tuple[str, ...] = (*CLERK, "sales:manage")) -> Answer:
    event = http_event("PATCH", "/x", body, parameters={"customer": customer["id"]}, scopes=scopes)
    return call("update_customer", event)


def export(customer: dict[str, Any], **query: str) -> Answer:
    return call("export_customer", http_event("GET", "/x", query=query, parameters={"customer": customer["code"]}))


def test_a_preview_shows_text_size_and_price_and_stores_nothing(rows: Rows) -> None:
    answer = preview(name="Jane")
    assert answer.status == 200
    assert answer.body == {
        "text": "Dear Jane, your order XXXX-XXXX for macbook m2 costing KES 1.00 has been created successfully. "
        "Thank you for choosing us!",
        "encoding": "GSM-7",
        "segments": 1,
        "characters": [],
        "folded": answer.body["text"],
        "folded_encoding": "GSM-7",
        "folded_segments": 1,
        "price": {"amount": "0.80", "currency": "KES"},
        "outcome": "will_send",
    }
    assert rows("orders") == rows("customers") == []


def test_a_preview_names_costly_characters_and_their_replacement() -> None:
    body = preview(name="Ng’ang’a").body
    assert (body["encoding"], body["segments"]) == ("UCS-2", 2)
    assert body["characters"] == [{"character": "’", "position": 7}, {"character": "’", "position": 11}]
    assert "Ng'ang'a" in body["folded"]
    assert (body["folded_encoding"], body["folded_segments"]) == ("GSM-7", 1)
    assert body["price"] == {"amount": "0.80", "currency": "KES"}


def test_a_wording_can_be_tried_before_it_is_stored() -> None:
    body = preview(name="Jane", wording="Hi {name}, {item} is {currency} {amount}.").body
    assert (body["text"], body["outcome"]) == ("Hi Jane, macbook m2 is KES 1.00.", "will_send")
    assert preview(name="Jane").body["text"].startswith("Dear Jane,")
    customer = create_customer(
        {"name": "A", "phone_number": mobile("KE"), "email": "a@example.com", "language": "sw"}
    ).body
    assert preview(customer=customer["id"], wording="Hi {name}").body["text"] == "Hi A"


@pytest.mark.parametrize("wording", ["Hi {nme}", "Hi {name", "", "\u200b", "long " * 99])
def test_a_wording_that_cannot_be_sent_is_refused_at_its_field(wording: str) -> None:
    answer = preview(name="Jane", wording=wording, item="")
    assert answer.status == 422
    assert {error["pointer"]: error["code"] for error in answer.body["errors"]}["/wording"] == "invalid_wording"
    assert len(answer.body["errors"]) == 2


def test_a_preview_for_a_customer_has_the_price_for_their_number() -> None:
    foreign = create_customer({"name": "A", "phone_number": "+12025550123", "email": "a@example.com"}).body
    body = preview(customer=foreign["code"]).body
    assert body["text"].startswith("Dear A,")
    assert body["price"] is None


def test_a_preview_without_a_customer_has_the_price_of_the_shops_country(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SMS_PRICES", '{"+254": "KES 0.80", "+256": "UGX 35"}')
    environment.setenv("DEFAULT_COUNTRY", "UG")
    environment.setenv("SMS_ALLOWED", "+25677")
    body = preview(name="Jane").body
    assert (body["price"], body["outcome"]) == ({"amount": "35", "currency": "UGX"}, "will_send")


def test_a_preview_for_a_new_customers_number_knows_what_the_number_knows(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SMS_PRICES", '{"+254": "KES 0.80", "+256": "UGX 35"}')
    environment.setenv("SMS_ALLOWED", "+254,+256")
    body = preview(name="Jane", phone_number=mobile("UG")).body
    assert (body["price"], body["outcome"]) == ({"amount": "35", "currency": "UGX"}, "will_send")
    assert preview(name="Jane", phone_number=mobile("TZ")).body["outcome"] == "not_allowed"
    store().numbers.opt_out(mobile("KE"), clock.now())
    assert preview(name="Jane", phone_number=mobile("KE").replace("+254", "0")).body["outcome"] == "opted_out"
    assert preview(name="Jane", phone_number="0").status == 422


def test_a_preview_knows_a_block_of_the_number_and_of_the_customer() -> None:
    assert preview(name="Jane", phone_number=mobile("KE")).body["outcome"] == "will_send"
    store().numbers.block(mobile("KE"), store().sender, clock.now())
    assert preview(name="Jane", phone_number=mobile("KE")).body["outcome"] == "blocked"
    customer = create_customer().body
    number, id = customer["phone_number"], customer["id"]
    block(store(), number, clock.now())
    store().numbers.lift_block(number, store().sender, clock.now())
    assert preview(customer=id).body["outcome"] == "blocked"


def test_a_preview_says_why_no_text_would_go_out() -> None:
    foreign, late = (
        create_customer({"name": "A", "phone_number": number, "email": "a@example.com"}).body
        for number in (mobile("UG"), mobile("KE"))
    )
    assert preview(customer=foreign["id"]).body["outcome"] == "not_allowed"
    assert preview(customer=late["id"]).body["outcome"] == "will_send"
    # The previous owner of the number opts out.
    store().numbers.opt_out(mobile("KE"), clock.now())
    assert preview(customer=late["id"]).body["outcome"] == "opted_out"
    store().numbers.opt_in(mobile("KE"), clock.now())
    assert preview(customer=late["id"]).body["outcome"] == "will_send"
    opt_out(store(), mobile("KE"), clock.now(), by="provider")
    assert preview(customer=late["id"]).body["outcome"] == "opted_out"


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({}, {"": "one_of"}),
        ({"name": "a", "customer": "22222222"}, {"": "one_of", "/customer": "not_found"}),
        ({"customer": "22222222"}, {"/customer": "not_found"}),
        ({"name": "a", "amount": "x"}, {"/amount": "invalid_amount"}),
        ({"item": "", "amount": "x"}, {"": "one_of", "/item": "required", "/amount": "invalid_amount"}),
        (
            {"name": "", "customer": "22222222", "colour": 1},
            {
                "": "one_of",
                "/customer": "not_found",
                "/name": "required",
                "/colour": "unknown_field",
            },
        ),
        ({"name": 5}, {"/name": "invalid_type"}),
    ],
)
def test_an_impossible_preview_says_why(body: dict[str, Any], codes: dict[str, str]) -> None:
    answer = preview(**body)
    assert (answer.status, answer.codes) == (422, codes)


def test_an_export_holds_the_customer_and_all_orders_in_full() -> None:
    customer = create_customer().body
    orders = [create_order(order_for(customer)).body["id"] for _ in range(3)]
    create_order(order_for(create_customer().body))
    body = export(customer).body
    assert body["customer"] == customer
    assert [order["id"] for order in body["orders"]] == orders[::-1]
    assert {order["sms"]["to"] for order in body["orders"]} == {"+254704590344"}
    assert (body["has_more"], body["next_cursor"]) == (False, None)


def test_pages_of_an_export_miss_nothing_and_repeat_nothing() -> None:
    customer, other = create_customer().body, create_customer().body
    orders = [create_order(order_for(customer)).body["id"] for _ in range(7)]
    create_order(order_for(other))
    seen: list[str] = []
    query = {"limit": "3"}
    while True:
        answer = export(customer, **query)
        assert answer.body["customer"] == customer
        assert len(answer.body["orders"]) <= 3
        seen += (order["id"] for order in answer.body["orders"])
        if not answer.body["has_more"]:
            break
        assert answer.headers["link"].endswith(f'cursor={answer.body["next_cursor"]}>; rel="next"')
        query["cursor"] = answer.body["next_cursor"]
    assert seen == orders[::-1]
    assert export(other, **query).body["code"] == "invalid_cursor"
    assert list_orders(customer=customer["id"], cursor=query["cursor"]).body["code"] == "invalid_cursor"
    assert export(customer, limit="101").codes == {"?limit": "invalid"}


def test_an_export_page_of_the_largest_orders_fits_lambdas_limit(rows: Rows) -> None:
    # The most that one order can hold: fifty changes of its text, each with the longest reason that the API accepts.
    letter = "\N{OLD PERSIAN SIGN A}"
    body = {"name": letter * 150, "phone_number": "0704590344", "email": f"{'x' * 64}@example.com"}
    customer = create_customer(body).body
    order_id = create_order(order_for(customer, item=letter * 120, reference=letter * 100)).body["id"]
    order = store().orders.get(order_id)
    assert order
    event = {"at": order.order_date, "status": "queued", "cause": "requested", "reason": letter * 200}
    history = ({**event, "attempt": 99, "message_id": "ATXid_" + "0" * 64},) * 50
    store().orders.replace(order._replace(version=2, sms=order.sms._replace(history=history)))
    # The runtime sends the body as a string within the JSON of the answer.
    body_of_one = json.dumps(export(customer).body["orders"][0], ensure_ascii=False)
    largest = len(json.dumps(body_of_one, ensure_ascii=False).encode())
    assert LARGEST_LIMIT * largest < 6_000_000


def test_erasure_removes_all_personal_data_and_keeps_the_orders(rows: Rows) -> None:
    customer = create_customer().body
    order = create_order(order_for(customer)).body
    answer = erase(customer)
    assert answer.status == 200
    assert (answer.body["name"], answer.body["phone_number"], answer.body["email"]) == (None, None, None)
    everything = str(rows("customers") + rows("orders"))
    for personal in ("john doe", "+254704590344", "example@gmail.com"):
        assert personal not in everything
    kept = get("get_order", "order", order["id"]).body
    assert (kept["amount"], kept["customer_name"], kept["sms"]["text"]) == ("56000.68", None, None)
    assert (kept["sms"]["status"], kept["sms"]["reason"]) == ("suppressed", "customer_erased")
    assert list_customers(email="example@gmail.com").body["data"] == []
    assert [row["id"] for row in list_orders(customer=customer["id"]).body["data"]] == [order["id"]]


def test_an_erased_customer_can_be_erased_again_and_nothing_else() -> None:
    customer = create_customer().body
    order = create_order(order_for(customer)).body
    assert erase(customer).body == erase(customer).body
    assert create_order(order_for(customer)).body["code"] == "customer_erased"
    change = http_event("PATCH", "/x", {"name": "x"}, parameters={"customer": customer["id"]})
    assert call("update_customer", change).body["code"] == "customer_erased"
    again = http_event(
        "POST", "/x", {"reason": "x"}, headers={"Idempotency-Key": "k"}, parameters={"order": order["id"]}
    )
    assert call("resend_sms", again).body["code"] == "customer_erased"


def test_erasing_with_another_version_changes_nothing(rows: Rows) -> None:
    customer = create_customer().body
    create_order(order_for(customer))
    before = rows("customers") + rows("orders")
    for stale in ('"7"', 'W/"1"', '"x"'):
        answer = erase(customer, **{"If-Match": stale})
        assert (answer.status, answer.body["code"], answer.body["current_version"]) == (412, "version_mismatch", 1)
        assert answer.headers["etag"] == '"1"'
    assert erase(customer, **{"If-Match": "1"}).body["code"] == "invalid_header"
    assert rows("customers") + rows("orders") == before
    assert erase(customer, **{"If-Match": '"7", "1"'}).status == 200
    assert erase(customer, **{"If-Match": '"1"'}).status == 412
    assert erase(customer, **{"If-Match": '"2"'}).status == 200


def test_a_change_during_an_erasure_fails_its_if_match(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    customer = create_customer().body
    erase_customer = Customers.erase

    def late(self: Customers, erased: Customer, identity: str) -> Customer:
        monkeypatch.setattr(Customers, "erase", erase_customer)
        self.change(code_of(customer["id"]), {"name": "Jane"}, clock.now(), by="tester")
        return erase_customer(self, erased, identity)

    monkeypatch.setattr(Customers, "erase", late)
    assert erase(customer, **{"If-Match": '"1"'}).body["current_version"] == 2
    assert get("get_customer", "customer", customer["id"]).body["name"] == "Jane"
    monkeypatch.setattr(Customers, "erase", late)
    assert erase(customer).body["name"] is None


def test_a_replay_after_an_erasure_returns_the_current_order() -> None:
    customer = create_customer().body
    body = order_for(customer)
    order = create_order(body, headers={"Idempotency-Key": "before"}).body
    erase(customer)
    again = create_order(body, headers={"Idempotency-Key": "before"})
    assert (again.status, again.body["id"], again.body["customer_name"]) == (201, order["id"], None)
    assert again.headers["idempotency-replayed"] == "true"
    # The erasure also removed the digest of the first request's body.
    other = create_order({**body, "item": "other"}, headers={"Idempotency-Key": "before"})
    assert (other.status, other.body["id"], other.body["item"]) == (201, order["id"], body["item"])
    assert create_order(body, headers={"Idempotency-Key": "after"}).body["code"] == "customer_erased"


def test_healthz_says_that_the_api_answers_and_nothing_else() -> None:
    answer = call("check_health", http_event("GET", "/healthz", authorized=False))
    assert (answer.status, answer.body) == (200, {"status": "ok"})


def test_a_store_that_does_not_answer_is_503_with_retry_after(environment: pytest.MonkeyPatch) -> None:
    from tests.conftest import forget_process_state

    environment.setenv("DYNAMODB_ENDPOINT", "http://127.0.0.1:9")
    forget_process_state()
    answer = create_customer()
    assert (answer.status, answer.body["code"], answer.headers["retry-after"]) == (503, "unavailable", "1")


@pytest.mark.parametrize("cleared", [{"sms_opted_out": False}, {"sms_blocked": False}])
@pytest.mark.parametrize("more", [{}, {"name": "jane"}, {"sms_opted_out": True, "sms_blocked": False}])
def test_lifting_an_opt_out_or_a_block_needs_both_scopes(
    cleared: dict[str, Any], more: dict[str, Any], rows: Rows
) -> None:
    customer = create_customer().body
    patch(customer, {"sms_opted_out": True})
    before = rows("customers")
    for scopes in (CLERK, ("sales:write",)):
        refused = patch(customer, more | cleared, scopes=scopes)
        assert (refused.status, refused.body["code"]) == (403, "insufficient_scope")
        assert refused.body["detail"] == "The token needs the scope sales:manage."
        challenge = 'Bearer error="insufficient_scope", scope="sales:manage"'
        assert refused.headers["www-authenticate"] == challenge
        assert refused.headers["content-type"] == "application/problem+json"
    alone = patch(customer, more | cleared, scopes=("sales:manage",))
    assert (alone.status, alone.body["detail"]) == (403, "The token needs the scope sales:write.")
    assert rows("customers") == before
    assert patch(customer, more | cleared).status == 200


def test_a_clerk_may_record_an_opt_out_and_not_take_it_back() -> None:
    customer = create_customer().body
    assert patch(customer, {"sms_opted_out": True}, scopes=CLERK).body["sms_opted_out"] is True
    assert patch(customer, {"name": "jane"}, scopes=CLERK).body["sms_opted_out"] is True
    assert patch(customer, {"sms_opted_out": False}, scopes=CLERK).status == 403
    assert get("get_customer", "customer", customer["id"]).body["sms_opted_out"] is True


@pytest.mark.parametrize("function", ["export_customer", "erase_customer"])
def test_reading_and_writing_neither_exports_nor_erases(function: str) -> None:
    customer = create_customer().body
    event = http_event("POST", "/x", parameters={"customer": customer["id"]}, scopes=CLERK)
    assert call(function, event).status == 403
    assert get("get_customer", "customer", customer["id"]).body["name"] == "john doe"
