"""Limits on texts: never exceeded, and what they hold goes out when its turn comes or the limit is raised."""

import threading
from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.send_sms.app import handler as send_sms
from sales.africastalking.answers import Kind
from sales.domain.clock import parse_time
from sales.domain.orders import Order
from sales.runtime.aws import aws_client
from sales.runtime.settings import settings
from sales.services.sms.limits import held_window, turn
from sales.store import store
from tests.conftest import forget_process_state
from tests.integration.api import call, create_customer, create_order, order_for
from tests.integration.sending import Rows, Time, again, image, state, stream, sweep
from tests.support.events import Context, http_event, stream_event
from tests.support.fakes import FakeProvider, refused
from tests.support.orders import new_order

pytestmark = pytest.mark.usefixtures("tables")
type Limit = Callable[..., None]


@pytest.fixture
def limit(environment: pytest.MonkeyPatch) -> Limit:
    """Return a function that sets the limits, as a deployment does."""

    def deploy(*, day: int = 0, number: int = 0) -> None:
        environment.setenv("SMS_PER_DAY", str(day))
        environment.setenv("SMS_PER_NUMBER_DAY", str(number))
        forget_process_state()

    return deploy


@pytest.fixture
def customers(tables: None, time: Time) -> Callable[[int], list[dict[str, Any]]]:
    """Return a function that creates so many customers with numbers of their own."""

    def create(count: int) -> list[dict[str, Any]]:
        numbers = [f"+2547000{number:05d}" for number in range(count)]
        return [create_customer({"name": "j", "phone_number": number, "email": "j@x.org"}).body for number in numbers]

    return create


def orders_for(customers: list[dict[str, Any]], time: Time) -> list[dict[str, Any]]:
    """Create an order for each of these customers, ten seconds apart."""
    orders = []
    for customer in customers:
        orders.append(create_order(order_for(customer)).body)
        time.pass_(10)
    return orders


def stream_each(orders: list[dict[str, Any]], rows: Rows) -> None:
    """Send the texts of these orders one after the other, each as a batch of its own."""
    for order in orders:
        stream(order, rows=rows)


def states(orders: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(state(order)["status"], state(order)["reason"]) for order in orders]


HELD, SENT = ("queued", "limit"), ("sent", None)
DAY = 24 * 3600


