"""Both lists as CSV files."""

import csv
import io
import re
from typing import Any

import pytest

from sales.domain.files.csv_cells import CUSTOMER_COLUMNS, ORDER_COLUMNS, read_cell
from tests.integration.api import BASE, Answer, call, create_customer, create_order, list_customers, order_for
from tests.support.events import http_event

pytestmark = pytest.mark.usefixtures("tables")


def file(name: str, accept: str = "text/csv", method: str = "GET", **query: str) -> Answer:
    return call(f"list_{name}", http_event(method, f"{BASE}/{name}", query=query, headers={"accept": accept}))


def rows(answer: Answer) -> list[dict[str, str]]:
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    table = csv.DictReader(io.StringIO(answer.body, newline=""))
    return [{name: read_cell(cell) for name, cell in row.items()} for row in table]


def text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def test_a_file_says_of_customers_what_the_json_says() -> None:
    create_customer({"name": 'Zoë "Z", =1\u00a0x', "phone_number": "+254700000001", "email": "zoe@example.com"})
    create_customer({"name": "=HYPERLINK(1)", "phone_number": "+254704590344", "email": "a@example.com"})
    answer = file("customers")
    assert answer.headers["content-disposition"] == 'attachment; filename="customers.csv"'
    assert answer.headers["vary"] == "accept"
    assert "'=HYPERLINK(1),'+254704590344," in answer.body
    expected = list_customers().body["data"]
    assert rows(answer) == [{name: text(value) for name, value in customer.items()} for customer in expected]
    assert tuple(expected[0]) == CUSTOMER_COLUMNS


def test_a_file_says_of_orders_what_the_json_says_and_whose_they_are() -> None:
    customer = create_customer().body
    create_order(order_for(customer, reference="+1"))
    answer = file("orders")
    [order] = call("list_orders", http_event("GET", f"{BASE}/orders")).body["data"]
    [row] = rows(answer)
    assert tuple(row) == ORDER_COLUMNS
    assert row.pop("customer_phone_number") == customer["phone_number"]
    sms = order.pop("sms")
    assert sms.pop("history")
    assert row == {name: text(value) for name, value in (order | {f"sms_{n}": v for n, v in sms.items()}).items()}
    assert row["sms_to"] == "+2547****0344"


def test_pages_go_on_by_link_with_a_header_each() -> None:
    ids = [create_customer().body["id"] for _ in range(5)]
    found, query = [], {"limit": "2", "phone_number": "+254704590344"}
    while True:
        answer = file("customers", **query)
        found += [row["id"] for row in rows(answer)]
        link = re.search(r"cursor=([^&>]+)>; rel=\"next\"", answer.headers.get("link", ""))
        if not link:
            break
        query["cursor"] = link[1]
    assert found == ids[::-1]
    # The same cursor goes on in JSON.
    assert [row["id"] for row in list_customers(**query).body["data"]] == [ids[0]]


def test_an_empty_page_is_a_header() -> None:
    assert file("customers").body == ",".join(CUSTOMER_COLUMNS) + "\r\n"
    assert file("orders").body == ",".join(ORDER_COLUMNS) + "\r\n"


def test_an_erased_customer_has_empty_cells() -> None:
    customer = create_customer().body
    create_order(order_for(customer))
    parameters = {"customer": customer["id"]}
    call("erase_customer", http_event("POST", f"{BASE}/customers/x/erase", {}, parameters=parameters))
    [person], [order] = rows(file("customers")), rows(file("orders"))
    assert person["name"] == person["phone_number"] == person["email"] == ""
    assert order["customer_name"] == order["customer_phone_number"] == order["sms_text"] == ""


def test_a_search_is_a_file_too() -> None:
    create_customer()
    assert [row["name"] for row in rows(file("customers", search="doe"))] == ["john doe"]


@pytest.mark.parametrize("accept", ["*/*", "application/json", "image/png"])
def test_json_is_for_everybody_else(accept: str) -> None:
    for name in ("customers", "orders"):
        answer = file(name, accept)
        assert answer.body["data"] == []
        assert answer.headers["vary"] == "accept"


def test_a_refusal_is_a_problem() -> None:
    answer = file("orders", limit="0")
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_head_has_the_length_of_the_file() -> None:
    create_customer({"name": "Zoë", "phone_number": "+254700000001", "email": "zoe@example.com"})
    head = file("customers", method="HEAD")
    assert head.body == ""
    assert head.headers["content-length"] == str(len(file("customers").body.encode()))


def test_an_export_of_a_customer_stays_json() -> None:
    customer = create_customer().body
    event = http_event(
        "GET", f"{BASE}/customers/x/export", parameters={"customer": customer["id"]}, headers={"accept": "text/csv"}
    )
    assert call("export_customer", event).body["customer"]["id"] == customer["id"]
