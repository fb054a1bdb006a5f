"""Which page a request asks for, and the link to the next one."""

from typing import Any

import pytest

from sales.api import cursors
from sales.api.endpoint import Request
from sales.api.paging import read_page
from sales.domain.problems import Problem


def request(query: str) -> Request:
    return Request("GET", "/orders", {}, {}, query, b"", "id", {})


def errors(query: str, *filters: str) -> dict[str, str]:
    with pytest.raises(Problem) as refused:
        read_page(request(query), "orders", *filters)
    return {error.pointer: error.code for error in refused.value.errors}


def test_without_parameters_it_is_the_first_page() -> None:
    page = read_page(request(""), "orders")
    assert (page.limit, page.follows, page.filters) == (25, None, {})


@pytest.mark.parametrize(("limit", "valid"), [("1", True), ("100", True), ("0", False), ("101", False), ("-1", False),
    ("1.0", False), ("٣", False), ("1" * 400, False)])  # fmt: skip
def test_the_limit_is_from_1_to_100(limit: str, valid: bool) -> None:
    if valid:
        assert read_page(request(f"limit={limit}"), "orders").limit == int(limit)
    else:
        assert errors(f"limit={limit}") == {"?limit": "invalid"}


def test_every_parameter_at_fault_is_named() -> None:
    assert errors("limit=0&sms_status=gone&email=x&code=!", "sms_status", "code", "email") == {
        "?limit": "invalid", "?sms_status": "invalid", "?code": "invalid",
    }  # fmt: skip
    assert errors("colour=red&limit=1&limit=2&code=", "code") == {
        "?colour": "unknown_parameter", "?limit": "repeated", "?code": "required",
    }  # fmt: skip


def test_dates_bound_the_sort_key_and_are_no_filters() -> None:
    page = read_page(
        request("order_date_from=2026-01-31&order_date_to=2026-02-01T03:00:00+03:00&reference=r"),
        "orders", "order_date_from", "order_date_to", "reference",
    )  # fmt: skip
    assert (page.since, page.until) == ("2026-01-31T00:00:00.000000Z", "2026-02-01T00:00:00.000000Z")
    assert page.filters == {"reference": "r"}


def test_the_next_page_keeps_the_query_and_gets_a_cursor() -> None:
    page = read_page(request("reference=a%26b&limit=1"), "orders", "reference")
    answer = page.answer([{"id": 1}], "key", within="orders", customer="c")
    body: dict[str, Any] = answer.body
    assert (body["orders"], body["customer"], body["has_more"]) == ([{"id": 1}], "c", True)
    assert answer.headers["link"] == f'</orders?reference=a%26b&limit=1&cursor={body["next_cursor"]}>; rel="next"'
    following = read_page(request(f"reference=a%26b&cursor={body['next_cursor']}"), "orders", "reference")
    assert following.follows == "key"
    assert cursors.decode(body["next_cursor"], "orders", {"reference": "a&b"}) == "key"


def test_the_last_page_has_no_link() -> None:
    answer = read_page(request(""), "orders").answer([])
    assert (answer.body["has_more"], answer.body["next_cursor"], answer.headers) == (False, None, {})
