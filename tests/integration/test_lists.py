"""Lists: pages, cursors, filters, shards."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from moto import mock_aws

from sales import clock
from tests.conftest import ENVIRONMENT, forget_process_state
from tests.events import http_event
from tests.integration.api import call, create_customer, create_order, list_customers, list_orders, order_for

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
def test_customers_of_one_moment_page_through_completely_while_others_are_added(
    shards: str, environment: pytest.MonkeyPatch, stopped_clock: None
) -> None:
    environment.setenv("LIST_SHARDS", shards)
    forget_process_state()
    there = {create_customer().body["id"] for _ in range(60)}
    seen = []
    for number, row in enumerate(walk(list_customers, limit="7")):
        seen.append(row["id"])
        if number % 7 == 0:
            create_customer()
    assert there <= set(seen)
    assert len(seen) == len(set(seen))


def test_raising_the_number_of_shards_loses_nothing_from_any_list(
    environment: pytest.MonkeyPatch, tables: None
) -> None:
    customer = create_customer().body
    before = [create_order(order_for(customer)).body["id"] for _ in range(10)]
    environment.setenv("LIST_SHARDS", "8")
    from sales.settings import settings
    from sales.store import store

    settings.cache_clear()
    store.cache_clear()
    after = [create_order(order_for(customer)).body["id"] for _ in range(10)]
    expected = (before + after)[::-1]
    for query in ({}, {"sms_status": "queued"}, {"customer": customer["id"]}):
        assert [row["id"] for row in walk(list_orders, limit="3", **query)] == expected


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
        assert found(customer=one["code"]) == [2, 0]
        assert found(customer=one["id"][:-2] + "00") in ([], [2, 0])
        assert found(sms_status="queued") == [2, 1, 0]
        assert found(sms_status="failed") == []
        assert found(reference="r2") == [1]
        assert found(reference="r2", customer=one["id"]) == []
        assert found(reference="r1", customer=one["id"], sms_status="queued") == [0]
        assert found(customer=one["id"], sms_status="queued") == [2, 0]
        assert found(customer=one["id"], sms_status="sent") == []
        assert found(order_date_from="2026-01-02") == [2, 1]
        assert found(order_date_to="2026-01-02") == [0]
        assert found(order_date_from="2026-01-02", order_date_to="2026-01-03T00:00:00Z") == [1]
        assert found(order_date_from="2026-01-02T15:00:00+03:00", order_date_to="2026-01-03") == [1]
        assert found(order_date_from="2026-01-02T12:00:00.000001Z", order_date_to="2026-01-03") == []
        assert found(order_date_from="2026-01-03", order_date_to="2026-01-01") == []
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
            ({"reference": "r" * 101}, ["?reference"]),
            ({"order_date_to": "2026-13-01"}, ["?order_date_to"]),
            ({"order_date_to": "2026-01-01T00:00:00"}, ["?order_date_to"]),
            ({"order_date_to": "9999-12-31T23:59:59-23:59"}, ["?order_date_to"]),
        ],
    )
    def test_a_query_that_cannot_be_meant_is_400_naming_each_parameter(
        self, query: dict[str, str], pointers: list[str]
    ) -> None:
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
        found: str = list_customers(limit="1").body["next_cursor"]
        return found

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


@hypothesis_settings(max_examples=10, deadline=None)
@given(
    shards=st.integers(1, 5),
    steps=st.lists(st.sampled_from(["insert", "same", "past", "page"]), max_size=15),
    limit=st.integers(1, 5),
    status=st.sampled_from([None, "queued"]),
)
def test_rows_that_were_there_come_exactly_once_in_order_whatever_is_inserted(
    shards: int, steps: list[str], limit: int, status: str | None
) -> None:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setenv("LIST_SHARDS", str(shards))
        forget_process_state()
        from sales.store import aws_client
        from tests.integration.conftest import PARAMETERS, TEMPLATE, load

        for logical_id, name in (("CustomersTable", "customers"), ("OrdersTable", "orders")):
            aws_client("dynamodb", "").create_table(
                **load(TEMPLATE, PARAMETERS).tables[logical_id] | {"TableName": name}
            )
        moment = MOMENT
        patch.setattr(clock, "now", lambda: moment)
        customer = create_customer().body

        def insert() -> str:
            body = create_order(order_for(customer)).body
            return f"{body['order_date']}#{body['id']}"

        there = []
        for number in range(8):
            moment = MOMENT + timedelta(seconds=number // 3)
            there.append(insert())
        query = {"limit": str(limit)} | ({"sms_status": status} if status else {})
        seen: list[str] = []
        cursor: dict[str, str] | None = {}
        for step in [*steps, *["page"] * 30]:
            if step == "page" and cursor is not None:
                body = list_orders(**query, **cursor).body
                seen += (f"{row['order_date']}#{row['id']}" for row in body["data"])
                cursor = {"cursor": body["next_cursor"]} if body["has_more"] else None
            elif step != "page":
                moment = {
                    "insert": MOMENT + timedelta(minutes=1),
                    "same": MOMENT + timedelta(seconds=1),
                    "past": MOMENT - timedelta(days=1),
                }[step]
                insert()
        assert cursor is None
        assert seen == sorted(seen, reverse=True)
        assert len(seen) == len(set(seen))
        assert set(there) <= set(seen)
    forget_process_state()
