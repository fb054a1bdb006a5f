"""The figures of days equal a recount of the orders, whatever fails between two writes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from sales.domain import clock
from sales.domain.clock import parse_time
from sales.domain.days import Figures
from sales.domain.problems import Problem
from sales.domain.shop_time import day_of
from sales.runtime.aws import aws_client
from sales.runtime.log import InvocationError
from sales.runtime.settings import settings as configured
from sales.services import days as service
from sales.services.sms import send as sending
from sales.store.items import unmarshal_item
from sales.store.orders import order_from_item
from sales.store.table import Connection, unavailable
from tests.conftest import forget_process_state
from tests.integration.api import call, create_customer, create_order, order_for
from tests.integration.sending import Time, again, cancel, report, sweep
from tests.integration.tables import create_tables
from tests.support.events import http_event
from tests.support.fakes import FakeProvider

SETTLE, TIMEOUT = 300, 60
WRITES = ("put_item", "update_item", "transact_write_items")


class KilledError(BaseException):
    """The process ends here."""


class World:
    """A shop whose calls of the store fail as told: the next write fails, or others do something before it."""

    def __init__(self) -> None:
        self.time = Time()
        # Ten minutes before the shop's midnight.
        self.time.now = parse_time("2026-11-23T20:50:00Z")
        self.failures: list[tuple[int, str]] = []
        self.customer: dict[str, Any] = {}
        self.orders: list[dict[str, Any]] = []
        self.messages = 0
        self._inside = False

    def call(self, real: Callable[..., Any], connection: Connection, operation: str, **parameters: Any) -> Any:
        """Call the store, with the failure that is due."""
        fault = ""
        if operation in WRITES and self.failures and not self._inside:
            left, fault = self.failures[0]
            self.failures[0] = (left - 1, fault)
            if left:
                fault = ""
            else:
                self.failures.pop(0)
        if fault == "late":
            # The write follows its mark only when its function is about to time out; meanwhile others sweep.
            self.sweep_elsewhere(TIMEOUT)
        if fault in ("killed before", "unavailable"):
            raise KilledError if fault == "killed before" else unavailable()
        answer = real(connection, operation, **parameters)
        if fault in ("killed after", "lost answer"):
            raise KilledError if fault == "killed after" else unavailable()
        return answer

    def sweep_elsewhere(self, seconds: float) -> None:
        """Let another process sweep while the time passes."""
        self._inside = True
        try:
            for _ in range(3):
                forget_process_state()
                service.count_days(has_time=lambda: True)
                self.time.pass_(seconds / 3)
        finally:
            self._inside = False

    def play(self, step: tuple[Any, ...]) -> None:
        """Take this step; what fails has failed."""
        name, number = step
        order = self.orders[number % len(self.orders)] if self.orders else None
        try:
            with suppress(Problem, InvocationError):
                if name == "pass":
                    self.time.pass_(number)
                elif name == "create":
                    answer = create_order(order_for(self.customer, amount=str(number + 1)))
                    self.orders += [answer.body] if answer.status == 201 else []
                elif name == "sweep":
                    sweep(seconds=number)
                elif name == "count":
                    budget = iter([True] * (number % 5))
                    service.count_days(has_time=lambda: next(budget, False))
                elif name == "erase":
                    call("erase_customer", http_event("POST", "/x", {}, parameters={"customer": self.customer["id"]}))
                    answer = create_customer()
                    self.customer = answer.body if answer.status == 201 else self.customer
                elif order and name == "cancel":
                    cancel(order)
                elif order and name == "again":
                    again(order, key=f"{number}-{self.time.now}")
                elif order and name == "report":
                    item = aws_client("dynamodb", "").get_item(TableName="orders", Key={"id": {"S": order["id"]}})[
                        "Item"
                    ]
                    if message := item["sms"]["M"].get("message_id"):
                        report(message["S"], ("Sent", "Failed", "Success")[number % 3])
        except KilledError:
            forget_process_state()

    def recount(self) -> dict[str, dict[str, Any]]:
        """Count all orders of days that are over."""
        zone = configured().utc_offset
        today = day_of(self.time.now, zone)
        figures: dict[str, Figures] = {}
        for row in aws_client("dynamodb", "").scan(TableName="orders")["Items"]:
            if "sms" in row:
                order = order_from_item(unmarshal_item(row))
                figures.setdefault(day_of(parse_time(order.order_date), zone), Figures()).add(order)
        return {day: counted.public() for day, counted in figures.items() if day < today}

    def days_to_count(self) -> list[str]:
        """Return the days that are to be counted at some time."""
        rows = aws_client("dynamodb", "").scan(TableName="orders")["Items"]
        return [row["id"]["S"] for row in rows if row["id"]["S"].startswith("day#") and "due_at" in row]

    def counted(self) -> dict[str, dict[str, Any]]:
        """Return the figures as the API shows them, without when they were counted."""
        yesterday = day_of(self.time.now - timedelta(days=1), configured().utc_offset)
        return {
            row.pop("date"): {name: value for name, value in row.items() if name not in ("counted_at", "complete")}
            for row in service.figures_of("2026-11-20", yesterday)
        }


@contextmanager
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A new shop with two orders of the day that ends soon."""
    forget_process_state()
    made, provider = World(), FakeProvider()
    with mock_aws(), monkeypatch.context() as patched:
        create_tables()
        vault = aws_client("secretsmanager", "")
        for name in ("sales/africastalking-api-key", "sales/webhook-secret"):
            vault.create_secret(Name=name, SecretString="webhook-secret")
        real = Connection.call
        patched.setattr(
            Connection, "call", lambda connection, operation, **named: made.call(real, connection, operation, **named)
        )
        patched.setattr(clock, "now", lambda: made.time.now)
        patched.setattr(sending, "Provider", lambda *_, **__: provider)
        patched.setattr(service, "_PAGE", 2)
        made.customer = create_customer().body
        for amount in (1, 2):
            made.play(("create", amount))
        yield made


