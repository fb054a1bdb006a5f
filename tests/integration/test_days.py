"""GET days: what each day of the shop came to, counted by the sweep and as people ask."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from sales.africastalking.answers import Balance
from sales.domain.clock import parse_time
from sales.runtime.aws import aws_client
from sales.services import days as service
from sales.store import store
from tests.conftest import forget_process_state
from tests.integration.api import BASE, Answer, call, create_customer, create_order, order_for
from tests.integration.sending import Rows, Time, again, cancel, image, report, state, stream, sweep
from tests.support.events import http_event
from tests.support.fakes import FakeProvider

pytestmark = pytest.mark.usefixtures("tables", "provider")
SETTLE = 300
# Midnight in Nairobi ends the 23rd, nine hours after the clock's first moment.
MIDNIGHT = 9 * 3600


def ask(**query: str) -> Answer:
    return call("list_days", http_event("GET", f"{BASE}/days", query=query))


def days(**query: str) -> list[dict[str, Any]]:
    answer = ask(**query)
    assert answer.status == 200
    data: list[dict[str, Any]] = answer.body["data"]
    return data


def brief(*names: str) -> list[tuple[Any, ...]]:
    """Return date, number of orders, and these figures of each day."""
    return [tuple(day[name] for name in ("date", "orders", *names)) for day in days()]


@pytest.fixture
def place(time: Time) -> Callable[..., dict[str, Any]]:
    """Create an order of one customer."""
    customer = create_customer().body

    def place(**fields: Any) -> dict[str, Any]:
        body: dict[str, Any] = create_order(order_for(customer, **fields)).body
        return body

    return place


type Place = Callable[..., dict[str, Any]]


@pytest.fixture
def yesterday(place: Place, time: Time) -> dict[str, Any]:
    """An order of the 23rd, on the next day; the sweep has counted the 23rd."""
    order = place()
    time.pass_(MIDNIGHT)
    sweep()
    time.pass_(SETTLE)
    sweep()
    return order


def due(rows: Rows) -> dict[str, str | None]:
    """Return when each marked day is due."""
    items = [row for row in rows("orders") if row["id"]["S"].startswith("day#")]
    return {item["id"]["S"].removeprefix("day#"): item.get("due_at", {}).get("S") for item in items}


def test_today_is_counted_as_people_ask(place: Place, time: Time) -> None:
    assert days() == []
    cancel(place(amount="10"))
    place(currency="USD", amount="1.5")
    place(sms=False)
    assert days() == [
        {
            "date": "2026-11-23",
            "orders": 3,
            "cancelled": 1,
            "amounts": {"KES": "56000.68", "USD": "1.50"},
            "texts": 0,
            "segments": 0,
            "cost": {},
            "states": {"queued": 1, "suppressed": 2},
            "reasons": {"not_asked": 1, "order_cancelled": 1},
            "counted_at": "2026-11-23T12:00:00.000000Z",
            "complete": True,
        }
    ]


def test_a_day_is_counted_once_it_is_over_and_has_settled(place: Place, time: Time, rows: Rows) -> None:
    stream(place(), rows=rows)
    time.pass_(MIDNIGHT - 0.001)
    sweep()
    assert due(rows) == {}
    time.pass_(0.001)
    # Until then it is counted as people ask.
    assert (days()[0]["counted_at"], days()[0]["texts"]) == ("2026-11-23T21:00:00.000000Z", 1)
    sweep()
    time.pass_(SETTLE - 0.001)
    sweep()
    assert days()[0]["counted_at"] == "2026-11-23T21:04:59.999000Z"
    time.pass_(0.001)
    assert sweep()["days"] == 1
    time.pass_(1000)
    [day] = days()
    assert (day["counted_at"], day["orders"], day["cost"]) == ("2026-11-23T21:05:00.000000Z", 1, {"KES": "0.8000"})
    assert due(rows) == {"2026-11-23": None}
    assert "days" not in sweep()


def test_the_days_are_the_shops_own(place: Place, time: Time, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("UTC_OFFSET", "-11:00")
    forget_process_state()
    time.now = parse_time("2026-11-24T10:59:59.999999Z")
    place()
    time.now = parse_time("2026-11-24T11:00:00Z")
    place()
    assert brief() == [("2026-11-24", 1), ("2026-11-23", 1)]


def test_a_change_of_an_earlier_day_has_it_counted_again(yesterday: dict[str, Any], time: Time, rows: Rows) -> None:
    assert brief("cancelled", "amounts") == [("2026-11-23", 1, 0, {"KES": "56000.68"})]
    time.pass_(1000)
    cancel(yesterday)
    assert due(rows) == {"2026-11-23": "2026-11-23T21:26:40.000000Z"}
    time.pass_(SETTLE - 0.001)
    sweep()
    assert brief("cancelled") == [("2026-11-23", 1, 0)]
    time.pass_(0.001)
    sweep()
    assert brief("cancelled", "amounts") == [("2026-11-23", 1, 1, {})]
    assert due(rows) == {"2026-11-23": None}


def test_every_kind_of_change_marks_its_day(yesterday: dict[str, Any], time: Time, rows: Rows) -> None:
    def marks(change: Callable[[], Any]) -> bool:
        # A text that was asked for again goes out meanwhile, which is a change too.
        for _ in range(3):
            time.pass_(SETTLE)
            sweep()
        assert due(rows) == {"2026-11-23": None}
        time.pass_(SETTLE)
        change()
        return due(rows) != {"2026-11-23": None}

    # The sweep sent the text and marked the day before that.
    assert state(yesterday)["status"] == "sent"
    message = state(yesterday)["message_id"]
    assert marks(lambda: report(message, "Success"))
    assert marks(lambda: again(yesterday))
    assert marks(lambda: cancel(yesterday))
    erased = http_event("POST", "/x", {}, parameters={"customer": yesterday["customer"]})
    assert marks(lambda: call("erase_customer", erased))
    assert not marks(lambda: create_order(order_for(create_customer().body)))


def test_a_change_of_today_marks_nothing(place: Place, time: Time, rows: Rows) -> None:
    order = place()
    stream(order, rows=rows)
    report(state(order)["message_id"], "Success")
    cancel(order)
    assert due(rows) == {}
    # Neither does an order whose day ends while it is being created.
    assert [row["id"]["S"] for row in rows("orders") if "#" in row["id"]["S"]] == [
        f"message#{state(order)['message_id']}"
    ]


def test_a_process_marks_a_day_again_only_after_a_while(
    yesterday: dict[str, Any], time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_process_state()
    updates = []
    update = type(store()._orders_table).update

    def count(table: Any, key: dict[str, Any], *rest: Any, **named: Any) -> Any:
        updates.append(key["id"])
        return update(table, key, *rest, **named)

    monkeypatch.setattr(type(store()._orders_table), "update", count)
    for passes, marks in ((0, 1), (SETTLE / 5 - 0.001, 0), (0.001, 1), (0, 0), (-1, 1)):
        time.pass_(passes)
        updates.clear()
        store().days.mark("2026-11-23", time.now)
        assert len(updates) == marks


def test_changes_that_keep_coming_do_not_keep_a_day_from_being_counted(
    yesterday: dict[str, Any], time: Time, rows: Rows
) -> None:
    for _ in range(20):
        time.pass_(SETTLE / 5)
        store().days.mark("2026-11-23", time.now)
        sweep()
    counted = parse_time(days()[0]["counted_at"])
    assert time.now - counted <= timedelta(seconds=SETTLE * 1.2)
    assert due(rows)["2026-11-23"]
    for _ in range(2):
        time.pass_(SETTLE)
        sweep()
    assert due(rows) == {"2026-11-23": None}


def test_a_day_that_takes_long_to_count_is_counted_less_often(
    yesterday: dict[str, Any], time: Time, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = type(store().orders)
    between = orders.created_between

    def slow(*arguments: Any) -> Any:
        time.pass_(20)
        store().days.mark("2026-11-23", time.now)
        return between(*arguments)

    cancel(yesterday)
    time.pass_(SETTLE)
    monkeypatch.setattr(orders, "created_between", slow)
    sweep()
    # Two looks of 20 s, and twenty times as long until the next.
    assert due(rows)["2026-11-23"] == (time.now + timedelta(seconds=800)).isoformat(timespec="microseconds").replace(
        "+00:00", "Z"
    )


def test_a_big_day_is_counted_in_steps(
    place: Place, time: Time, rows: Rows, monkeypatch: pytest.MonkeyPatch, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("LIST_SHARDS", "3")
    forget_process_state()
    monkeypatch.setattr(service, "_PAGE", 2)
    for number in range(11):
        place(amount=str(number + 1))
    time.pass_(MIDNIGHT)
    sweep()
    time.pass_(SETTLE)
    steps = 0
    while due(rows)["2026-11-23"]:
        budget = iter([True, True])
        service.count_days(has_time=partial(next, budget, False))
        forget_process_state()
        steps += 1
        assert steps < 20
    assert steps > 5
    assert brief("amounts") == [("2026-11-23", 11, {"KES": "66.00"})]


def test_a_change_during_a_count_has_the_day_counted_again(
    place: Place, time: Time, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_PAGE", 1)
    orders = [place(sms=False) for _ in range(3)]
    time.pass_(MIDNIGHT)
    sweep()
    time.pass_(SETTLE)
    budget = iter([True, True, True])
    service.count_days(has_time=lambda: next(budget, False))
    # Counted already, and only now cancelled.
    for order in orders:
        cancel(order)
    sweep()
    assert due(rows)["2026-11-23"]
    time.pass_(SETTLE)
    sweep()
    assert brief("cancelled") == [("2026-11-23", 3, 3)]
    assert due(rows) == {"2026-11-23": None}


def test_a_slow_count_does_not_replace_the_figures_of_a_later_one(
    yesterday: dict[str, Any], time: Time, rows: Rows
) -> None:
    cancel(yesterday)
    time.pass_(SETTLE)
    [slow] = store().days.due(time.now, 10)
    assert slow.figures
    sweep()
    assert brief("cancelled") == [("2026-11-23", 1, 1)]
    old = service.DayCount("2026-11-23T21:10:00.000000Z", slow.figures)
    store().days.save(slow, old, time.now)
    store().days.keep(slow, old, time.now)
    assert brief("cancelled") == [("2026-11-23", 1, 1)]
    assert due(rows) == {"2026-11-23": None}


def test_days_before_the_first_count_are_counted_too_and_those_without_orders_left_out(
    place: Place, time: Time, rows: Rows
) -> None:
    place()
    time.pass_(5 * 86_400)
    place()
    place()
    time.pass_(86_400)
    sweep()
    time.pass_(SETTLE)
    sweep()
    assert sorted(due(rows)) == [f"2026-11-{day}" for day in range(23, 29)]
    place()
    assert brief() == [("2026-11-29", 1), ("2026-11-28", 2), ("2026-11-23", 1)]


def test_a_sweep_that_runs_out_of_time_goes_on_with_the_days_it_did_not_mark(
    place: Place, time: Time, rows: Rows
) -> None:
    place()
    time.pass_(10 * 86_400)
    for marked in (4, 8, 10, 10):
        budget = iter([True] * 4)
        service.count_days(has_time=partial(next, budget, False))
        assert len(due(rows)) == marked


def test_only_the_first_part_of_the_sweep_counts(place: Place, time: Time, rows: Rows) -> None:
    place(sms=False)
    time.pass_(MIDNIGHT)
    sweep(part=1, parts=2)
    assert due(rows) == {}
    sweep(part=0, parts=2)
    assert len(due(rows)) == 1


def test_a_day_without_time_for_it_waits(yesterday: dict[str, Any], time: Time, rows: Rows) -> None:
    cancel(yesterday)
    time.pass_(SETTLE)
    sweep(seconds=15)
    assert brief("cancelled") == [("2026-11-23", 1, 0)]
    sweep(seconds=16)
    assert brief("cancelled") == [("2026-11-23", 1, 1)]


def test_another_time_of_the_shop_has_all_days_counted_again(
    place: Place, time: Time, rows: Rows, environment: pytest.MonkeyPatch
) -> None:
    place()
    time.pass_(MIDNIGHT + 60)
    place()
    time.pass_(86_400)
    for _ in range(2):
        sweep()
        time.pass_(SETTLE)
    assert brief() == [("2026-11-24", 1), ("2026-11-23", 1)]
    environment.setenv("UTC_OFFSET", "+00:00")
    forget_process_state()
    # Both were created on the 23rd by Greenwich. What was counted by Nairobi's time shows no more.
    assert brief() == [("2026-11-23", 2)]
    for _ in range(2):
        sweep()
        time.pass_(SETTLE)
    assert due(rows) == {"2026-11-23": None, "2026-11-24": "2026-11-24T21:16:00.000000Z"} or brief() == [
        ("2026-11-23", 2)
    ]
    counted = days()[0]["counted_at"]
    time.pass_(60)
    assert days()[0]["counted_at"] == counted


def test_a_count_under_way_in_another_time_of_the_shop_begins_again(
    place: Place, time: Time, rows: Rows, monkeypatch: pytest.MonkeyPatch, environment: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_PAGE", 1)
    for _ in range(3):
        place()
    time.pass_(MIDNIGHT)
    sweep()
    time.pass_(SETTLE)
    budget = iter([True, True, True])
    service.count_days(has_time=lambda: next(budget, False))
    environment.setenv("UTC_OFFSET", "+02:00")
    forget_process_state()
    time.pass_(3600)
    for _ in range(2):
        sweep()
        time.pass_(SETTLE)
    assert due(rows) == {"2026-11-23": None}
    assert brief() == [("2026-11-23", 3)]


def test_more_orders_than_are_counted_at_once_are_at_least_so_many(
    place: Place, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert service.MOST_ORDERS == 5000
    monkeypatch.setattr(service, "MOST_ORDERS", 4)
    monkeypatch.setattr(service, "_PAGE", 3)
    place()
    time.pass_(MIDNIGHT)
    for _ in range(3):
        place()
    assert brief("complete") == [("2026-11-24", 3, True), ("2026-11-23", 1, True)]
    place()
    # The fifth is not looked for: the 24th has all of its orders, the days before at least these.
    assert brief("complete")[0] == ("2026-11-24", 4, False)
    assert all((orders, complete) == (0, False) for _, orders, complete in brief("complete")[1:])
    assert brief("complete")[1][0] == "2026-11-23"


def test_counted_days_need_no_orders_read(
    yesterday: dict[str, Any], time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(days(to="2026-11-23")) == 1

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("read orders")

    monkeypatch.setattr(type(store().orders), "page", fail)
    assert len(days(to="2026-11-23")) == 1
    # Before the first order there are no days to look for.
    assert days(**{"from": "2025-12-01", "to": "2026-11-22"}) == []


def test_the_last_31_days_are_shown_unless_others_are_asked_for(place: Place, time: Time) -> None:
    place()
    time.pass_(30 * 86_400)
    place()
    assert [day["date"] for day in days()] == ["2026-12-23", "2026-11-23"]
    time.pass_(86_400)
    assert [day["date"] for day in days()] == ["2026-12-23"]
    assert [day["date"] for day in days(**{"from": "2026-11-23"})] == ["2026-12-23", "2026-11-23"]
    assert [day["date"] for day in days(to="2026-12-22")] == ["2026-11-23"]
    assert days(**{"from": "2026-11-24", "to": "2026-12-22"}) == []
    assert [day["date"] for day in days(**{"from": "2025-12-25", "to": "2026-12-25"})] == ["2026-12-23", "2026-11-23"]


@pytest.mark.parametrize(
    ("query", "at_fault"),
    [
        ({"from": "2025-11-22", "to": "2026-11-23"}, {"?from"}),
        ({"from": "2025-11-22"}, {"?from"}),
        ({"from": "2026-11-24", "to": "2026-11-23"}, {"?from"}),
        ({"from": "2026-11-31", "to": "yesterday"}, {"?from", "?to"}),
        ({"from": "2026-11-23T00:00:00Z"}, {"?from"}),
        ({"from": "20261123"}, {"?from"}),
        ({"from": "2026-W48-1"}, {"?from"}),
        ({"to": "٢٠٢٦-11-23"}, {"?to"}),
        ({"to": ""}, {"?to"}),
        ({"day": "2026-11-23"}, {"?day"}),
    ],
)
def test_a_query_that_names_no_days_is_refused(query: dict[str, str], at_fault: set[str], time: Time) -> None:
    answer = ask(**query)
    assert (answer.status, set(answer.codes)) == (400, at_fault)


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2025-11-23"},
        {"from": "9999-12-01", "to": "9999-12-31"},
        {"from": "9999-12-31"},
        {"to": "9999-12-31"},
        {"from": "0001-01-01", "to": "0001-12-31"},
        {"to": "0001-01-05"},
    ],
)
def test_days_without_any_order_are_no_fault(query: dict[str, str], time: Time) -> None:
    assert days(**query) == []


def test_the_balance_lasts_so_many_days(
    place: Place, time: Time, provider: FakeProvider, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def left() -> Any:
        return call("get_sms_status", http_event("GET", f"{BASE}/sms/status")).body["days_left"]

    provider.account = Balance(Decimal("10.00"), "KES")
    for _ in range(3):
        stream(place(), rows=rows)
    sweep()
    # Today is not over.
    assert left() is None
    time.pass_(MIDNIGHT)
    sweep()
    assert left() is None
    time.pass_(SETTLE)
    sweep()
    # KES 10.00 at KES 2.40 a day.
    assert left() == 4
    time.pass_(86_400)
    for _ in range(2):
        sweep()
        time.pass_(SETTLE)
    # A day without texts is a day too.
    assert left() == 8
    time.pass_(7 * 86_400)
    for _ in range(2):
        sweep()
        time.pass_(SETTLE)
    assert left() is None


def test_the_network_of_a_report_stays_in_the_history(place: Place, time: Time, rows: Rows) -> None:
    order = place()
    stream(order, rows=rows)
    message = state(order)["message_id"]
    report(message, "Sent", networkCode="junk")
    report(message, "Failed", networkCode="63902", failureReason="UserDoesNotExist")
    report(message, "Success", networkCode="")
    entries = [(entry["cause"], entry.get("network")) for entry in state(order)["history"][3:]]
    assert entries == [("report_failure", "63902"), ("report_success", "63902")]
    assert image(order, rows)


def test_a_report_of_another_version_of_this_system_is_still_read(place: Place, time: Time, rows: Rows) -> None:
    """Versions side by side during a release, and after a rollback: what one stores the other reads."""
    order = place()
    stream(order, rows=rows)
    report(state(order)["message_id"], "Success", networkCode="63902")
    key = {"id": {"S": f"message#{state(order)['message_id']}"}}
    item = aws_client("dynamodb", "").get_item(TableName="orders", Key=key)["Item"]
    assert item["reports"]["SS"] == ['["+254704590344", "Success", ""]']
