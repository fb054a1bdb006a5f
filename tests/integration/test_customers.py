"""Customers through the functions, stored in moto."""

import re
from collections.abc import Callable
from typing import Any

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat

from sales.domain import ids as identity
from tests.integration.api import BASE, call, create_customer, get, list_customers
from tests.support.events import http_event
from tests.support.numbers import COUNTRIES, mobile

pytestmark = pytest.mark.usefixtures("tables")
type Rows = Callable[[str], list[dict[str, Any]]]


def update(customer: str, body: Any, **headers: str) -> Any:
    parameters = {"customer": customer}
    event = http_event("PATCH", f"{BASE}/customers/{customer}", body, headers=headers, parameters=parameters)
    return call("update_customer", event)


def test_creating_a_customer_returns_it_with_location_and_version() -> None:
    answer = create_customer()
    customer = answer.body
    assert answer.status == 201
    assert answer.headers["location"] == f"{BASE}/customers/{customer['id']}"
    assert answer.headers["etag"] == '"1"'
    assert customer | {"id": "", "code": "", "created_at": "", "updated_at": ""} == {
        "id": "",
        "code": "",
        "name": "john doe",
        "phone_number": "+254704590344",
        "email": "example@gmail.com",
        "language": None,
        "created_at": "",
        "created_by": "tester",
        "updated_at": "",
        "updated_by": "tester",
        "version": 1,
        "sms_opted_out": False,
        "sms_blocked": False,
    }
    assert re.fullmatch("[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}", customer["code"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", customer["created_at"])


def test_two_customers_may_share_number_and_email() -> None:
    first, second = create_customer(), create_customer()
    assert (first.status, second.status) == (201, 201)
    assert first.body["id"] != second.body["id"]
    assert first.body["code"] != second.body["code"]


def test_a_customer_is_found_by_id_and_by_code() -> None:
    customer = create_customer().body
    code = customer["code"]
    for name in (customer["id"], code, code.lower(), code.replace("-", ""), customer["id"].upper()):
        assert get("get_customer", "customer", name).body == customer


PERSON = {"phone_number": "+254704590344", "email": "example@gmail.com"}


@pytest.mark.parametrize("written", ["\ufeffJane Doe", "Jane\tDoe", "\u202bJane\u00a0Doe\u202c\u200f", " Jane Doe\r\n"])
def test_a_name_is_stored_without_what_nobody_sees_around_it(written: str) -> None:
    customer = create_customer(PERSON | {"name": written}).body
    assert customer["name"] == "Jane Doe"
    assert update(customer["code"], {"name": written}).body["name"] == "Jane Doe"


@pytest.mark.parametrize(
    "name", ["\u3164", "\u115f", "\u00ad", "\u200d", "\u061c", "\u2800 \ufeff", "\U000e0041"], ids=ascii
)
def test_a_name_that_nobody_can_see_is_refused(name: str, rows: Rows) -> None:
    answer = create_customer(PERSON | {"name": name})
    assert (answer.status, answer.codes) == (422, {"/name": "required"})
    assert answer.body["errors"][0]["detail"] == "must have at least one visible character"
    assert rows("customers") == []


@pytest.mark.parametrize("name", ["nobody", "22222222", "00000000-0000-8000-8000-000000000000", "../x", "%00", "é"])
def test_an_unknown_customer_id_of_any_form_is_404(name: str) -> None:
    answer = get("get_customer", "customer", name)
    assert (answer.status, answer.body["code"]) == (404, "not_found")


def test_another_id_with_a_known_code_in_it_is_404() -> None:
    customer = create_customer().body
    other = customer["id"][:-1] + ("0" if customer["id"][-1] != "0" else "1")
    assert get("get_customer", "customer", other).status == 404


def test_repeating_a_key_returns_the_same_customer_and_says_so() -> None:
    headers = {"Idempotency-Key": "one"}
    first, second = create_customer(headers=headers), create_customer(headers=headers)
    assert first.body == second.body
    assert (first.status, second.status) == (201, 201)
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert len(list_customers().body["data"]) == 1


def test_repeating_a_key_with_another_body_is_422_and_stores_nothing() -> None:
    create_customer(headers={"Idempotency-Key": "one"})
    other = {"name": "jane doe", "phone_number": "+254704590344", "email": "example@gmail.com"}
    answer = create_customer(other, headers={"Idempotency-Key": "one"})
    assert (answer.status, answer.body["code"]) == (422, "idempotency_key_reused")
    assert len(list_customers().body["data"]) == 1


def test_a_key_that_came_twice_makes_no_second_customer() -> None:
    create_customer(headers={"Idempotency-Key": "one"})
    for twice in ("one,one", "one,two"):
        answer = create_customer(headers={"Idempotency-Key": twice})
        assert (answer.status, answer.body["code"]) == (400, "invalid_header")
    assert len(list_customers().body["data"]) == 1


def test_an_idempotency_key_belongs_to_its_caller() -> None:
    first = create_customer(headers={"Idempotency-Key": "one"}, subject="one")
    second = create_customer(headers={"Idempotency-Key": "one"}, subject="two")
    third = create_customer(headers={"Idempotency-Key": "one"}, subject="one", client="other")
    assert len({answer.body["id"] for answer in (first, second, third)}) == 3


def test_a_customer_skips_codes_in_use_and_replays_still_find_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = identity.digest
    taken = b"\x01" * 32

    def colliding(*parts: str) -> bytes:
        # Every customer would get the same first code.
        return taken if parts[1:] == ("0",) else real(*parts)

    monkeypatch.setattr(identity, "digest", colliding)
    first = create_customer(headers={"Idempotency-Key": "one"}).body
    second = create_customer(headers={"Idempotency-Key": "two"}).body
    assert first["code"] != second["code"]
    assert create_customer(headers={"Idempotency-Key": "one"}).body == first
    assert create_customer(headers={"Idempotency-Key": "two"}).body == second
    assert get("get_customer", "customer", second["id"]).body == second


def test_a_change_moves_the_version_and_touches_nothing_else() -> None:
    customer = create_customer().body
    answer = update(customer["code"], {"name": "Jane"})
    assert answer.status == 200
    assert answer.headers["etag"] == '"2"'
    assert answer.body == customer | {"name": "Jane", "version": 2, "updated_at": answer.body["updated_at"]}
    assert answer.body["updated_at"] > customer["updated_at"]


def test_a_change_with_if_match_never_overwrites_another(rows: Rows) -> None:
    customer = create_customer().body
    assert update(customer["id"], {"name": "One"}, **{"If-Match": '"1"'}).status == 200
    answer = update(customer["id"], {"name": "Two"}, **{"If-Match": '"1"'})
    assert (answer.status, answer.body["code"], answer.body["current_version"]) == (412, "version_mismatch", 2)
    assert answer.headers["etag"] == '"2"'
    assert rows("customers")[0]["name"] == {"S": "One"}
    assert update(customer["id"], {"name": "Two"}, **{"If-Match": 'W/"2"'}).status == 412
    assert update(customer["id"], {"name": "Two"}, **{"If-Match": '"x"'}).status == 412
    assert update(customer["id"], {"name": "Two"}, **{"If-Match": "2"}).body["code"] == "invalid_header"
    assert update(customer["id"], {"name": "Two"}, **{"If-Match": '"1", "2"'}).body["version"] == 3


def test_an_empty_change_answers_the_customer_unchanged() -> None:
    customer = create_customer().body
    assert update(customer["id"], {}).body == customer
    assert update(customer["id"], {}, **{"If-Match": '"7"'}).status == 412


def test_no_change_affects_the_code_or_the_id() -> None:
    customer = create_customer().body
    for change in (
        {"name": "Jane"},
        {"phone_number": "0700000001"},
        {"email": "b@example.com"},
        {"sms_opted_out": True},
    ):
        changed = update(customer["code"], change).body
        assert (changed["code"], changed["id"]) == (customer["code"], customer["id"])
    assert get("get_customer", "customer", customer["code"]).body == changed
    for made in ("code", "id", "created_at", "version"):
        assert update(customer["id"], {made: "22222222"}).codes == {f"/{made}": "read_only"}


def test_changing_an_unknown_customer_is_404() -> None:
    assert update("22222222", {"name": "x"}).status == 404


def test_a_changed_email_is_found_by_the_new_one_only() -> None:
    customer = create_customer().body
    update(customer["id"], {"email": "New@Example.com"})
    assert [row["id"] for row in list_customers(email="new@example.COM").body["data"]] == [customer["id"]]
    assert list_customers(email="example@gmail.com").body["data"] == []


def test_a_caller_that_has_the_version_gets_304() -> None:
    customer = create_customer().body
    answer = get("get_customer", "customer", customer["id"], headers={"If-None-Match": '"1"'})
    assert (answer.status, answer.body) == (304, "")
    assert get("get_customer", "customer", customer["id"], headers={"If-None-Match": '"2"'}).status == 200


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({}, {"/name": "required", "/phone_number": "required", "/email": "required"}),
        (
            {"name": " ", "phone_number": "call me", "email": "nobody"},
            {"/name": "required", "/phone_number": "number_not_reachable", "/email": "invalid_email"},
        ),
        (
            {"name": "a\u0000b", "phone_number": 254704590344, "email": None, "age": 3, "code": "X"},
            {
                "/name": "control_character",
                "/phone_number": "invalid_type",
                "/email": "invalid_type",
                "/age": "unknown_field",
                "/code": "read_only",
            },
        ),
        (
            {"name": "x" * 151, "phone_number": "+2547045903440000", "email": f"{'x' * 250}@example.com"},
            {"/name": "too_long", "/phone_number": "number_not_reachable", "/email": "too_long"},
        ),
        (
            '{"name": "\\ud800", "phone_number": "0154590344", "email": "a@b..c"}',
            {"/name": "control_character", "/phone_number": "number_not_reachable", "/email": "invalid_email"},
        ),
    ],
)
def test_one_answer_names_every_invalid_field_and_nothing_is_stored(
    body: Any, codes: dict[str, str], rows: Rows
) -> None:
    answer = create_customer(body)
    assert (answer.status, answer.codes) == (422, codes)
    assert answer.headers["content-type"] == "application/problem+json"
    assert rows("customers") == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[]",
        '"text"',
        "null",
        '{"name": NaN}',
        '{"name": "a", "name": "b"}',
        b"\xff\xfe\x00",
        '{"a":' * 100_000,
        '{"amount": ' + "9" * 50_000 + "}",
        '{"amount": 1e999999999999999999999}',
    ],
)
def test_a_body_other_than_a_json_object_is_400(body: Any) -> None:
    answer = create_customer(body)
    assert answer.status in {400, 413}
    assert answer.body["code"] in {"invalid_json", "payload_too_large"}


