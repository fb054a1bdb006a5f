"""The main job on the whole system: a customer, an order, a text; and requests that must not get through."""

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from local.aws.dynamodb import DatabaseClient
from sales.domain.caller import Caller
from sales.domain.customers import Customer
from sales.domain.ids import code_of, customer_ids, order_id
from sales.domain.orders import Order
from sales.domain.sms.segments import Content
from sales.store.customers import customer_to_item
from sales.store.items import marshal_item
from sales.store.orders import order_to_item
from tests.support.system import CUSTOMER, System, running, until

pytestmark = pytest.mark.local
BOTH = ("/api/v1/sales", "/ap1/v1/sales")


@pytest.fixture(autouse=True)
def kind(system: System) -> None:
    system.behave()


def texts_to(system: System, number: str) -> list[dict[str, Any]]:
    return [text for text in system.texts() if text["to"] == number]


def test_the_four_requests_of_the_original_and_one_text_that_is_delivered(system: System) -> None:
    created = system.call("POST", "/ap1/v1/sales/create-customer/", CUSTOMER | {"phone_number": "+254700000101"})
    assert created.status == 201
    body = {"customer": created.body["id"], "item": "macbook m2", "amount": "56000.68"}
    order = system.call("POST", "/ap1/v1/sales/create-order/", body)
    assert order.status == 201
    # `make bench-latency` measures how soon it comes; a test's machine may be busy.
    until(lambda: texts_to(system, "+254700000101"))
    assert system.call("GET", "/ap1/v1/sales/customers/").body["data"][0]["id"] == created.body["id"]
    assert system.call("GET", "/ap1/v1/sales/orders/").body["data"][0]["id"] == order.body["id"]
    sms = system.reaches(order.body, "delivered")
    assert [entry["status"] for entry in sms["history"]] == ["queued", "sending", "sent", "delivered"]
    [text] = texts_to(system, "+254700000101")
    assert text["text"] == order.body["sms"]["text"]
    assert text["message_id"] == sms["message_id"]


@pytest.mark.parametrize("base", BOTH)
@pytest.mark.parametrize("slash", ["", "/"])
def test_every_spelling_is_the_same_api(base: str, slash: str, system: System) -> None:
    for path in ("create-customer", "customers"):
        answer = system.call("POST", f"{base}/{path}{slash}", CUSTOMER)
        assert answer.status == 201
    for path in ("create-order", "orders"):
        body = {"customer": answer.body["code"], "item": "x", "amount": 1}
        assert system.call("POST", f"{base}/{path}{slash}", body).status == 201
    for path in ("customers", "orders"):
        assert system.call("GET", f"{base}/{path}{slash}").status == 200


@pytest.mark.parametrize("token", ["", "garbage", "a.b.c"])
def test_without_a_valid_token_all_four_answer_401_as_aws_does(token: str, system: System) -> None:
    for method, path in (
        ("POST", "create-customer/"),
        ("POST", "create-order/"),
        ("GET", "customers/"),
        ("GET", "orders/"),
    ):
        answer = system.call(method, f"/ap1/v1/sales/{path}", {} if method == "POST" else None, token=token)
        assert (answer.status, answer.body) == (401, {"message": "Unauthorized"})
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_that_may_only_read_gets_403_for_creating(system: System) -> None:
    token = system.token("sales:read")
    for path in ("create-customer/", "create-order/"):
        answer = system.call("POST", f"/ap1/v1/sales/{path}", CUSTOMER, token=token)
        assert (answer.status, answer.body) == (403, {"message": "Forbidden"})
    assert system.call("GET", "/ap1/v1/sales/orders/", token=token).status == 200


