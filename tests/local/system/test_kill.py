"""kill -9 while orders come in: no acknowledged order is lost, and no text goes out twice."""

import contextlib
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.system import System, running, until

pytestmark = [pytest.mark.local, pytest.mark.faults]
ORDERS = 200


def order_through(system: System, customer: dict[str, Any], number: int) -> dict[str, Any]:
    """Create one order, repeating the request with its key until it is answered."""
    body = {"customer": customer["id"], "item": f"item {number}", "amount": "1"}
    give_up = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError):
            answer = system.call("POST", "orders", body, idempotency_key=f"order-{number}")
            if answer.status == 201:
                found: dict[str, Any] = answer.body
                return found
        assert time.monotonic() < give_up
        time.sleep(0.2)


def settle(system: System, customer: dict[str, Any]) -> list[dict[str, Any]]:
    def look() -> list[dict[str, Any]] | None:
        with contextlib.suppress(OSError, KeyError):
            orders = list(system.orders(customer=customer["id"]))
            if all(order["sms"]["status"] in {"delivered", "unknown"} for order in orders):
                return orders
        return None

    return until(look, seconds=180, every=0.5)


@pytest.mark.parametrize(
    "part",
    [pytest.param("store", marks=pytest.mark.slow), pytest.param("worker", marks=pytest.mark.slow), "everything"],
)
def test_orders_survive_a_kill_each_with_one_text_or_unknown(part: str) -> None:
    with running() as system:
        system.behave(latency_ms=50)
        customer = system.customer(phone_number="+254700000201")
        system.token()
        done = threading.Event()

        def kill() -> None:
            for _ in range(3):
                if done.wait(0.7):
                    return
                if part == "everything":
                    system.kill_all()
                    system.start()
                else:
                    system.kill(part)

        killer = threading.Thread(target=kill)
        with ThreadPoolExecutor(8) as threads:
            asked = [threads.submit(order_through, system, customer, number) for number in range(ORDERS)]
            killer.start()
            answered = {each.result()["id"] for each in asked}
        done.set()
        killer.join()
        orders = settle(system, customer)
        texts = Counter(text["text"] for text in system.texts())
        assert answered == {order["id"] for order in orders}
        assert len(orders) == ORDERS
        states = Counter(order["sms"]["status"] for order in orders)
        for order in orders:
            count = texts[order["sms"]["text"]]
            assert count <= 1, order
            assert count == 1 or order["sms"]["status"] == "unknown", order
        # Only a sender's death makes a text unknown here, and each kill meets a few texts in flight, not all.
        reasons = {order["sms"]["reason"] for order in orders if order["sms"]["status"] == "unknown"}
        assert reasons <= ({"lease_expired"} if part != "everything" else reasons), reasons
        assert states["delivered"] >= ORDERS // 4, states


def test_orders_before_ctrl_c_survive_a_restart_and_get_one_text_each() -> None:
    with running() as system:
        system.behave(default="http:429")
        customer = system.customer()
        orders = [system.order(customer) for _ in range(5)]
        system.stop()
        system.start()
        system.behave()
        for order in orders:
            system.reaches(order, "delivered", seconds=60)
        assert len(system.texts()) == 5


def test_the_supervisor_restarts_what_dies_within_five_seconds() -> None:
    with running() as system:
        for name in ("store", "gateway", "identity", "sandbox", "stream"):
            # A busy machine may miss it once.
            took = []
            while not took or (min(took) > 5 and len(took) < 3):
                before, began = system.pids()[name], time.monotonic()
                system.kill(name)
                until(lambda name=name, before=before: system.pids().get(name, before) != before, seconds=60)
                took.append(time.monotonic() - began)
            assert min(took) <= 5, (name, took)
        until(system.answers, seconds=30)
        order = system.order(system.customer())
        system.reaches(order, "delivered", seconds=60)
