"""The store in moto, with the tables of template.yaml."""

import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from moto import mock_aws
from moto.dynamodb.responses import DynamoHandler

from sales.domain import clock
from sales.runtime.aws import aws_client
from sales.services.sms import send as sending
from tests.integration.api import create_customer, create_order, order_for
from tests.integration.sending import Time
from tests.integration.tables import create_tables
from tests.support.fakes import FakeProvider
from tests.support.leak_check import PRIVATE, found_in


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test whose functions wrote personal data to output or log."""
    report = yield
    output = f"{report.capstdout}\n{report.capstderr}\n{report.caplog}"
    if (
        report.when == "teardown"
        and report.passed
        and (kinds := sorted({kind for _, kind in found_in(output, PRIVATE)}))
    ):
        report.outcome, report.longrepr = "failed", f"the functions' output has {', '.join(kinds)}"
    return report


@pytest.fixture
def tables(environment: pytest.MonkeyPatch) -> Iterator[None]:
    """Empty tables and the two secrets."""
    # moto's transactions copy whole tables, which fails during any other write, and undoes it.
    lock, call = threading.Lock(), DynamoHandler.call_action

    def call_action(self: DynamoHandler) -> Any:
        with lock:
            return call(self)

    environment.setattr(DynamoHandler, "call_action", call_action)
    with mock_aws():
        create_tables()
        vault = aws_client("secretsmanager", "")
        vault.create_secret(Name="sales/africastalking-api-key", SecretString="api-key")
        vault.create_secret(Name="sales/webhook-secret", SecretString="webhook-secret")
        yield


@pytest.fixture
def rows(tables: None) -> Callable[[str], list[dict[str, Any]]]:
    """Return a function that reads all items of a table, as stored."""

    def scan(table: str) -> list[dict[str, Any]]:
        return list(aws_client("dynamodb", "").scan(TableName=table)["Items"])

    return scan


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """A clock that the test moves."""
    time = Time()
    monkeypatch.setattr(clock, "now", lambda: time.now)
    return time


@pytest.fixture
def provider(tables: None, monkeypatch: pytest.MonkeyPatch) -> FakeProvider:
    """Africa's Talking, which accepts every text unless told otherwise."""
    fake = FakeProvider()
    monkeypatch.setattr(sending, "Provider", lambda *_, **__: fake)
    return fake


@pytest.fixture
def order(tables: None, time: Time) -> dict[str, Any]:
    """The README's order, just created."""
    body: dict[str, Any] = create_order(order_for(create_customer().body)).body
    return body
