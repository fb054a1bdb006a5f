"""Files as LibreOffice and pandas write them (tests/integration/files/make_files.py), imported."""

from pathlib import Path

import pytest

from sales.runtime.aws import aws_client
from tests.conftest import ENVIRONMENT
from tests.integration.api import BASE, call, get, list_customers
from tests.integration.imports import JSON_LINES, results, rows_of, send
from tests.support.events import http_event

pytestmark = pytest.mark.usefixtures("tables")
FILES = Path(__file__).parent / "files"
LOCALES = {"american": ",", "german": ";", "french": ";"}
CUSTOMERS = "name,phone_number,email\nJane Otieno,0700000001,jane@example.com\nJosé,0700000003,jose@example.com\n"


@pytest.mark.parametrize("locale", LOCALES)
def test_customers_that_libreoffice_saved_are_imported_but_for_a_rounded_number(locale: str) -> None:
    raw = (FILES / f"libreoffice-{locale}-customers.csv").read_bytes()
    rows = rows_of(send("customers", raw), LOCALES[locale])
    assert [row["result"] for row in rows] == ["created", "created", "refused", "created", "created"]
    assert "rounded to 2" in rows[2]["error"]
    names = {customer["name"]: customer["phone_number"] for customer in list_customers().body["data"]}
    assert names == {
        "Jane Otieno": "+254700000001",
        "José Mwangi": "+254700000003",
        'Tom "TJ" Barasa, junior': "+254700000004",
        "Mary Wanjiku": "+254700000005",
    }
    assert [row["Name"] for row in rows][4] == "Mary\nWanjiku"


@pytest.mark.parametrize("locale", LOCALES)
def test_orders_that_libreoffice_saved_are_imported_but_for_grouped_amounts_and_errors(locale: str) -> None:
    send("customers", CUSTOMERS)
    raw = (FILES / f"libreoffice-{locale}-orders.csv").read_bytes()
    rows = rows_of(send("orders", raw), LOCALES[locale])
    assert [row["result"] for row in rows] == ["created", "created", "refused", "refused"]
    assert rows[2]["error"].startswith("amount: ")
    assert "1500.00" in rows[2]["error"]
    assert rows[3]["error"] == "item: is an error of a spreadsheet, #DIV/0!: enter it again"
    orders = [get("get_order", "order", row["id"]).body for row in rows[:2]]
    assert [(order["amount"], order["item"], order["reference"]) for order in orders] == [
        ("56000.68", "macbook m2", "INV-1"),
        ("345.00", "tea leaves; 500 g", "1002"),
    ]


@pytest.mark.parametrize(("name", "delimiter"), [("pandas-customers.csv", ","), ("pandas-customers.tsv", "\t")])
def test_customers_of_a_data_frame_are_imported(name: str, delimiter: str) -> None:
    raw = (FILES / name).read_bytes()
    answer = send("customers", raw)
    assert [row["result"] for row in rows_of(answer, delimiter)] == ["created"] * 3
    assert answer.body.startswith("\ufeff") == raw.startswith(b"\xef\xbb\xbf")
    assert len(list_customers().body["data"]) == 3


def test_numbers_that_a_data_frame_has_turned_into_decimals_are_refused() -> None:
    rows = rows_of(send("customers", (FILES / "pandas-customers-decimals.csv").read_bytes()))
    assert [row["error"].split(", ")[0] for row in rows] == [
        "phone_number: was written with decimals",
        "phone_number: is required",
        "phone_number: was written with decimals",
    ]


def test_orders_of_a_data_frame_are_imported_with_a_decimal_comma_and_as_json_lines() -> None:
    send("customers", CUSTOMERS)
    rows = rows_of(send("orders", (FILES / "pandas-orders.csv").read_bytes()), ";")
    assert [row["result"] for row in rows] == ["created", "created"]
    assert [get("get_order", "order", row["id"]).body["amount"] for row in rows] == ["56000.68", "345.00"]
    assert results("orders", (FILES / "pandas-orders.ndjson").read_bytes(), JSON_LINES) == ["unchanged", "unchanged"]


def exported(kind: str) -> tuple[str, list[dict[str, str]]]:
    """Return the list as a file, and its rows."""
    answer = call(f"list_{kind}", http_event("GET", f"{BASE}/{kind}", headers={"accept": "text/csv"}))
    assert answer.headers["content-type"].startswith("text/csv")
    return answer.body, rows_of(answer)


def empty() -> None:
    """Delete every item of both tables."""
    client = aws_client("dynamodb", "")
    for table, key in ((ENVIRONMENT["CUSTOMERS_TABLE"], "code"), (ENVIRONMENT["ORDERS_TABLE"], "id")):
        for item in client.scan(TableName=table)["Items"]:
            client.delete_item(TableName=table, Key={key: item[key]})


def test_an_export_imported_into_an_emptied_system_exports_the_same() -> None:
    people = (
        "name,phone_number,email,language\n"
        "Jane Otieno,0700000001,jane@example.com,sw\n"
        "=Tom,0700000001,tom@example.com,\n"
        "José 't Hooft,0700000003,jose@example.com,en\n"
    )
    assert results("customers", people) == ["created"] * 3
    codes = {row["name"]: row["code"] for row in exported("customers")[1]}
    sold = (
        "reference,customer,item,amount,currency\n"
        f"R-1,{codes['Jane Otieno']},tea leaves,1.50,\n"
        f"R-2,{codes["'=Tom"]},=1+1,1500,UGX\n"
        f"R-3,0700000003,'90s jacket,1.500,KWD\n"
    )
    assert results("orders", sold) == ["created"] * 3
    before = {kind: exported(kind) for kind in ("customers", "orders")}
    empty()
    for kind, (file, _) in before.items():
        assert results(kind, file) == ["created"] * 3
    kept = {
        "customers": ("name", "phone_number", "email", "language"),
        "orders": ("reference", "item", "amount", "currency", "customer_name", "customer_phone_number"),
    }
    for kind, columns in kept.items():
        old, new = (
            sorted(tuple(row[column] for column in columns) for row in rows)
            for rows in (before[kind][1], exported(kind)[1])
        )
        assert old == new
        # Another system: nothing has the same id.
        assert not {row["id"] for row in before[kind][1]} & {row["id"] for row in exported(kind)[1]}
