"""Files of customers and orders: each row's result, and nothing twice."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sales.domain.problems import Problem
from sales.services.imports import rows as import_rows
from sales.store import store
from sales.store.table import Table
from tests.conftest import ENVIRONMENT
from tests.integration.api import call, create_customer, create_order, get, list_customers, list_orders
from tests.integration.imports import CUSTOMERS, JSON_LINES, ORDERS, results, rows_of, send
from tests.support.events import http_event

pytestmark = pytest.mark.usefixtures("tables")


def test_the_file_comes_back_with_the_result_of_each_row() -> None:
    answer = send("customers", CUSTOMERS)
    one, other = rows_of(answer)
    stored = get("get_customer", "customer", one["id"]).body
    assert (stored["name"], stored["phone_number"], stored["code"]) == ("Jane Otieno", "+254700000001", one["code"])
    assert answer.body.splitlines()[1] == (
        f"Jane Otieno,'+254700000001,jane@example.com,created,{one['id']},{one['code']},"
    )
    assert (other["result"], other["phone_number"], other["error"]) == ("created", "0700000002", "")


def test_a_file_sent_again_creates_nothing_and_names_what_is_there() -> None:
    first = rows_of(send("customers", CUSTOMERS))
    again = rows_of(send("customers", CUSTOMERS, subject="another", client="another"))
    assert [row["result"] for row in again] == ["unchanged", "unchanged"]
    assert [row["id"] for row in again] == [row["id"] for row in first]
    assert len(list_customers().body["data"]) == 2


def test_the_answer_of_an_import_can_be_sent_as_it_is() -> None:
    answer = send("customers", CUSTOMERS)
    again = send("customers", answer.body)
    assert [row["result"] for row in rows_of(again)] == ["unchanged", "unchanged"]
    assert again.body == answer.body.replace(",created,", ",unchanged,")


def test_files_sent_at_the_same_time_create_each_row_once() -> None:
    send("customers", "name,phone_number,email\n")
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: results("customers", CUSTOMERS), range(4)))
    assert all(sorted(column) == ["created", *["unchanged"] * 3] for column in zip(*found, strict=True))
    assert len(list_customers().body["data"]) == 2


@pytest.mark.parametrize(
    "name", ["Jane Otieno", "JANE OTIENO", " jane  otieno ", "Jane\u00a0Otieno", "\uff2aane Otieno"]
)
def test_a_customer_created_by_hand_is_known_by_number_and_name(name: str) -> None:
    created = create_customer({"name": "Jane Otieno", "phone_number": "0700000001", "email": "JANE@example.com"}).body
    [row] = rows_of(send("customers", f"name,phone_number,email\n{name},+254 700 000 001,jane@example.com\n"))
    assert (row["result"], row["id"]) == ("unchanged", created["id"])


def test_people_who_share_a_number_are_different_customers() -> None:
    create_customer({"name": "Jane Otieno", "phone_number": "0700000001", "email": "jane@example.com"})
    assert results("customers", "name,phone_number,email\nTom Otieno,0700000001,jane@example.com\n") == ["created"]


def test_a_row_that_says_otherwise_is_refused_with_the_column() -> None:
    created = create_customer({"name": "Jane Otieno", "phone_number": "0700000001", "email": "jane@example.com"}).body
    [row] = rows_of(send("customers", "name,phone_number,email\nJane Otieno,0700000001,other@example.com\n"))
    assert (row["result"], row["id"], row["code"]) == ("refused", created["id"], created["code"])
    assert row["error"].startswith("email: ")
    assert get("get_customer", "customer", created["id"]).body["email"] == "jane@example.com"


def test_a_language_is_imported_and_compared_where_the_file_has_one() -> None:
    body = "name,phone_number,email,language\nJane,0700000001,jane@example.com,{}\n"
    [row] = rows_of(send("customers", body.format("sw")))
    assert get("get_customer", "customer", row["id"]).body["language"] == "sw"
    assert results("customers", body.format("")) == results("customers", body.format("sw")) == ["unchanged"]
    for language in ("en", "fr"):
        [row] = rows_of(send("customers", body.format(language)))
        assert (row["result"], row["error"].split(":")[0]) == ("refused", "language")


def test_rows_that_are_alike_create_one_customer_and_the_first_one_wins() -> None:
    body = CUSTOMERS + "JANE OTIENO,0700000001,jane@example.com\nJane Otieno,0700000001,other@example.com\n"
    assert results("customers", body) == ["created", "created", "unchanged", "refused"]
    assert len(list_customers().body["data"]) == 2


def test_an_imported_customer_renamed_since_is_not_created_again() -> None:
    [first, _] = rows_of(send("customers", CUSTOMERS))
    call(
        "update_customer",
        http_event("PATCH", "/x", {"name": "Jane Achieng"}, parameters={"customer": first["id"]}),
    )
    [again, _] = rows_of(send("customers", CUSTOMERS))
    assert (again["result"], again["id"]) == ("refused", first["id"])
    assert again["error"].startswith("name: ")


@pytest.mark.parametrize("by_hand", [True, False])
def test_an_erased_customer_does_not_come_back_with_an_old_file(by_hand: bool) -> None:
    if by_hand:
        create_customer({"name": "Jane Otieno", "phone_number": "0700000001", "email": "jane@example.com"})
    [first, _] = rows_of(send("customers", CUSTOMERS))
    call("erase_customer", http_event("POST", "/x", parameters={"customer": first["id"]}))
    [again, _] = rows_of(send("customers", CUSTOMERS))
    assert again["result"] == "refused"
    assert "erased" in again["error"]
    # People may come back themselves.
    assert (
        create_customer({"name": "Jane Otieno", "phone_number": "0700000001", "email": "j@example.com"}).status == 201
    )


def test_a_code_that_another_customer_has_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = create_customer().body
    from sales.services.imports import customers

    ids = customers.customer_ids

    def colliding(identity: str) -> Any:
        yield taken["id"][:8] + taken["id"][8:13] + next(ids(identity))[13:]
        yield from ids(identity)

    monkeypatch.setattr(customers, "customer_ids", colliding)
    assert results("customers", CUSTOMERS) == ["created", "created"]
    assert results("customers", CUSTOMERS) == ["unchanged", "unchanged"]
    assert get("get_customer", "customer", taken["id"]).body == taken


def test_imported_orders_text_nobody_and_are_of_today(rows: Callable[[str], list[dict[str, Any]]]) -> None:
    send("customers", CUSTOMERS)
    one, other = rows_of(send("orders", ORDERS))
    order = get("get_order", "order", one["id"]).body
    assert (order["item"], order["amount"], order["currency"], order["reference"]) == (
        "macbook m2", "56000.68", "KES", "INV-1",
    )  # fmt: skip
    assert (order["sms"]["status"], order["sms"]["reason"], order["sms"]["text"]) == ("suppressed", "not_asked", None)
    assert (one["code"], order["customer_name"]) == (order["code"], "Jane Otieno")
    assert other["result"] == "created"
    assert not any("due_at" in item for item in rows(ENVIRONMENT["ORDERS_TABLE"]))


def test_an_order_is_known_by_its_reference_whoever_sends_it() -> None:
    send("customers", CUSTOMERS)
    first = rows_of(send("orders", ORDERS))
    again = rows_of(send("orders", ORDERS, subject="another", client="another"))
    assert [row["result"] for row in again] == ["unchanged", "unchanged"]
    assert [row["id"] for row in again] == [row["id"] for row in first]
    assert len(list_orders().body["data"]) == 2


def test_orders_sent_at_the_same_time_are_created_once() -> None:
    send("customers", CUSTOMERS)
    send("orders", "reference,customer,item,amount\n")
    with ThreadPoolExecutor(4) as threads:
        clients = ["one", "one", "two", "two"]
        found = list(threads.map(lambda client: results("orders", ORDERS, client=client), clients))
    assert all(sorted(column) == ["created", *["unchanged"] * 3] for column in zip(*found, strict=True))
    assert len(list_orders().body["data"]) == 2


@pytest.mark.parametrize("client", ["sales-service", "another"])
def test_an_order_created_by_hand_is_known_by_its_reference(client: str) -> None:
    send("customers", CUSTOMERS)
    customer = list_customers(phone_number="+254700000001").body["data"][0]
    body = {"customer": customer["id"], "item": "Macbook M2", "amount": "56000.680", "reference": "INV-1"}
    created = create_order(body | {"amount": "56000.68"}, client=client).body
    [row, _] = rows_of(send("orders", ORDERS))
    assert (row["result"], row["id"]) == ("unchanged", created["id"])
    [row, _] = rows_of(send("orders", ORDERS.replace("56000.68", "56000.69")))
    assert (row["result"], row["id"]) == ("refused", created["id"])
    assert row["error"].startswith("amount: ")


def test_a_reference_that_the_index_does_not_have_yet_is_still_known(monkeypatch: pytest.MonkeyPatch) -> None:
    send("customers", CUSTOMERS)
    customer = list_customers(phone_number="+254700000001").body["data"][0]
    created = create_order(
        {"customer": customer["id"], "item": "macbook m2", "amount": "56000.68", "reference": "INV-1"}
    ).body
    monkeypatch.setattr(type(store().orders), "with_reference", lambda *_: [])
    [row, _] = rows_of(send("orders", ORDERS))
    assert (row["result"], row["id"]) == ("unchanged", created["id"])


def test_a_customer_of_an_order_is_an_id_a_code_or_a_number_that_one_has() -> None:
    send("customers", CUSTOMERS + "Tom Hassan,0700000002,ali@example.com\n")
    customer = list_customers(phone_number="+254700000001").body["data"][0]
    body = "reference,customer,item,amount\n" + "".join(
        f"R-{number},{text},tea,1\n"
        for number, text in enumerate(
            [
                customer["id"],
                customer["code"].lower().replace("-", ""),
                "0700 000 001",
                "0700000002",
                "0700000003",
                "Jane",
            ]
        )
    )
    found = rows_of(send("orders", body))
    assert [row["result"] for row in found] == ["created"] * 3 + ["refused"] * 3
    assert [row["error"].split(":")[0] for row in found[3:]] == ["customer"] * 3
    assert "several" in found[3]["error"]
    assert {order["customer"] for order in list_orders().body["data"]} == {customer["id"]}


def test_an_export_of_another_system_names_its_customers_by_number_and_name() -> None:
    send("customers", CUSTOMERS + "Tom Hassan,0700000002,ali@example.com\n")
    elsewhere = "00000000-0000-8000-8000-000000000000"
    body = (
        "reference,customer,customer_phone_number,customer_name,item,amount\n"
        f"R-1,{elsewhere},'+254700000002,ALI HASSAN,tea,1\n"
        f"R-2,{elsewhere},'+254700000002,Jane,tea,1\n"
        f"R-3,{elsewhere},,,tea,1\n"
    )
    found = rows_of(send("orders", body))
    assert [row["result"] for row in found] == ["created", "refused", "refused"]
    assert get("get_order", "order", found[0]["id"]).body["customer_name"] == "Ali Hassan"


def test_no_new_order_of_an_erased_customer_is_imported() -> None:
    customer = create_customer().body
    body = f"reference,customer,item,amount\nR-1,{customer['code']},tea,1\n"
    assert results("orders", body) == ["created"]
    call("erase_customer", http_event("POST", "/x", parameters={"customer": customer["id"]}))
    assert results("orders", body + f"R-2,{customer['code']},tea,1\n") == ["unchanged", "refused"]


def test_each_column_at_fault_is_named_for_people() -> None:
    [row] = rows_of(send("customers", "name,phone_number,email\n,2.54705E+11,nowhere\n"))
    errors = dict(error.split(": ", 1) for error in row["error"].split("; "))
    assert errors.keys() == {"name", "phone_number", "email"}
    assert "2.54705E+11" in errors["phone_number"]
    assert "as text" in errors["phone_number"]
    assert list_customers().body["data"] == []
    [row] = rows_of(send("orders", 'reference,customer,item,amount\n,nobody,tea,"1,500"\n'))
    assert [error.split(":")[0] for error in row["error"].split("; ")] == ["amount", "reference", "customer"]


def test_json_lines_come_back_as_json_lines() -> None:
    line = {"name": "Jane Otieno", "phone_number": "0700000001", "email": "jane@example.com", "version": 3, "id": "old"}
    answer = send("customers", "\n".join([json.dumps(line), "", json.dumps(line)]), JSON_LINES)
    assert answer.headers["content-type"] == JSON_LINES
    one, other = map(json.loads, answer.body.splitlines())
    assert one == line | {"result": "created", "id": one["id"], "code": one["code"], "error": None}
    assert (other["result"], other["id"]) == ("unchanged", one["id"])
    assert results("customers", answer.body, JSON_LINES) == ["unchanged", "unchanged"]


def test_orders_of_the_api_can_be_sent_back_as_json_lines() -> None:
    customer = create_customer().body
    order = create_order({"customer": customer["id"], "item": "tea", "amount": "1", "reference": "R-1"}).body
    assert results("orders", json.dumps(order), JSON_LINES) == ["unchanged"]


@pytest.mark.parametrize(
    ("kind", "body", "codes"),
    [
        ("customers", "name,phone\n", {"/phone": "unknown_field", "/phone_number": "required", "/email": "required"}),
        ("customers", "name,name,phone_number,email\n", {"/name": "repeated"}),
        ("orders", "customer,item,amount\n", {"/reference": "required"}),
        ("customers", "name,phone_number,email,\na,b,c,d\n", {"/": "unknown_field"}),
        ("customers", "name,phone_number,email\na,b,c,d\n", {"/": "unknown_field"}),
    ],
)
def test_wrong_columns_are_all_named_before_anything_is_stored(kind: str, body: str, codes: dict[str, str]) -> None:
    answer = send(kind, body)
    assert (answer.status, answer.body["code"], answer.codes) == (422, "unknown_column", codes)


def test_wrong_members_of_json_lines_are_columns_too() -> None:
    answer = send("customers", '{"name": "a", "phone_number": "b"}\n{"name": "a", "tel": 1}', JSON_LINES)
    assert answer.codes == {"/tel": "unknown_field", "/email": "required"}


def test_columns_of_an_export_and_of_a_result_are_ignored() -> None:
    body = "ID,code,Name,Phone Number,EMAIL,created_at,version,sms_opted_out,result,error\nx,y,Jane,0700000001,j@example.com,1,2,true,refused,old\n"
    [row] = rows_of(send("customers", body))
    assert (row["result"], row["error"], row["created_at"]) == ("created", "", "1")
    assert row["ID"] != "x"
    assert len(row["code"]) == 9


@pytest.mark.parametrize(
    ("body", "media_type", "status", "code"),
    [
        (CUSTOMERS, "application/json", 415, "unsupported_media_type"),
        (CUSTOMERS, "application/vnd.ms-excel", 415, "unsupported_media_type"),
        (CUSTOMERS + "x" * 1_000_000, "text/csv", 413, "payload_too_large"),
        (CUSTOMERS.splitlines()[0] + "\n" + "a,b,c\n" * 1001, "text/csv", 422, "too_many_rows"),
        ("{}\n" * 1001, JSON_LINES, 422, "too_many_rows"),
        ("", "text/csv", 422, "invalid_file"),
        ("\n\n,,\n", "text/csv", 422, "invalid_file"),
        ("[]", JSON_LINES, 422, "invalid_file"),
        ('{"name": 1e400}', JSON_LINES, 422, "invalid_file"),
        (CUSTOMERS.encode("utf-16"), "text/csv", 422, "invalid_file"),
        (b"PK\x03\x04rest", "text/csv", 422, "invalid_file"),
        (CUSTOMERS + "\0", "text/csv", 422, "invalid_file"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_before_anything_is_stored(
    body: str | bytes, media_type: str, status: int, code: str, rows: Callable[[str], list[dict[str, Any]]]
) -> None:
    answer = send("customers", body, media_type)
    assert (answer.status, answer.body["code"]) == (status, code)
    assert rows(ENVIRONMENT["CUSTOMERS_TABLE"]) == []


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (CUSTOMERS.encode() + "José,0700000003,j@example.com\n".encode("latin-1"), 4),
        ((CUSTOMERS + "Jos\ufffd,0700000003,j@example.com\n").encode(), 4),
        (CUSTOMERS.encode() + b'"Jane\n,0700000003,j@example.com\n', 4),
        (CUSTOMERS.encode() + b'"Jane"x,0700000003,j@example.com\n', 4),
        (CUSTOMERS.replace("Jane Otieno", '"Jane\nOtieno"').encode() + b'"', 5),
    ],
)
def test_the_line_that_cannot_be_read_is_named(body: bytes, line: int) -> None:
    answer = send("customers", body)
    assert (answer.status, answer.body["code"]) == (422, "invalid_file")
    assert f"line {line} " in answer.body["detail"]


@pytest.mark.parametrize("scope", ["sales:read", "sales:write"])
def test_an_import_needs_its_own_scope(scope: str) -> None:
    for kind in ("customers", "orders"):
        assert send(kind, CUSTOMERS, scopes=(scope,)).status == 403


def test_each_created_row_leaves_a_line_of_the_audit_trail(capsys: pytest.CaptureFixture[str]) -> None:
    def audited(kind: str, body: str) -> list[tuple[Any, ...]]:
        capsys.readouterr()
        send(kind, body)
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"audit"' in line]
        assert all((line["action"], line["actor"]) == (f"import_{kind}", "tester") for line in lines)
        assert all((line["client"], line["request_id"]) == ("sales-service", "request") for line in lines)
        return sorted((line["status"], "customer_id" in line, "order_id" in line) for line in lines)

    assert audited("customers", CUSTOMERS) == [(200, False, False), (201, True, False), (201, True, False)]
    assert audited("customers", CUSTOMERS) == [(200, False, False)]
    assert audited("orders", ORDERS) == [(200, False, False), (201, True, True), (201, True, True)]
    assert audited("orders", "x") == [(422, False, False)]


def test_a_store_that_fails_in_the_middle_is_503_and_the_next_try_creates_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = "name,phone_number,email\n" + "".join(f"Jane {n},07000000{n:02d},j@example.com\n" for n in range(60))
    put_all_if = Table.put_all_if
    writes = 1

    def failing(self: Table, puts: Any) -> None:
        nonlocal writes
        if not writes:
            raise Problem("unavailable")
        writes -= 1
        put_all_if(self, puts)

    monkeypatch.setattr(Table, "put_all_if", failing)
    assert send("customers", file).status == 503
    writes = 1000
    stored = len(list_customers(limit="100").body["data"])
    assert 0 < stored < 60
    found = results("customers", file)
    assert (found.count("unchanged"), found.count("created")) == (stored, 60 - stored)
    assert len(list_customers(limit="100").body["data"]) == 60


def test_an_import_that_takes_too_long_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_rows, "_SECONDS", -1.0)
    answer = send("customers", CUSTOMERS)
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert "again" in answer.body["detail"]
