"""Lists: pages, cursors, filters, shards."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from moto import mock_aws

from sales.domain import clock
from sales.domain.clock import format_time
from tests.conftest import ENVIRONMENT, forget_process_state
from tests.integration.api import call, create_customer, create_order, get, list_customers, list_orders, order_for
from tests.integration.tables import create_tables
from tests.support.events import http_event

MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def stopped_clock(tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: MOMENT)


def walk(page_of: Any, **query: str) -> Iterator[dict[str, Any]]:
    cursor: dict[str, str] = {}
    while True:
        answer = page_of(**query, **cursor)
        assert answer.status == 200
        yield from answer.body["data"]
        if not answer.body["has_more"]:
            assert "link" not in answer.headers
            return
        cursor = {"cursor": answer.body["next_cursor"]}


@pytest.mark.parametrize("shards", ["1", "4"])
def test_pages_are_complete_while_customers_are_added(
    shards: str, environment: pytest.MonkeyPatch, stopped_clock: None
) -> None:
    environment.setenv("LIST_SHARDS", shards)
    forget_process_state()
    earlier = {create_customer().body["id"] for _ in range(60)}
    seen = []
    for number, row in enumerate(walk(list_customers, limit="7")):
        seen.append(row["id"])
        if number % 7 == 0:
            create_customer()
    assert earlier <= set(seen)
    assert len(seen) == len(set(seen))


def test_no_list_loses_an_item_when_shards_grow_from_1_to_8(environment: pytest.MonkeyPatch, tables: None) -> None:
    environment.setenv("LIST_SHARDS", "1")
    forget_process_state()
    customer = create_customer().body
    people = [customer["id"], *(create_customer().body["id"] for _ in range(9))]

    def order(number: int) -> str:
        # A reference is unique per client, so each order comes from another client.
        body = order_for(customer, reference="of every client")
        return str(create_order(body, client=f"client-{number}").body["id"])

    before = [order(number) for number in range(10)]
    environment.setenv("LIST_SHARDS", "8")
    forget_process_state()
    people += [create_customer().body["id"] for _ in range(10)]
    after = [order(number) for number in range(10, 20)]
    expected = (before + after)[::-1]
    for query in (
        {},
        {"sms_status": "queued"},
        {"customer": customer["id"]},
        {"customer": customer["code"]},
        {"customer": customer["code"], "sms_status": "queued"},
        {"reference": "of every client"},
        {"reference": "of every client", "customer": customer["id"]},
        {"order_date_from": "2020-01-01"},
        {"order_date_to": "2100-01-01"},
        {"order_date_from": "2020-01-01", "order_date_to": "2100-01-01"},
    ):
        assert [row["id"] for row in walk(list_orders, limit="3", **query)] == expected
    for query in ({}, {"phone_number": customer["phone_number"]}, {"email": customer["email"]}):
        assert [row["id"] for row in walk(list_customers, limit="3", **query)] == people[::-1]
    for code in (people[0], people[-1]):
        person = get("get_customer", "customer", code).body
        assert [row["id"] for row in walk(list_customers, code=person["code"])] == [person["id"]]


def test_the_link_header_and_next_cursor_agree(tables: None) -> None:
    for _ in range(3):
        create_customer()
    answer = list_customers(limit="2")
    link = re.fullmatch(r'<(/api/v1/sales/customers)\?limit=2&cursor=(.+)>; rel="next"', answer.headers["link"])
    assert link
    assert link[2] == answer.body["next_cursor"]


@pytest.mark.usefixtures("tables")
class TestFilters:
    def test_orders_are_found_by_customer_state_reference_and_date(self, monkeypatch: pytest.MonkeyPatch) -> None:
        one, two = create_customer().body, create_customer().body
        ids = []
        for day, customer, reference in ((1, one, "r1"), (2, two, "r2"), (3, one, "r3")):
            monkeypatch.setattr(clock, "now", lambda day=day: datetime(2026, 1, day, 12, tzinfo=UTC))
            ids.append(create_order(order_for(customer, reference=reference)).body["id"])

        def found(**query: str) -> list[int]:
            return [ids.index(row["id"]) for row in walk(list_orders, **query)]

        assert found(customer=one["id"]) == [2, 0]
        assert found(customer=one["code"]) == found(customer=one["code"].replace("-", "").lower()) == [2, 0]
        assert found(customer=one["id"][:-2] + "00") in ([], [2, 0])
        assert found(sms_status="queued") == [2, 1, 0]
        assert found(sms_status="failed") == []
        assert found(reference="r2") == [1]
        assert found(reference="r2", customer=one["id"]) == []
        assert found(reference="r1", customer=one["id"], sms_status="queued") == [0]
        assert found(customer=one["id"], sms_status="queued") == [2, 0]
        assert found(customer=one["id"], sms_status="sent") == []
        assert found(status="cancelled") == []
        assert found(status="created") == [2, 1, 0]
        assert found(order_date_from="2026-01-02") == [2, 1]
        assert found(order_date_to="2026-01-02") == [0]
        assert found(order_date_from="2026-01-02", order_date_to="2026-01-03T00:00:00Z") == [1]
        assert found(order_date_from="2026-01-02T15:00:00+03:00", order_date_to="2026-01-03") == [1]
        assert found(order_date_from="2026-01-02T12:00:00.000001Z", order_date_to="2026-01-03") == []
        assert found(order_date_from="2026-01-03", order_date_to="2026-01-01") == []
        assert found(order_date_from="2026-01-02t15:00:00+03:00", order_date_to="2026-01-02t12:00:01z") == [1]
        assert found(order_date_from="0300-01-01") == [2, 1, 0]
        assert found(order_date_to="0300-01-01") == []
        assert found(customer=one["id"], order_date_to="2026-01-02") == [0]
        assert found(sms_status="queued", order_date_from="2026-01-03", limit="1") == [2]

    @pytest.mark.parametrize(
        ("query", "pointers"),
        [
            ({"limit": "0"}, ["?limit"]),
            ({"limit": "101"}, ["?limit"]),
            ({"limit": "ten"}, ["?limit"]),
            ({"limit": ""}, ["?limit"]),
            ({"colour": "red"}, ["?colour"]),
            ({"sms_status": "lost", "order_date_from": "yesterday"}, ["?sms_status", "?order_date_from"]),
            ({"customer": "nobody"}, ["?customer"]),
            ({"customer": "7KQ2M9-XA"}, ["?customer"]),
            ({"reference": "r" * 101}, ["?reference"]),
            ({"order_date_to": "2026-13-01"}, ["?order_date_to"]),
            ({"order_date_to": "2026-01-01T00:00:00"}, ["?order_date_to"]),
            ({"order_date_to": "9999-12-31T23:59:59-23:59"}, ["?order_date_to"]),
        ],
    )
    def test_an_invalid_query_is_400_and_names_each_parameter(self, query: dict[str, str], pointers: list[str]) -> None:
        answer = list_orders(**query)
        assert (answer.status, answer.body["code"]) == (400, "invalid_query")
        assert list(answer.codes) == pointers

    def test_a_parameter_given_twice_is_400(self) -> None:
        event = http_event("GET", "/api/v1/sales/orders") | {"rawQueryString": "limit=1&limit=2"}
        assert call("list_orders", event).codes == {"?limit": "repeated"}


class TestCursors:
    @pytest.fixture
    def cursor(self, tables: None) -> str:
        for _ in range(3):
            create_customer()
        next_cursor: str = list_customers(limit="1").body["next_cursor"]
        return next_cursor

    def test_a_cursor_with_any_byte_changed_is_400(self, cursor: str) -> None:
        for place in range(len(cursor)):
            for other in "A_x9=":
                if cursor[place] != other:
                    answer = list_customers(cursor=cursor[:place] + other + cursor[place + 1 :])
                    assert (answer.status, answer.body["code"]) == (400, "invalid_cursor")

    @pytest.mark.parametrize("made", ["", "x", "é", "A" * 500, "=" * 8])
    def test_a_cursor_that_was_made_up_is_400(self, made: str, tables: None) -> None:
        assert list_customers(cursor=made).status == 400

    def test_a_cursor_belongs_to_its_filters(self, cursor: str) -> None:
        assert list_customers(cursor=cursor, limit="2").status == 200
        assert list_customers(cursor=cursor, email="a@example.com").body["code"] == "invalid_cursor"

    def test_a_cursor_belongs_to_its_list(self, cursor: str) -> None:
        answer = list_orders(cursor=cursor)
        assert (answer.status, answer.body["code"]) == (400, "invalid_cursor")


def _fill(patch: pytest.MonkeyPatch, shards: int) -> None:
    for name, value in ENVIRONMENT.items():
        patch.setenv(name, value)
    patch.setenv("LIST_SHARDS", str(shards))
    forget_process_state()
    create_tables()


def _page_while_inserting(
    page_of: Any, query: dict[str, str], steps: list[str], insert: Callable[[str], object]
) -> list[str]:
    """Return the ids on the pages, checked to be newest first; each step but `page` inserts a row."""
    seen: list[tuple[str, str]] = []
    cursor: dict[str, str] | None = {}
    for step in [*steps, *["page"] * 40]:
        if step != "page":
            insert(step)
        elif cursor is not None:
            answer = page_of(**query, **cursor)
            assert answer.status == 200
            assert len(answer.body["data"]) <= int(query["limit"])
            seen += ((row.get("order_date") or row["created_at"], row["id"]) for row in answer.body["data"])
            cursor = {"cursor": answer.body["next_cursor"]} if answer.body["has_more"] else None
    assert cursor is None
    assert seen == sorted(set(seen), reverse=True)
    return [id for _, id in seen]


def test_short_pages_of_a_rare_filter_still_lead_to_every_row(tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sales.store.table.FILTERED_READS", 3)
    customer = create_customer().body
    rare = create_order(order_for(customer)).body
    call("cancel_order", http_event("POST", "/x", parameters={"order": rare["id"]}))
    for _ in range(9):
        create_order(order_for(customer))
    query = {"customer": customer["id"], "sms_status": "suppressed", "limit": "1"}
    first = list_orders(**query).body
    assert (first["data"], first["has_more"]) == ([], True)
    assert [row["id"] for row in walk(list_orders, **query)] == [rare["id"]]


def opted_out() -> dict[str, Any]:
    """A customer whose orders send no text."""
    customer = create_customer().body
    event = http_event(
        "PATCH",
        f"/api/v1/sales/customers/{customer['id']}",
        {"sms_opted_out": True},
        parameters={"customer": customer["id"]},
    )
    changed: dict[str, Any] = call("update_customer", event).body
    return changed


SHIFTS = {"insert": timedelta(minutes=1), "same": timedelta(seconds=1), "past": -timedelta(days=1)}
STEPS = st.lists(st.sampled_from([*SHIFTS, "page"]), max_size=15)
FROM, TO = MOMENT + timedelta(seconds=1), MOMENT + timedelta(seconds=2)
ORDER_FILTERS = ("customer", "customer_code", "status", "sms_status", "reference", "order_date_from", "order_date_to")


# The most rows that one page reads for a rare filter: with 3, a page can be shorter than its limit.
READS = st.sampled_from([3, 1000])
LIMITS = st.integers(1, 5) | st.integers(1, 100)


@hypothesis_settings(max_examples=20)
@given(
    shards=st.integers(1, 5),
    steps=STEPS,
    limit=LIMITS,
    reads=READS,
    filters=st.sets(st.sampled_from(ORDER_FILTERS), max_size=4),
)
# This example certainly reaches that limit.
@example(shards=1, steps=["page", "insert"], limit=1, reads=3, filters={"customer", "sms_status", "order_date_from"})
@example(shards=2, steps=["same"] * 3, limit=2, reads=3, filters={"reference", "customer"})
@example(shards=3, steps=["same", "page"] * 3, limit=2, reads=3, filters={"status"})
def test_lists_return_each_order_once_during_inserts(
    shards: int, steps: list[str], limit: int, reads: int, filters: set[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        _fill(patch, shards)
        patch.setattr("sales.store.table.FILTERED_READS", reads)
        moment = MOMENT
        patch.setattr(clock, "now", lambda: moment)
        shoppers = [create_customer().body, create_customer().body]
        shoppers.append(opted_out())
        made = count()

        def insert() -> dict[str, Any]:
            number = next(made)
            # A reference is unique per client, so one reference can find orders of two clients.
            order = order_for(shoppers[number % 3], reference="r" if number in (0, 4) else f"r{number}")
            client = "second-shop" if number == 4 else "sales-service"
            body: dict[str, Any] = create_order(order, client=client).body
            if number % 4 == 3:
                body = call("cancel_order", http_event("POST", "/x", parameters={"order": body["id"]})).body
            return body

        def meant(row: dict[str, Any]) -> bool:
            return all(
                {
                    "customer": row["customer"] == shoppers[0]["id"],
                    "customer_code": row["customer"] == shoppers[0]["id"],
                    "status": row["status"] == "cancelled",
                    "sms_status": row["sms"]["status"] == "queued",
                    "reference": row["reference"] == "r",
                    "order_date_from": row["order_date"] >= format_time(FROM),
                    "order_date_to": row["order_date"] < format_time(TO),
                }[name]
                for name in filters
            )

        earlier = []
        for number in range(9):
            moment = MOMENT + timedelta(seconds=number // 3)
            earlier.append(insert())
        values = {
            "customer": shoppers[0]["id"],
            "customer_code": shoppers[0]["code"],
            "status": "cancelled",
            "sms_status": "queued",
            "reference": "r",
            "order_date_from": format_time(FROM),
            "order_date_to": format_time(TO),
        }
        query = {"limit": str(limit)} | {name.removesuffix("_code"): values[name] for name in sorted(filters)}
        added = []

        def step_in(step: str) -> None:
            nonlocal moment
            moment = MOMENT + SHIFTS[step]
            added.append(insert())

        seen = _page_while_inserting(list_orders, query, steps, step_in)
        expected = {row["id"] for row in earlier if meant(row)}
        assert expected <= set(seen) <= expected | {row["id"] for row in added if meant(row)}
    forget_process_state()


@hypothesis_settings(max_examples=15)
@given(
    shards=st.integers(1, 5),
    steps=STEPS,
    limit=LIMITS,
    reads=READS,
    filters=st.sets(st.sampled_from(["phone_number", "email", "code"]), max_size=3),
)
@example(shards=1, steps=["insert", "page"], limit=1, reads=3, filters={"phone_number", "email"})
def test_lists_return_each_customer_once_during_inserts(
    shards: int, steps: list[str], limit: int, reads: int, filters: set[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        _fill(patch, shards)
        patch.setattr("sales.store.table.FILTERED_READS", reads)
        moment = MOMENT
        patch.setattr(clock, "now", lambda: moment)
        made = count()

        def insert() -> dict[str, Any]:
            number = next(made)
            body: dict[str, Any] = create_customer(
                {
                    "name": "john doe",
                    "phone_number": f"+25470000000{number % 2}",
                    "email": ("A@example.com", "a@example.com", "b@example.com")[number % 3],
                }
            ).body
            return body

        earlier = []
        for number in range(9):
            moment = MOMENT + timedelta(seconds=number // 3)
            earlier.append(insert())
        values = {"phone_number": "+254700000000", "email": "a@example.com", "code": earlier[0]["code"]}
        query = {"limit": str(limit)} | {name: values[name] for name in sorted(filters)}

        def meant(row: dict[str, Any]) -> bool:
            return all(row[name].lower() == values[name].lower() for name in filters)

        added = []

        def step_in(step: str) -> None:
            nonlocal moment
            moment = MOMENT + SHIFTS[step]
            added.append(insert())

        seen = _page_while_inserting(list_customers, query, steps, step_in)
        expected = {row["id"] for row in earlier if meant(row)}
        assert expected <= set(seen) <= expected | {row["id"] for row in added if meant(row)}
    forget_process_state()
