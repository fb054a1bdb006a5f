"""A request repeats another one by its meaning, not by its spelling."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sales.domain.customers import Customer
from sales.domain.ids import fingerprint
from sales.schemas.common import parse
from sales.schemas.customers import NewCustomer
from sales.schemas.orders import NewOrder
from sales.schemas.sms import Resend
from sales.services.place_order import fingerprints

_words = st.sampled_from(["macbook m2", "m2", "Café", "100", "1e2", "null"])
_blanks = st.text(" \t\u00a0\u3000\ufeff", max_size=3)
_orders = st.fixed_dictionaries(
    {
        "customer": st.sampled_from(["5XQ2M7KD", "5XQ2M7KE"]),
        "item": _words,
        "amount": st.sampled_from([Decimal(text) for text in ("10", "10.5", "100", "1", "0.01", "0.1")]),
        "currency": st.sampled_from([None, "KES", "USD"]),
        "reference": st.none() | _words,
    }
)
_customers = st.fixed_dictionaries(
    {
        "name": _words,
        "phone_number": st.sampled_from(["+254704590344", "+254700000001"]),
        "email": st.sampled_from(["a@example.com", "A@example.com", "b+c@example.com"]),
        "language": st.sampled_from([None, "en", "sw"]),
    }
)
_NUMBERS = {
    "+254704590344": ["+254704590344", "0704 590 344", "00254704590344", "tel:+254-704-590344"],
    "+254700000001": ["+254700000001", "0700000001", "(0700) 000001"],
}


def _customer(code: str) -> Customer:
    return Customer.new(
        id=f"id of {code}", code=code, name="x", phone_number="", email="", now=datetime(2026, 1, 1, tzinfo=UTC),
        by="", fingerprint="",
    )  # fmt: skip


@st.composite
def _spelled(draw: Any, meaning: dict[str, Any]) -> dict[str, Any]:
    """Return a body that means this, in one of its spellings."""
    body: dict[str, Any] = {}
    for name, value in draw(st.permutations(list(meaning.items()))):
        if value is None:
            if draw(st.booleans()):
                body[name] = None
        elif name == "amount":
            text = f"{value:f}" + ("" if "." in f"{value:f}" else ".0")
            strings = [f"{value:f}", "0" + text, text + "0" * (2 - len(text.partition(".")[2]))]
            body[name] = draw(st.sampled_from([*strings, Decimal(text), int(value) if value == int(value) else value]))
        elif name == "phone_number":
            body[name] = draw(st.sampled_from(_NUMBERS[value]))
        elif name in ("currency", "customer"):
            body[name] = value
        elif name == "language":
            body[name] = draw(st.sampled_from([value, value.upper()]))
        elif name == "email":
            body[name] = draw(st.sampled_from(["", " ", "\t\u00a0"])) + value + draw(st.sampled_from(["", " "]))
        else:
            body[name] = draw(_blanks) + value.replace(" ", draw(st.sampled_from(" \t\u00a0"))) + draw(_blanks)
    return body


def _order_prints(body: dict[str, Any], default: str = "KES") -> tuple[str, str]:
    fields = parse(NewOrder, body, currency=default)
    return fingerprints(fields, _customer(fields.customer), default)


@given(st.data(), _orders, _orders)
def test_orders_are_the_same_request_exactly_if_they_mean_the_same(
    data: st.DataObject, one: dict[str, Any], two: dict[str, Any]
) -> None:
    first, again = _order_prints(data.draw(_spelled(one))), _order_prints(data.draw(_spelled(one)))
    other = _order_prints(data.draw(_spelled(two)))
    assert first == again
    assert (first[0] == other[0]) == (one == two)
    # With the currency spelled otherwise they are the same again, and only then.
    resolved = [order | {"currency": order["currency"] or "KES"} for order in (one, two)]
    if one["currency"] in (None, "KES") and two["currency"] in (None, "KES"):
        assert (first[0] in other) == (resolved[0] == resolved[1])


@given(st.data(), _customers, _customers)
def test_customers_are_the_same_request_exactly_if_they_mean_the_same(
    data: st.DataObject, one: dict[str, Any], two: dict[str, Any]
) -> None:
    def print_of(meaning: dict[str, Any]) -> str:
        return fingerprint(parse(NewCustomer, data.draw(_spelled(meaning)), country="KE").meaning())

    assert print_of(one) == print_of(one)
    assert (print_of(one) == print_of(two)) == (one == two)


def test_a_reason_is_the_same_with_other_blanks() -> None:
    one, two = (fingerprint(parse(Resend, {"reason": reason}).meaning()) for reason in ("lost phone", " lost\tphone"))
    assert one == two != fingerprint(parse(Resend, {"reason": "lost  phone"}).meaning())