def test_a_body_of_a_megabyte_is_413_as_problem_json() -> None:
    answer = create_customer({"name": "x" * 1_000_000})
    assert (answer.status, answer.body["code"]) == (413, "payload_too_large")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_content_type_other_than_json_is_415() -> None:
    assert create_customer(headers={"Content-Type": "text/plain"}).status == 415


@pytest.mark.parametrize(
    "written",
    [
        "0704590344",
        "254704590344",
        "+254 704 590 344",
        "(0704) 590-344",
        "704590344",
        "00254704590344",
        "+254(0)704590344",
    ],
)
def test_a_number_in_any_kenyan_form_is_returned_in_e164(written: str) -> None:
    answer = create_customer({"name": "a", "phone_number": written, "email": "a@example.com"})
    assert answer.body["phone_number"] == "+254704590344"


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_shop_in_any_country_reads_its_own_numbers(country: str, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DEFAULT_COUNTRY", country)
    national = phonenumbers.format_number(phonenumbers.parse(mobile(country)), PhoneNumberFormat.NATIONAL)
    customer = create_customer({"name": "a", "phone_number": national, "email": "a@example.com"}).body
    assert customer["phone_number"] == mobile(country)
    changed = update(customer["id"], {"phone_number": f"tel:{national}"}).body
    assert changed["phone_number"] == mobile(country)
    assert [row["id"] for row in list_customers(phone_number=national).body["data"]] == [customer["id"]]


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_number_is_found_by_every_spelling_and_with_a_plus_that_is_not_encoded(country: str) -> None:
    body = {"name": "a", "phone_number": mobile(country), "email": "a@example.com"}
    customer = create_customer(body).body
    for written in (mobile(country), f"00{mobile(country)[1:]}", mobile(country).replace("+", " ")):
        assert [row["id"] for row in list_customers(phone_number=written).body["data"]] == [customer["id"]]


def test_a_filter_for_a_number_that_cannot_exist_is_400() -> None:
    answer = list_customers(phone_number="+7065810032")
    assert (answer.status, answer.codes) == (400, {"?phone_number": "invalid"})
    assert answer.body["errors"][0]["detail"] == "must have ten digits after +7"


def test_customers_are_filtered_by_number_email_and_code() -> None:
    one = create_customer({"name": "a", "phone_number": "0700000001", "email": "a@example.com"}).body
    two = create_customer({"name": "b", "phone_number": "0700000002", "email": "a@example.com"}).body
    assert [row["id"] for row in list_customers(phone_number="0700000001").body["data"]] == [one["id"]]
    assert [row["id"] for row in list_customers(email="a@example.com").body["data"]] == [two["id"], one["id"]]
    assert [row["id"] for row in list_customers(email="a@example.com", phone_number="0700000001").body["data"]] == [
        one["id"]
    ]
    for code in (two["code"], two["code"].replace("-", "").lower()):
        assert [row["id"] for row in list_customers(code=code).body["data"]] == [two["id"]]
    assert list_customers(code="22222222").body["data"] == []
    assert list_customers(code=two["code"], email="b@example.com").body["data"] == []
