"""GET customers?search=: the same customers as a comparison with every customer finds."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sales.domain.caller import Caller
from sales.domain.customers import Customer
from sales.domain.ids import code_of, customer_ids
from sales.domain.search import MOST_FOUND, Readings, names_of
from sales.runtime.aws import aws_client
from sales.services import search as service
from sales.store import search, store
from tests.integration.api import call, create_customer, list_customers
from tests.integration.sending import Time
from tests.support.events import http_event

NAMES = [
    "Wanjiku",
    "Wanjala",
    "Wan",
    "Kamau",
    "Ng'ang'a",
    "Zoë",
    "zoe",
    "O’Brien",
    "Mary-Jane",
    "አበበ",
    "محمد",
    "K",
    "254",
]


def found(text: str, **query: str) -> list[str]:
    answer = list_customers(search=text, **query)
    assert answer.status == 200, answer.body
    assert answer.body["next_cursor"] is None
    assert answer.body["has_more"] is False
    assert "link" not in answer.headers
    return [customer["name"] for customer in answer.body["data"]]


def created(*names: str, number: str = "+254704590344") -> list[dict[str, Any]]:
    return [create_customer({"name": n, "phone_number": number, "email": "a@example.com"}).body for n in names]


@pytest.mark.usefixtures("tables")
class TestNames:
    @pytest.mark.parametrize(
        "text",
        [
            "wan",
            "WANJIKU",
            "kam",
            "nj",
            "kamau wanj",
            "  nj   kam  ",
            "w k n",
            "wanjiku kamau njoroge",
            "Kámaü",
            "wan wanj",
        ],
    )
    def test_each_word_begins_a_name_in_any_order_and_case(self, text: str) -> None:
        created("Wanjiku Kamau Njoroge", "john doe")
        assert found(text) == ["Wanjiku Kamau Njoroge"]

    @pytest.mark.parametrize("text", ["anjiku", "wanjikus", "kamau x", "doe jane"])
    def test_a_word_inside_a_name_finds_nobody(self, text: str) -> None:
        created("Wanjiku Kamau Njoroge", "john doe")
        assert found(text) == []

    @pytest.mark.parametrize(
        ("name", "texts"),
        [
            ("Ng'ang'a", ["nganga", "ng'ang'a", "ng’ang’a", "ng`a", "NG'"]),
            ("O’Brien", ["obrien", "o'brien", "O’B"]),
            ("Mary-Jane Otieno", ["mary-jane", "jane", "mary jane", "jane ot", "mary–j"]),
            ("Zoë Müller", ["zoe", "ZOË", "zoe\u0308 mull", "muller"]),
            ("Bjørn Æbeltoft Łukasz", ["bjorn", "aebel", "lukasz", "BJØRN"]),
            ("Straße", ["strasse", "STRASSE", "straß"]),
            ("አበበ በቂላ", ["አበ", "በቂላ አበበ"]),
            ("محمد علي", ["محمد", "علي محم", "مُحَمَّد"]),
            ("कुमार", ["कु", "कुमार"]),
            ("김수", ["김", "김수"]),
            ("254 Stores", ["254", "stores 254"]),
            ("Duka 2030 Ventures", ["2030", "203 d", "ventures 2"]),
            ("🌸 Rose", ["rose"]),
            ("J.K. Rowling", ["j.k.", "rowling jk"[:7]]),
            ("Cher", ["cher"]),
        ],
    )
    def test_names_are_folded_as_the_text_is(self, name: str, texts: list[str]) -> None:
        created(name, "john doe")
        for text in texts:
            assert found(text) == [name], text

    def test_only_the_first_three_names_find_a_customer(self) -> None:
        created("Mary Anne Jane Wanjiku")
        assert found("jane") == ["Mary Anne Jane Wanjiku"]
        assert found("wanjiku") == []

    def test_whole_names_come_first_then_the_newest(self, time: Time) -> None:
        for name in ("Ann Older", "Anna", "Anne", "Ann Newer", "Annabel"):
            created(name)
            time.pass_(1)
        assert found("ann") == ["Ann Newer", "Ann Older", "Annabel", "Anne", "Anna"]
        assert found("ann", limit="2") == ["Ann Newer", "Ann Older"]

    def test_a_long_name_is_found_by_its_beginning(self) -> None:
        long = "\U0001e900" * 150
        created(long)
        assert found(long) == found(long[:10]) == [long]

    def test_a_customer_is_found_by_the_new_name_only(self) -> None:
        [customer] = created("Wanjiku Kamau Njoroge")
        path, parameters = f"/api/v1/sales/customers/{customer['id']}", {"customer": customer["id"]}
        changed = call("update_customer", http_event("PATCH", path, {"name": "Cher"}, parameters=parameters))
        assert changed.status == 200
        assert found("wanjiku") == found("kamau") == found("njoroge") == []
        assert found("cher") == ["Cher"]
        assert found("0344") == ["Cher"]
        call("update_customer", http_event("PATCH", path, {"phone_number": "+254700000001"}, parameters=parameters))
        assert found("0344") == []
        assert found("0001") == found("cher") == ["Cher"]
        assert call("erase_customer", http_event("POST", f"{path}/erase", {}, parameters=parameters)).status == 200
        assert found("cher") == found("0001") == found(customer["code"]) == []


@pytest.mark.usefixtures("tables")
class TestNumbersAndCodes:
    @pytest.mark.parametrize(
        "text",
        [
            "+254704590344",
            " 254704590344",
            "254704590344",
            "0704 590 344",
            "(0704)-590-344",
            "tel:+254704590344",
            "00254704590344",
            "٠٧٠٤٥٩٠٣٤٤",
        ],
    )
    def test_a_number_is_found_in_any_spelling(self, text: str) -> None:
        created("john doe")
        created("jane doe", number="+254700000344")
        assert found(text) == ["john doe"]

    @pytest.mark.parametrize("text", ["0344", "90344", "590 344", "704590344", "٠٣٤٤"])
    def test_a_number_is_found_by_its_last_digits(self, text: str) -> None:
        created("john doe")
        created("jane doe", number="+254700000001")
        assert found(text) == ["john doe"]

    def test_the_whole_number_comes_before_its_digits(self, time: Time) -> None:
        created("whole", number="+254704590344")
        time.pass_(1)
        created("other", number="+254700000344")
        assert found("704590344") == ["whole"]
        assert found("0344") == ["other", "whole"]

    def test_a_code_is_found_in_any_spelling_and_comes_first(self) -> None:
        [customer] = created("john doe")
        code = customer["code"]
        for text in (code, code.lower(), code.replace("-", ""), f" {code} "):
            assert found(text) == ["john doe"]
        created(code.replace("-", ""))
        assert found(code.replace("-", "")) == [code.replace("-", ""), "john doe"]

    def test_customers_who_share_a_number_are_all_found(self) -> None:
        created("john doe", "jane doe")
        assert sorted(found("+254704590344")) == ["jane doe", "john doe"]


@pytest.mark.usefixtures("tables")
class TestRefusals:
    @pytest.mark.parametrize(
        "text", ["...", "🌸", "'", "one two three four", "+254 7 0 4 5", "1" * 151, "+ "], ids=ascii
    )
    def test_a_text_that_can_find_nobody_is_refused(self, text: str) -> None:
        answer = list_customers(search=text)
        assert answer.status == 400
        assert answer.body["code"] == "invalid_query"
        assert answer.codes == {"?search": "invalid"}

    @pytest.mark.parametrize(
        "other", [{"email": "a@example.com"}, {"code": "7KQ2-M9XA"}, {"cursor": "x"}, {"sms_opted_out": "true"}]
    )
    def test_a_search_stands_alone(self, other: dict[str, str]) -> None:
        answer = list_customers(search="john", **other)
        assert answer.status == 400
        assert answer.codes == {f"?{name}": "invalid" for name in other}


def person(number: int, name: str, phone_number: str, time: Time) -> Customer:
    [id] = [next(customer_ids(Caller("a", "b", frozenset()), f"customer {number}"))]
    return Customer.new(
        id=id, code=code_of(id), name=name, phone_number=phone_number, email="a@example.com",
        now=time.now + timedelta(seconds=number), by="x", fingerprint="",
    )  # fmt: skip


def brute_force(customers: list[Customer], readings: Readings) -> list[str]:
    """Return the ids of the customers that a comparison with each of them finds, in the order of the answer."""

    def fits(customer: Customer) -> tuple[bool, bool]:
        names, words = names_of(customer.name), readings.words
        whole = bool(words) and all(word in names for word in words)
        begins = bool(words) and all(any(name.startswith(word) for name in names) for word in words)
        number = customer.phone_number
        exact = whole or customer.code == readings.code or number == readings.number
        return exact or begins or bool(readings.last_digits and number.endswith(readings.last_digits)), exact

    ranked = [(exact, one.sort_key, one.id) for one in customers for fit, exact in [fits(one)] if fit]
    return [id for *_, id in sorted(ranked, reverse=True)]


def test_a_search_finds_what_a_comparison_with_every_customer_finds(
    tables: None, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that small sets need further rows too.
    monkeypatch.setattr(search, "_NAME_ROWS", (2, *[3] * 10))
    names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map(" ".join)
    numbers = st.sampled_from(["+254704590344", "+254700000344", "+254700010344", "+254700000001"])
    beginnings = st.builds(lambda name, length: name[:length], st.sampled_from(NAMES), st.integers(1, 8))
    texts = st.lists(beginnings, min_size=1, max_size=3).map(" ".join) | st.sampled_from(
        ["0344", "10344", "0704590344", "+254704590344"]
    )

    @given(st.lists(st.tuples(names, numbers), max_size=30), st.lists(texts, min_size=1, max_size=5))
    @hypothesis_settings(
        max_examples=25, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow]
    )
    def check(people: list[tuple[str, str]], searches: list[str]) -> None:
        customers = [person(n, *each, time) for n, each in enumerate(people)]
        try:
            for customer in customers:
                store().customers.add(customer)
            for text in searches:
                answer = list_customers(search=text)
                if answer.status == 200:
                    ids = [customer["id"] for customer in answer.body["data"]]
                    expected = brute_force(customers, service._readings(text))
                    assert ids == (expected if len(expected) < MOST_FOUND else [id for id in expected if id in ids])
                    assert len(ids) == min(len(expected), MOST_FOUND)
        finally:
            for customer in customers:
                aws_client("dynamodb", "").delete_item(TableName="customers", Key={"code": {"S": customer.code}})

    check()
