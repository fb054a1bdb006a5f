"""GET sms/status: whether texts go out, the account's balance, and how many texts wait."""

from decimal import Decimal
from typing import Any

import pytest

from sales.africastalking.answers import Balance, Kind
from sales.domain import orders as order_rules
from sales.domain.clock import parse_time
from sales.services.sms import status as statuses
from sales.store import store
from tests.conftest import forget_process_state
from tests.integration.api import BASE, call, create_customer, create_order, order_for
from tests.integration.sending import Rows, Time, again, cancel, stream, sweep
from tests.support.events import http_event
from tests.support.fakes import FakeProvider, refused

pytestmark = pytest.mark.usefixtures("tables")
ON = {"sending": "on", "reason": None, "until": None}


def status() -> dict[str, Any]:
    answer = call("get_sms_status", http_event("GET", f"{BASE}/sms/status"))
    assert answer.status == 200
    body: dict[str, Any] = answer.body
    return body


def sending() -> dict[str, Any]:
    return {name: status()[name] for name in ON}


def test_a_new_shop_sends_and_has_nothing_that_waits() -> None:
    assert status() == ON | {"balance": None, "days_left": None, "queued": 0, "oldest_queued_at": None}


def test_the_balance_is_the_last_reading_as_the_provider_wrote_it(time: Time, provider: FakeProvider) -> None:
    provider.account = None
    sweep()
    assert status()["balance"] is None
    time.pass_(3600)
    provider.account = Balance(Decimal("1234.50"), "KES")
    sweep()
    time.pass_(3600)
    provider.account = None
    sweep()
    assert status()["balance"] == {"amount": "1234.50", "currency": "KES"}


def test_a_pause_is_shown_with_its_reason_until_it_ends(
    order: dict[str, Any], time: Time, provider: FakeProvider, rows: Rows
) -> None:
    provider.answers = [refused(Kind.misconfigured, "bad_key")]
    stream(order, rows=rows)
    paused = {"sending": "paused", "reason": "bad_key", "until": "2026-11-23T12:05:00.000000Z"}
    assert sending() == paused
    time.pass_(300 - 0.001)
    assert sending() == paused
    time.pass_(0.001)
    assert sending() == ON


def use_up(time: Time, day: str = "2026-11-23", texts: int = 5) -> None:
    store().limits.take(day, texts, 100, time.now)


def test_a_day_that_is_used_up_is_shown_until_the_shops_midnight(time: Time, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SMS_PER_DAY", "6")
    forget_process_state()
    use_up(time)
    assert sending() == ON
    use_up(time, texts=1)
    # Midnight in Nairobi.
    assert sending() == {"sending": "limited", "reason": "limit", "until": "2026-11-23T21:00:00.000000Z"}
    time.now = parse_time("2026-11-23T20:59:59Z")
    assert sending()["sending"] == "limited"
    time.now = parse_time("2026-11-23T21:00:00Z")
    assert sending() == ON


def test_the_day_is_the_one_of_the_shop(time: Time, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SMS_PER_DAY", "5")
    environment.setenv("UTC_OFFSET", "-11:00")
    forget_process_state()
    use_up(time)
    time.now = parse_time("2026-11-24T10:00:00Z")
    assert sending()["until"] == "2026-11-24T11:00:00.000000Z"


def test_without_a_limit_no_day_is_used_up(time: Time, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SMS_PER_DAY", "0")
    forget_process_state()
    use_up(time)
    assert sending() == ON


def test_a_pause_outweighs_a_day_that_is_used_up(time: Time, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SMS_PER_DAY", "5")
    forget_process_state()
    use_up(time)
    store().due.pause_sending(parse_time("2026-11-23T12:01:00Z"), "InvalidSenderId")
    assert sending()["reason"] == "InvalidSenderId"
    time.pass_(60)
    assert sending()["reason"] == "limit"


def test_queued_texts_count_and_the_one_that_waits_longest_is_shown(
    time: Time, provider: FakeProvider, rows: Rows
) -> None:
    customer = create_customer().body
    orders = []
    for _ in range(3):
        orders.append(create_order(order_for(customer)).body)
        time.pass_(60)
    assert (status()["queued"], status()["oldest_queued_at"]) == (3, "2026-11-23T12:00:00.000000Z")
    stream(orders[0], rows=rows)
    cancel(orders[2])
    assert (status()["queued"], status()["oldest_queued_at"]) == (1, "2026-11-23T12:01:00.000000Z")
    # A text that a person asks for again waits from then on.
    time.pass_(600)
    assert again(orders[0]).status == 202
    assert (status()["queued"], status()["oldest_queued_at"]) == (2, "2026-11-23T12:01:00.000000Z")
    stream(orders[1], rows=rows)
    assert (status()["queued"], status()["oldest_queued_at"]) == (1, "2026-11-23T12:13:00.000000Z")
    sweep()
    assert (status()["queued"], status()["oldest_queued_at"]) == (0, None)


@pytest.mark.parametrize("shards", ["1", "3"])
def test_queued_texts_are_counted_up_to_a_limit_over_all_shards(
    shards: str, time: Time, monkeypatch: pytest.MonkeyPatch, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("LIST_SHARDS", shards)
    forget_process_state()
    assert order_rules.MOST_QUEUED == 1000
    monkeypatch.setattr(statuses, "MOST_QUEUED", 4)
    customer = create_customer().body
    counted = []
    for _ in range(6):
        create_order(order_for(customer))
        counted.append(status()["queued"])
    assert counted == [1, 2, 3, 4, 4, 4]
