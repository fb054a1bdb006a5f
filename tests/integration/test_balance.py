"""The account's balance: read once an hour after the texts, kept, reported, and never in the way of a text."""

import json
from decimal import Decimal
from typing import Any

import pytest

from sales.africastalking.answers import Balance
from sales.domain.clock import parse_time
from sales.store import store
from sales.store.due import Account
from sales.store.table import unavailable
from tests.conftest import forget_process_state
from tests.integration.sending import Rows, Time, state, sweep
from tests.support.fakes import FakeProvider
from tests.template.cloudwatch import embedded, key

pytestmark = pytest.mark.usefixtures("tables")
type Output = pytest.CaptureFixture[str]
HOUR = 3600


def account() -> Account:
    return store().due.account()[0]


def lines(output: Output) -> list[dict[str, Any]]:
    """Return the log's lines about the balance since the last call, and clear the output."""
    entries = [json.loads(line) for line in output.readouterr().out.splitlines() if line.startswith("{")]
    return [entry for entry in entries if str(entry.get("message", "")).startswith("balance")]


def test_the_balance_is_read_once_an_hour(time: Time, provider: FakeProvider) -> None:
    sweep(part=0, parts=2)
    assert account() == Account(
        Decimal("1000.00"), "KES", "2026-11-23T12:00:00.000000Z", 0, "2026-11-23T13:00:00.000000Z"
    )
    assert str(account().amount) == "1000.00"
    provider.account = Balance(Decimal("7.50"), "KES")
    time.pass_(HOUR - 1)
    sweep(part=0, parts=2)
    assert (provider.balances, account().amount) == (1, Decimal("1000.00"))
    time.pass_(1)
    sweep(part=0, parts=2)
    sweep(part=0, parts=2)
    assert (provider.balances, account().amount) == (2, Decimal("7.50"))


def test_one_part_of_the_sweep_reads_it(time: Time, provider: FakeProvider) -> None:
    sweep(part=1, parts=2)
    assert provider.balances == 0
    sweep()
    assert provider.balances == 1


def test_a_failed_reading_keeps_the_last_one_and_is_repeated_at_growing_distances(
    time: Time, provider: FakeProvider
) -> None:
    sweep()
    last = account()[:3]
    provider.account = None
    time.pass_(HOUR)
    waits = []
    for failures in range(1, 10):
        sweep()
        assert account()[:4] == (*last, failures)
        waits.append((parse_time(account().ask_at) - time.now).total_seconds())
        time.pass_(waits[-1] - 1)
        sweep()
        assert provider.balances == 1 + failures
        time.pass_(1)
    assert waits == [30, 60, 120, 240, 480, 960, 1920, HOUR, HOUR]
    provider.account = Balance(Decimal(5), "KES")
    sweep()
    assert (account().amount, account().failures) == (Decimal(5), 0)


def test_texts_go_out_before_it_is_read_and_whatever_it_answers(
    order: dict[str, Any], time: Time, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[int] = []

    def balance() -> None:
        texts.append(len(provider))

    monkeypatch.setattr(provider, "balance", balance)
    sweep()
    assert texts == [1]
    assert state(order)["status"] == "sent"


def test_it_is_not_read_without_time_for_it(order: dict[str, Any], time: Time, provider: FakeProvider) -> None:
    sweep(seconds=15)
    assert provider.balances == 0
    sweep(seconds=15.1)
    assert provider.balances == 1


def test_a_store_that_fails_then_fails_no_sweep(
    order: dict[str, Any], time: Time, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    def fail(*_: object) -> None:
        raise unavailable()

    for method in ("account", "save_account"):
        with monkeypatch.context() as patched:
            patched.setattr(type(store().due), method, fail)
            sweep()
        assert [(entry["message"], entry["code"]) for entry in lines(capsys)] == [("balance not stored", "unavailable")]
    assert state(order)["status"] == "sent"


def test_without_a_key_nothing_is_asked(time: Time, provider: FakeProvider, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SMS_SECRET", "sales/absent")
    forget_process_state()
    sweep()
    assert provider.balances == 0
    assert account().amount is None


@pytest.mark.parametrize(
    ("held", "message"),
    [("100.01", "balance read"), ("100.00", "balance read"), ("99.99", "balance is low"), ("-1", "balance is low")],
)
def test_a_low_balance_is_a_warning(
    held: str, message: str, time: Time, provider: FakeProvider, environment: pytest.MonkeyPatch, capsys: Output
) -> None:
    environment.setenv("SMS_BALANCE_LOW", "100")
    forget_process_state()
    provider.account = Balance(Decimal(held), "KES")
    sweep()
    [entry] = lines(capsys)
    assert (entry["message"], entry["balance"]) == (message, f"KES {held}")
    assert entry["level"] == ("WARNING" if message == "balance is low" else "INFO")


def test_each_reading_is_a_value_of_its_metric(time: Time, provider: FakeProvider, capsys: Output) -> None:
    name = key("Sales", "SmsBalance", [("stack", "sales")])

    def values() -> list[float] | None:
        return embedded(capsys.readouterr().out.splitlines()).get(name)

    sweep()
    assert values() == [1000.0]
    sweep()
    assert values() is None
    time.pass_(HOUR)
    provider.account = None
    sweep()
    assert values() is None


def test_the_balance_is_one_item_that_is_no_order(time: Time, provider: FakeProvider, rows: Rows) -> None:
    sweep()
    assert [row["id"]["S"] for row in rows("orders")] == ["control#balance"]
    assert store().due.items(["control#balance"]) == []