def test_sixteen_twins_with_one_key_are_one_order_and_one_text(system: System) -> None:
    customer = system.customer(phone_number="+254700000102")
    body = {"customer": customer["id"], "item": "twins", "amount": "1"}
    with ThreadPoolExecutor(16) as threads:
        answers = list(
            threads.map(lambda _: system.call("POST", "create-order/", body, idempotency_key="twins"), range(16))
        )
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    system.reaches(answers[0].body, "delivered")
    # By now everything that could send another one has run: the stream, which keeps its order, and the sweep.
    system.reaches(system.order(customer, item="after"), "delivered")
    assert system.invoke("sweep_sms", {}).status == 200
    assert len([text for text in texts_to(system, "+254700000102") if "twins" in text["text"]]) == 1


def test_without_a_key_the_same_order_twice_is_two_orders_and_two_texts(system: System) -> None:
    customer = system.customer(phone_number="+254700000103")
    for order in [system.order(customer), system.order(customer)]:
        system.reaches(order, "delivered")
    assert len(texts_to(system, "+254700000103")) == 2


@pytest.mark.parametrize("amount", ["abc", -5, "NaN", "1e400", "1.234", None, [], True])
def test_an_invalid_amount_is_422_and_stores_nothing(amount: Any, system: System) -> None:
    customer = system.customer()
    answer = system.call("POST", "create-order/", {"customer": customer["id"], "item": "x", "amount": amount})
    assert answer.status == 422
    assert [error["pointer"] for error in answer.body["errors"]] == ["/amount"]
    assert not list(system.orders(customer=customer["id"]))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b"[]", 400),
        (b"\xff\xfe\xfd", 400),
        (b'{"customer": "nobody", "item": "x", "amount": 1e400}', 422),
        (b'{"name": "' + b"x" * 1_000_000 + b'"}', 413),
        (b'{"name": "' + b"x" * 11_000_000 + b'"}', 413),
        (b'{"a":' * 90_000, 413),
        (b'{"a":' * 15_000, 400),
    ],
    ids=["empty", "no JSON", "a list", "no UTF-8", "1e400", "1 MB", "11 MB", "deep and large", "deep"],
)
def test_a_malformed_body_is_4xx_and_never_500(body: bytes, status: int, system: System) -> None:
    answer = system.call("POST", "create-order/", body, content_type="application/json")
    assert answer.status == status


def test_a_body_above_the_api_s_own_limit_is_413_as_problem_json(system: System) -> None:
    answer = system.call("POST", "create-order/", b'{"item": "' + b"x" * 200_000 + b'"}', x_request_id="too-large")
    assert (answer.status, answer.headers["content-type"]) == (413, "application/problem+json")
    assert (answer.body["code"], answer.headers["x-request-id"]) == ("payload_too_large", "too-large")


@pytest.mark.parametrize(
    ("behaviour", "state"), [("status:403", "failed"), ("drop_after", "unknown"), ("garbage_after", "unknown")]
)
def test_a_failed_text_never_rolls_the_order_back(behaviour: str, state: str, system: System) -> None:
    system.behave(default=behaviour, delivery="none")
    customer = system.customer(phone_number="+254700000105")
    order = system.order(customer)
    system.reaches(order, state)
    found = system.call("GET", f"orders/{order['id']}").body
    moved = {"sms", "version"}
    assert {name: found[name] for name in found.keys() - moved} == {name: order[name] for name in order.keys() - moved}
    assert [row["id"] for row in system.orders(customer=customer["id"])] == [order["id"]]


def test_headers_above_ten_kilobytes_are_refused(system: System) -> None:
    assert system.call("GET", "orders", x_large="x" * 11_000).status == 431