numbers = st.integers(0, 11)
steps = (
    st.tuples(st.just("pass"), st.sampled_from([1, 30, 59, 61, 200, 299, 301, 600, 3600, 86_400]))
    | st.tuples(st.sampled_from(["cancel", "again", "report", "create"]), numbers)
    | st.tuples(st.just("sweep"), st.sampled_from([16, 60]))
    | st.tuples(st.sampled_from(["count", "erase"]), numbers)
)
faults = st.tuples(
    st.integers(0, 4), st.sampled_from(["killed before", "killed after", "unavailable", "lost answer", "late"])
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(played=st.lists(steps, min_size=4, max_size=16), failing=st.lists(faults, max_size=5))
# A count is interrupted, and nothing sweeps for a day; the day changes meanwhile.
@example(played=[("cancel", 0), ("pass", 600), ("count", 1), ("pass", 86_400), ("cancel", 11)], failing=[])
def test_the_figures_equal_a_recount_whatever_failed(
    environment: pytest.MonkeyPatch, played: list[tuple[Any, ...]], failing: list[tuple[int, str]]
) -> None:
    with world(environment) as shop:
        # The day is over: from now on every change must be noticed.
        shop.play(("pass", 660))
        shop.play(("sweep", 60))
        shop.play(("pass", SETTLE))
        shop.play(("sweep", 60))
        shop.failures = list(failing)
        for step in played:
            shop.play(step)
        shop.failures = []
        forget_process_state()
        # Texts that are still under way end first; then nothing changes any more, and each day is counted a last time.
        # A change during a long count is counted within an hour.
        for sweeps in range(1, 26):
            shop.play(("pass", SETTLE))
            shop.play(("sweep", 60))
            if sweeps >= 4 and not shop.days_to_count():
                break
        assert shop.counted() == shop.recount()
        assert shop.days_to_count() == []


@pytest.mark.parametrize("fault", ["killed before", "killed after", "unavailable", "lost answer", "late"])
@pytest.mark.parametrize("write", range(2))
@pytest.mark.parametrize("change", ["cancel", "again"])
def test_a_change_that_fails_at_any_write_leaves_the_day_right(
    change: str, write: int, fault: str, environment: pytest.MonkeyPatch
) -> None:
    with world(environment) as shop:
        for _ in range(3):
            shop.play(("pass", 660))
            shop.play(("sweep", 60))
        shop.failures = [(write, fault)]
        shop.play((change, 2))
        shop.failures = []
        forget_process_state()
        for _ in range(4):
            shop.play(("pass", SETTLE))
            shop.play(("sweep", 60))
        assert shop.counted() == shop.recount()
