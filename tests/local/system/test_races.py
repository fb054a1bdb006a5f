"""Races, on a database that isolates its transactions: moto does not.

ROUNDS is how often twins meet: 20 in `make test`, 500 in `make races`, which writes bench/results/races.md.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bench.report import publish, table
from tests.support.system import CUSTOMER, Answer, System, until

pytestmark = pytest.mark.local
TWINS = 16
ROUNDS = int(os.environ.get("ROUNDS", "20"))
RECORDED = 500


def at_once(ask: Callable[[int], Answer]) -> list[Answer]:
    with ThreadPoolExecutor(TWINS) as threads:
        return list(threads.map(ask, range(TWINS)))


@pytest.fixture(scope="module")
def record() -> Iterator[dict[str, tuple[int, int, str]]]:
    """The result of the long run, by kind: items, answers equal to their twins', and texts."""
    made: dict[str, tuple[int, int, str]] = {}
    yield made
    if ROUNDS >= RECORDED and len(made) == 2:
        rows = [[kind, ROUNDS, TWINS, items, equal, texts] for kind, (items, equal, texts) in made.items()]
        head = ["", "rounds", "requests at once, with one key", "items", "answers equal to their twins'", "texts"]
        said = (
            "Of an order's answers, what the state of its text moves (`sms`, `version`) is left out of the comparison."
        )
        publish("races", "Races: twins with one Idempotency-Key", f"{table(head, rows)}\n\n{said}")


def still(order: dict[str, Any]) -> dict[str, Any]:
    """Return an order without the fields that its text changes: a replay shows the order's current state."""
    return {name: value for name, value in order.items() if name not in ("sms", "version")} | {
        "text": [order["sms"][name] for name in ("to", "text", "segments", "encoding")]
    }


def test_twins_with_one_key_create_one_customer_round_after_round(
    system: System, record: dict[str, tuple[int, int, str]]
) -> None:
    made = set()
    for number in range(ROUNDS):
        answers = at_once(
            lambda _, key=f"customer-{number}": system.call("POST", "customers", CUSTOMER, idempotency_key=key)
        )
        assert {answer.status for answer in answers} == {201}
        assert len({answer.raw for answer in answers}) == 1
        assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
        made.add(answers[0].body["id"])
    assert len(made) == ROUNDS
    record["customers"] = (len(made), ROUNDS * TWINS, "none")


def test_twins_with_one_key_create_one_order_and_one_text_round_after_round(
    system: System, record: dict[str, tuple[int, int, str]]
) -> None:
    customer = system.customer(phone_number="+254700000302")
    made = set()
    for number in range(ROUNDS):
        body = {"customer": customer["id"], "item": f"item {number}", "amount": "1"}
        answers = at_once(
            lambda _, key=f"order-{number}", body=body: system.call("POST", "orders", body, idempotency_key=key)
        )
        assert {answer.status for answer in answers} == {201}
        first, *others = (still(answer.body) for answer in answers)
        assert all(other == first for other in others)
        assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
        made.add(first["id"])
    assert len(made) == ROUNDS
    for order in system.orders(customer=customer["id"]):
        system.reaches(order, "sent", "delivered")
    texts = Counter(text["text"] for text in system.texts() if text["to"] == "+254700000302")
    assert len(texts) == ROUNDS
    assert set(texts.values()) == {1}
    record["orders"] = (len(made), ROUNDS * TWINS, f"{texts.total()}, one an order")


def test_twins_with_a_key_and_a_reference_create_one_order(system: System) -> None:
    customer = system.customer()
    body = {"customer": customer["id"], "item": "x", "amount": "1", "reference": "race-1"}
    answers = at_once(lambda _: system.call("POST", "orders", body, idempotency_key="race-1"))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == 1


def test_strangers_with_one_reference_create_one_order_and_fifteen_conflicts(system: System) -> None:
    customer = system.customer()
    body = {"customer": customer["id"], "item": "x", "amount": "1", "reference": "race-2"}
    answers = at_once(lambda number: system.call("POST", "orders", body, idempotency_key=f"race-2-{number}"))
    assert Counter(answer.status for answer in answers) == {201: 1, 409: TWINS - 1}
    [created] = [answer.body["id"] for answer in answers if answer.status == 201]
    assert {answer.body["existing_id"] for answer in answers if answer.status == 409} == {created}


def test_one_of_sixteen_changes_to_one_version_wins(system: System) -> None:
    customer = system.customer()
    path = f"customers/{customer['id']}"
    answers = at_once(lambda number: system.call("PATCH", path, {"name": f"n{number}"}, if_match='"1"'))
    assert Counter(answer.status for answer in answers) == {200: 1, 412: TWINS - 1}
    [made] = [answer.body for answer in answers if answer.status == 200]
    assert system.call("GET", path).body == made


def test_concurrent_changes_of_different_fields_all_survive(system: System) -> None:
    customer = system.customer()
    path = f"customers/{customer['id']}"
    changes: list[dict[str, Any]] = [
        {"name": "changed"},
        {"email": "changed@example.com"},
        {"phone_number": "+254700000300"},
    ]
    answers = at_once(lambda number: system.call("PATCH", path, changes[number % 3]))
    assert {answer.status for answer in answers} == {200}
    found = system.call("GET", path).body
    assert (found["name"], found["email"], found["phone_number"]) == ("changed", "changed@example.com", "+254700000300")
    # Each change moves it once, even if the database's answer was lost and the request repeated.
    assert found["version"] == 1 + TWINS


def test_a_cancellation_racing_the_sender_leaves_a_text_or_a_reason(system: System) -> None:
    customer = system.customer(phone_number="+254700000301")
    became = {}
    for number in range(20):
        order = system.order(customer, item=f"cancelled {number}")
        # At different delays, so that either may be first.
        time.sleep(0.005 * number)
        assert system.call("POST", f"orders/{order['id']}/cancel").status == 200
        became[order["sms"]["text"]] = system.reaches(order, "delivered", "suppressed")
    # Count the texts themselves: the order of a text that should not have gone out has no message_id.
    system.reaches(system.order(customer, item="after"), "delivered")
    assert system.invoke("sweep_sms", {}).status == 200
    sent = [text for text in system.texts() if text["to"] == "+254700000301" and "cancelled" in text["text"]]
    assert Counter(text["text"] for text in sent) == {
        text: 1 for text, sms in became.items() if sms["status"] == "delivered"
    }
    for text in sent:
        assert became[text["text"]]["message_id"] == text["message_id"]
    for sms in became.values():
        assert (sms["reason"] == "order_cancelled") == (sms["status"] == "suppressed")


def test_cancelling_orders_in_a_backlog_costs_no_other_order_its_text(system: System) -> None:
    system.behave(default="http:429")
    customer = system.customer(phone_number="+254700001201")
    orders = [system.order(customer, item=f"of a backlog {number}") for number in range(120)]
    until(lambda: all(system.sms(order)["reason"] == "http_429" for order in orders[-8:]))
    system.behave(latency_ms=100, delivery="none")
    cancelled = orders[::3]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda order: system.call("POST", f"orders/{order['id']}/cancel"), cancelled))
    assert {answer.status for answer in answers} == {200}
    states = Counter(system.reaches(order, "sent", "suppressed")["status"] for order in orders)
    kept = [order for order in orders if order not in cancelled]
    assert {system.sms(order)["status"] for order in kept} == {"sent"}
    texts = Counter(text["text"] for text in system.texts() if text["to"] == "+254700001201")
    assert set(texts.values()) == {1}
    assert len(texts) == states["sent"]
    system.behave()
