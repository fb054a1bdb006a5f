"""Which page a request asks for, and the link to the next one."""

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from sales.api import cursors
from sales.api.endpoint import Request
from sales.api.paging import read_page
from sales.domain.problems import Problem
from sales.schemas.emails import read_email
from sales.schemas.orders import Reference
from tests.support.events import http_event

KEY = "2026-11-23T12:00:00.000000Z#7c0e1b52-6f3d-8a94-b1c8-0e9d4f7a2365"


def request(query: str) -> Request:
    return Request(http_event("GET", "/orders") | {"rawQueryString": query}, {}, b"", None)


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
        "?limit": "invalid", "?sms_status": "invalid", "?code": "invalid", "?email": "invalid",
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


ID = "1d5f84a1-22c7-8b3e-9a41-5a0d5c2be710"


@pytest.mark.parametrize(
    ("name", "spellings", "canonical"),
    [
        ("email", ["John+Tag@example.com", "john+tag@Example.com", "%20john%2Btag@example.com%20"], "john+tag@example.com"),
        ("reference", ["PO%207", "%20PO%207%EF%BB%BF", "PO%C2%A07", "%09PO%097"], "PO 7"),
        ("customer", ["5XQ2M7KD", "5xq2m7kd"], "5XQ2M7KD"),
        ("customer", [ID, ID.upper()], ID),
        ("code", ["5XQ2M7KD", "5xq2m7kd"], "5XQ2M7KD"),
        (
            "order_date_from",
            ["2026-11-29T02:00:00Z", "2026-11-29t05:00:00+03:00", "2026-11-29T05:00:00%2B03:00", "%202026-11-29T02:00:00Z"],
            "2026-11-29T02:00:00.000000Z",
        ),
    ],
)  # fmt: skip
def test_spellings_of_one_value_are_one_filter_and_share_cursors(
    name: str, spellings: list[str], canonical: str
) -> None:
    cursor = cursors.encode(KEY, "orders", {name: canonical})
    for spelling in spellings:
        page = read_page(request(f"{name}={spelling}&cursor={cursor}"), "orders", name)
        assert (page.query, page.follows) == ({name: canonical}, KEY)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email", "not-an-email"),
        ("email", "a@b"),
        ("email", "a@example.com,b@example.com"),
        ("email", f"{'a' * 64}@{'b.' * 100}com"),
        ("reference", "%E3%85%A4"),
        ("reference", "a%00b"),
        ("reference", "x" * 101),
        ("customer", "ABCDEF%C3%9F"),
        ("customer", "5XQ2M7K"),
        ("customer", "00000000-0000-4000-8000-000000000000"),
        ("code", "ABCDEF%C3%9F"),
        ("code", ID),
        ("sms_status", "Sent"),
        ("order_date_from", "2026-W48-7T00:00:00Z"),
        ("order_date_to", "2026-11-29T02:00:00,5Z"),
        ("order_date_to", "2026-11-29T02:00:00%2B03"),
        ("order_date_to", "now"),
        ("sms_opted_out", "false"),
    ],
)
def test_a_filter_that_can_match_nothing_is_named(name: str, value: str) -> None:
    assert errors(f"{name}={value}", name) == {f"?{name}": "invalid"}


BLANKS = st.text(" \t\n\x0b\x0c\r\x1c\x85\xa0\u3000", max_size=3)


@given(st.emails() | st.text("aZ+.@ ", max_size=20), BLANKS, BLANKS)
def test_every_address_that_can_be_stored_can_be_looked_for(address: str, before: str, after: str) -> None:
    address = before + address + after
    try:
        stored = read_email(address)
    except ValueError:
        return
    for query in (urlencode({"email": address}), urlencode({"email": f" {address} "})):
        assert read_page(request(query), "customers", "email").filters == {"email": stored.lower()}


@given(st.text(max_size=110))
def test_every_reference_that_can_be_stored_can_be_looked_for(reference: str) -> None:
    try:
        stored = TypeAdapter(Reference).validate_python(reference)
    except ValidationError:
        if reference.isprintable() and reference:
            assert errors(urlencode({"reference": reference}), "reference") == {"?reference": "invalid"}
    else:
        page = read_page(request(urlencode({"reference": reference})), "orders", "reference")
        assert page.filters == {"reference": stored}


def test_the_next_page_keeps_the_query_and_gets_a_cursor() -> None:
    page = read_page(request("reference=a%26b&limit=1"), "orders", "reference")
    answer = page.answer([{"id": 1}], KEY, within="orders", customer="c")
    body: dict[str, Any] = answer.body
    assert (body["orders"], body["customer"], body["has_more"]) == ([{"id": 1}], "c", True)
    assert answer.headers["link"] == f'</orders?reference=a%26b&limit=1&cursor={body["next_cursor"]}>; rel="next"'
    following = read_page(request(f"reference=a%26b&cursor={body['next_cursor']}"), "orders", "reference")
    assert following.follows == KEY
    assert cursors.decode(body["next_cursor"], "orders", {"reference": "a&b"}) == KEY


def test_the_last_page_has_no_link() -> None:
    answer = read_page(request(""), "orders").answer([])
    assert (answer.body["has_more"], answer.body["next_cursor"], answer.headers) == (False, None, {"vary": "accept"})