@pytest.mark.parametrize("other", ["one", "two"])
def test_a_key_on_two_lines_makes_no_second_order(system: System, other: str) -> None:
    customer = system.customer(phone_number="+254700000131")
    body = json.dumps({"customer": customer["id"], "item": "macbook m2", "amount": "1"})
    statuses = []
    for keys in (["one"], ["one"], ["one", other], [other, "one"]):
        connection = http.client.HTTPConnection("127.0.0.1", system.port, timeout=40)
        connection.putrequest("POST", "/api/v1/sales/orders")
        for name, value in [
            ("Authorization", f"Bearer {system.token()}"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            *(("Idempotency-Key", f"{customer['id']}{key}") for key in keys),
        ]:
            connection.putheader(name, value)
        connection.endheaders(body.encode())
        answer = connection.getresponse()
        statuses.append((answer.status, json.loads(answer.read()).get("code")))
        connection.close()
    assert [status for status, _ in statuses[:2]] == [201, 201]
    assert statuses[2:] == [(400, "invalid_header")] * 2
    assert len(list(system.orders(customer=customer["id"]))) == 1


PUBLIC = ("/", "/console/console.js", "/docs", "/docs/reference.js", "/openapi.json", "/healthz")


@pytest.mark.parametrize(
    "path", [*PUBLIC, *(f"{path}/" for path in PUBLIC[1:]), "orders", "orders/", "customers?limit=1", "customers/{id}",
             "orders/nothing", "sms/status", "/ap1/v1/sales/customers/{id}", "/api/v1/sales/nothing"]
)  # fmt: skip
def test_head_is_get_without_its_body(system: System, path: str) -> None:
    customer = system.customer()
    answers = [system.call(method, path.format(id=customer["id"])) for method in ("GET", "HEAD")]
    get, head = answers
    assert (head.status, head.raw) == (get.status, b"")
    assert head.headers["content-length"] == str(len(get.raw))
    own = {"date", "apigw-requestid", "x-request-id"}
    if path.endswith("sms/status"):
        own |= {"content-length"}
    assert {name: head.headers[name] for name in head.headers.keys() - own} == {
        name: get.headers[name] for name in get.headers.keys() - own
    }
    assert head.headers["x-content-type-options"] == "nosniff"
    assert head.headers["strict-transport-security"].startswith("max-age=")


def test_head_needs_the_token_and_scope_of_get(system: System) -> None:
    customer = system.customer()
    for path in ("orders", "orders/", f"customers/{customer['id']}"):
        assert system.call("HEAD", path, token="").status == 401
        assert system.call("HEAD", path, token="nonsense").status == 401
        assert system.call("HEAD", path, token=system.token("sales:write")).status == 403
        assert system.call("HEAD", path, token=system.token("sales:read")).status == 200


def test_head_where_there_is_no_get_names_the_right_methods(system: System) -> None:
    answer = system.call("HEAD", "orders/x/cancel")
    assert (answer.status, answer.headers["allow"], answer.raw) == (405, "POST", b"")


def test_an_unknown_path_is_a_problem_and_a_wrong_method_names_the_right_ones(system: System) -> None:
    answer = system.call("GET", "/api/v1/sales/nothing")
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    answer = system.call("DELETE", "orders")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, POST")


def test_pages_of_a_thousand_customers_are_complete_while_others_are_added(system: System) -> None:
    moment = datetime(2026, 11, 23, 12, tzinfo=UTC)
    caller = Caller("test", "test", frozenset())
    items = []
    for number in range(1000):
        found = next(customer_ids(caller, str(number)))
        customer = Customer.new(
            id=found, code=code_of(found), name="same moment", phone_number="+254700000400", email="paged@example.com",
            now=moment, by="test", fingerprint="",
        )  # fmt: skip
        items.append({"PutRequest": {"Item": marshal_item(customer_to_item(customer))}})
    store = DatabaseClient(f"http://127.0.0.1:{system.port + 3}")
    for first in range(0, 1000, 25):
        store.call("BatchWriteItem", {"RequestItems": {"sales-customers": items[first : first + 25]}})
    there = {item["PutRequest"]["Item"]["id"]["S"] for item in items}
    for query in ("", "&email=paged@example.com", "&phone_number=0700000400"):
        seen: list[str] = []
        cursor = ""
        while True:
            page = system.call("GET", f"customers?limit=100{query}{cursor}").body
            seen += (row["id"] for row in page["data"])
            system.customer(email="paged@example.com", phone_number="+254700000400")
            if not page["has_more"]:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert there <= set(seen)
        assert len(seen) == len(set(seen))


def test_pages_of_a_thousand_orders_are_complete_while_others_are_added(system: System) -> None:
    system.behave(delivery="none")
    moment = datetime(2026, 11, 23, 12, tzinfo=UTC)
    body = system.customer(phone_number="+254700000401")
    customer = Customer.new(
        id=body["id"], code=code_of(body["id"]), name=body["name"], phone_number=body["phone_number"], email=body["email"],
        now=moment, by="test", fingerprint="",
    )  # fmt: skip
    caller = Caller("test", "test", frozenset())
    items = []
    for number in range(1000):
        order = Order.new(
            id=order_id(caller, f"moment-{number}"), customer=customer._replace(sms_opted_out=True), item="same moment",
            amount=Decimal(1), currency="KES", reference="same moment", content=Content("x", "GSM-7", 1), now=moment, caller=caller,
            fingerprint="",
        )  # fmt: skip
        items.append({"PutRequest": {"Item": marshal_item(order_to_item(order))}})
    store = DatabaseClient(f"http://127.0.0.1:{system.port + 3}")
    for first in range(0, 1000, 25):
        store.call("BatchWriteItem", {"RequestItems": {"sales-orders": items[first : first + 25]}})
    there = {item["PutRequest"]["Item"]["id"]["S"] for item in items}
    date = "2026-11-23T12:00:00"
    for query in (
        "",
        f"&customer={customer.id}",
        f"&customer={customer.code}&sms_status=suppressed",
        "&sms_status=suppressed",
        "&reference=same%20moment",
        f"&order_date_from={date}Z&order_date_to={date}.000001Z",
    ):
        seen: list[str] = []
        cursor = ""
        while True:
            page = system.call("GET", f"orders?limit=90{query}{cursor}").body
            seen += (row["id"] for row in page["data"])
            system.order(body)
            if not page["has_more"]:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert there <= set(seen), query
        assert len(seen) == len(set(seen)), query


def test_the_access_log_holds_no_token_and_no_webhook_secret(system: System) -> None:
    secret = (system.state / "webhook-secret").read_text().strip()
    system.call("POST", f"/webhooks/africastalking/delivery/{secret}", b"", token="")
    logs = "".join(path.read_text() for path in (system.state / "logs").glob("*.log"))
    assert secret not in logs
    assert system.token() not in logs
    assert "+254700000101" not in logs
    assert "example@gmail.com" not in logs


def test_a_slash_that_the_api_gateway_does_not_route_still_needs_a_token() -> None:
    with running(LOCAL_TRAILING_SLASH="default") as other:
        for base in BOTH:
            created = other.call("POST", f"{base}/create-customer/", CUSTOMER)
            assert created.status == 201
            body = {"customer": created.body["id"], "item": "x", "amount": "1"}
            assert other.call("POST", f"{base}/create-order/", body).status == 201
            assert other.call("GET", f"{base}/orders/?limit=1").body["data"][0]["customer"] == created.body["id"]
            assert other.call("GET", f"{base}/customers/{created.body['code']}/").status == 200
        for token in ("", "garbage"):
            answer = other.call("POST", "/api/v1/sales/create-order/", body, token=token)
            assert answer.status == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
        token = other.token("sales:read")
        assert other.call("POST", "/api/v1/sales/create-order/", body, token=token).status == 403
        assert other.call("DELETE", "/api/v1/sales/orders/").status == 405


def test_an_old_orders_text_and_number_are_forgotten_if_so_configured() -> None:
    # Two seconds of a day.
    with running(SMS_TEXT_DAYS="0.000023") as own:
        order = own.order(own.customer())
        assert order["sms"]["text"]
        sms = until(lambda: sms if (sms := own.sms(order))["text"] is None else None, seconds=40)
        assert (sms["to"], sms["segments"]) == (None, 1)
        assert len(own.texts()) == 1