class TestDay:
    """`SmsPerDay`: so many texts a day in all."""

    def test_the_limit_is_reached_exactly_and_the_rest_waits(
        self, limit: Limit, customers: Any, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        limit(day=5)
        orders = orders_for(customers(8), time)
        stream(*orders[:3], rows=rows)
        stream(*orders[3:], rows=rows)
        assert len(provider) == 5
        assert sorted(states(orders)) == sorted([HELD] * 3 + [SENT] * 5)
        sweep()
        assert len(provider) == 5

    def test_nothing_is_looked_for_where_nothing_was_held(self, limit: Limit, time: Time) -> None:
        limit(day=5)
        assert held_window(store(), time.now, settings()) is None

    def test_what_waits_goes_out_after_the_shops_midnight_in_order(
        self, limit: Limit, customers: Any, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        limit(day=2)
        orders = orders_for(customers(5), time)
        stream_each(orders, rows)
        assert states(orders) == [SENT, SENT, HELD, HELD, HELD]
        # 21:00 UTC is midnight in Nairobi.
        time.now = time.now.replace(hour=20, minute=59)
        sweep()
        assert len(provider) == 2
        time.now = time.now.replace(hour=21, minute=10)
        sweep()
        assert states(orders) == [SENT, SENT, SENT, SENT, HELD]
        time.pass_(DAY)
        sweep()
        assert states(orders) == [SENT] * 5
        assert len(provider) == 5

    @pytest.mark.parametrize("raised", [4, 0])
    def test_a_raised_limit_lets_them_go_at_once_each_one_time(
        self, raised: int, limit: Limit, customers: Any, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        limit(day=1)
        orders = orders_for(customers(4), time)
        stream_each(orders, rows)
        assert len(provider) == 1
        limit(day=raised)
        assert sweep() == {"sent": 3}
        assert sweep() == {}
        assert states(orders) == [SENT] * 4
        assert len(provider) == 4

    def test_a_limit_that_is_raised_a_little_lets_the_oldest_go(
        self, limit: Limit, customers: Any, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        limit(day=1)
        orders = orders_for(customers(4), time)
        stream(*orders, rows=rows)
        first = len(provider)
        limit(day=first + 1)
        sweep()
        assert len(provider) == first + 1
        assert sum(status == HELD for status in states(orders)) == 2

    def test_what_certainly_did_not_go_out_is_given_back(
        self, limit: Limit, customers: Any, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        limit(day=2)
        orders = orders_for(customers(4), time)
        provider.answers = [refused(Kind.refused, "InvalidPhoneNumber")]
        stream_each(orders, rows)
        assert states(orders) == [("failed", "InvalidPhoneNumber"), SENT, SENT, HELD]

    def test_an_order_that_the_table_lost_takes_nothing(
        self, limit: Limit, customers: Any, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        limit(day=1)
        lost, other = orders_for(customers(2), time)
        old = image(lost, rows)
        aws_client("dynamodb", "").delete_item(TableName="orders", Key={"id": old["id"]})
        for record in (old, image(other, rows)):
            assert send_sms(stream_event(record), Context()) == {"batchItemFailures": []}
        assert states([other]) == [SENT]
        assert len(provider) == 1

    def test_what_may_have_gone_out_counts(
        self, limit: Limit, customers: Any, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        limit(day=1)
        orders = orders_for(customers(2), time)
        provider.answers = [refused(Kind.unknown, "timeout")]
        stream_each(orders, rows)
        assert states(orders) == [("unknown", "timeout"), HELD]

    def test_room_that_comes_back_is_used_the_same_day(
        self, limit: Limit, customers: Any, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        limit(day=1)
        orders = orders_for(customers(2), time)
        provider.answers = [refused(Kind.refused, "InvalidPhoneNumber")]
        # In one batch: the second is held while the first still has the only text of the day.
        stream(*orders, rows=rows)
        sweep()
        assert sorted(states(orders)) == sorted([("failed", "InvalidPhoneNumber"), SENT])

    def test_a_paused_sender_takes_nothing(
        self, limit: Limit, customers: Any, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        limit(day=2)
        orders = orders_for(customers(2), time)
        store().due.pause_sending(parse_time("2027-01-01T00:00:00Z"), "bad_key")
        stream(*orders, rows=rows)
        assert store().limits.state("2026-11-23").texts == 0
        assert states(orders) == [("queued", None)] * 2

    def test_a_held_text_cannot_be_asked_for_again(
        self, limit: Limit, customers: Any, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        limit(day=1)
        orders = orders_for(customers(2), time)
        stream_each(orders, rows)
        assert again(orders[1]).body["code"] == "sms_in_progress"

    def test_the_preview_says_so_beforehand(
        self, limit: Limit, customers: Any, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        limit(day=2, number=1)
        one, other, third = customers(3)

        def outcome(customer: dict[str, Any]) -> str:
            body = {"customer": customer["id"], "item": "macbook m2", "amount": "1"}
            return str(call("preview_sms", http_event("POST", "/api/v1/sales/sms/preview", body)).body["outcome"])

        stream(*orders_for([one], time), rows=rows)
        assert [outcome(one), outcome(other)] == ["limit", "will_send"]
        stream(*orders_for([other], time), rows=rows)
        assert outcome(third) == "limit"
        time.pass_(DAY)
        assert [outcome(one), outcome(third)] == ["will_send", "will_send"]

    def test_a_held_text_is_stored_once_a_day(
        self, limit: Limit, customers: Any, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        limit(day=1)
        orders = orders_for(customers(2), time)
        for _ in range(3):
            stream(*orders, rows=rows)
        waiting = next(order for order in orders if state(order)["status"] == "queued")
        assert [entry["status"] for entry in state(waiting)["history"]] == ["queued", "queued"]


class TestNumber:
    """`SmsPerNumberDay`: so many texts a day to one number."""

    def test_other_numbers_are_not_held(
        self, limit: Limit, customers: Any, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        limit(number=2)
        one, other = customers(2)
        orders = orders_for([one, one, one, other], time)
        stream_each(orders, rows)
        assert states(orders) == [SENT, SENT, HELD, SENT]

    def test_a_text_that_certainly_did_not_go_out_counts_once_less(
        self, limit: Limit, customers: Any, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        limit(number=2)
        [one] = customers(1)
        orders = orders_for([one] * 4, time)
        provider.answers = [refused(Kind.not_sent, "connect_failed")]
        stream_each(orders, rows)
        assert len(provider) == 2
        assert states(orders)[1:] == [SENT, SENT, HELD]

    def test_the_next_day_begins_anew(
        self, limit: Limit, customers: Any, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        limit(number=1)
        [one] = customers(1)
        orders = orders_for([one, one, one], time)
        stream_each(orders, rows)
        time.pass_(DAY)
        sweep()
        assert states(orders) == [SENT, SENT, HELD]

    def test_a_raised_limit_lets_them_go(
        self, limit: Limit, customers: Any, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        limit(number=1)
        [one] = customers(1)
        orders = orders_for([one, one], time)
        stream_each(orders, rows)
        sweep()
        assert len(provider) == 1
        limit(number=2)
        sweep()
        assert states(orders) == [SENT, SENT]

    def test_a_text_that_the_day_holds_is_not_counted_for_its_number(
        self, limit: Limit, customers: Any, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        limit(day=1, number=1)
        one, other = customers(2)
        orders = orders_for([one, other], time)
        stream_each(orders, rows)
        assert states(orders) == [SENT, HELD]
        limit(day=2, number=1)
        sweep()
        assert states(orders) == [SENT, SENT]

    def test_a_refused_text_is_given_back(
        self, limit: Limit, customers: Any, time: Time, provider: FakeProvider, rows: Rows
    ) -> None:
        limit(number=1)
        [one] = customers(1)
        orders = orders_for([one, one], time)
        provider.answers = [refused(Kind.refused, "CouldNotRoute")]
        stream_each(orders, rows)
        assert states(orders) == [("failed", "CouldNotRoute"), SENT]


def test_many_senders_together_take_no_more_than_the_day_has(tables: None, time: Time) -> None:
    taken: list[int] = []

    def take() -> None:
        taken.extend(store().limits.take("2026-11-23", wanted, 50, time.now) for wanted in (7, 3, 1))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 50 == store().limits.state("2026-11-23").texts


@pytest.mark.parametrize(
    ("texts", "wanted", "limit", "granted"), [(0, 5, 5, 5), (0, 6, 5, 5), (4, 5, 5, 1), (5, 1, 5, 0)]
)
def test_what_is_left_of_the_day_is_granted(
    texts: int, wanted: int, limit: int, granted: int, tables: None, time: Time
) -> None:
    store().limits.take("2026-11-23", texts, 100, time.now)
    assert store().limits.take("2026-11-23", wanted, limit, time.now) == granted


@given(
    st.lists(
        st.datetimes(
            parse_time("2026-11-01T00:00:00Z").replace(tzinfo=None),
            parse_time("2036-11-20T00:00:00Z").replace(tzinfo=None),
        ),
        min_size=2,
    )
)
def test_turns_keep_the_order_in_which_texts_were_asked_for(moments: list[Any]) -> None:
    now = parse_time("2036-11-29T08:00:00Z")
    config = settings()
    asked = sorted(moment.replace(microsecond=0, tzinfo=UTC) for moment in moments)
    orders: list[Order] = [new_order()._replace(order_date=f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}") for moment in asked]
    turns = [turn(order, now, config) for order in orders]
    assert turns == sorted(turns)
    assert all(parse_time("2036-11-29T21:00:00Z") <= each <= parse_time("2036-11-29T21:10:00Z") for each in turns)
