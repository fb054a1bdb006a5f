"""Functions write the metrics that alarms and dashboard use, with the right names and dimensions."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from functions.send_sms.app import handler as send_sms
from functions.sweep_sms.app import handler as sweep_sms
from sales.africastalking.answers import Kind
from sales.domain import clock
from sales.runtime import metrics
from sales.services.sms import send as sending
from tests.conftest import forget_process_state
from tests.integration.api import call, create_customer, create_order, order_for
from tests.support.events import Context, form_event, http_event, stream_event
from tests.support.fakes import FakeProvider, refused
from tests.template.cloudwatch import Key, embedded, metric_of, period_of, state_of
from tests.template.test_monitoring import NOW, alarms, dashboard_metrics, definitions, filtered

pytestmark = pytest.mark.usefixtures("tables")
STACK = "orders-prod"


def resolve(value: Any) -> str:
    return STACK if value == {"Ref": "AWS::StackName"} else str(value)


class Shop:
    """The functions with a scripted provider, and the lines that they wrote since the last look."""

    def __init__(self, rows: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)
        self.provider = FakeProvider()
        self._rows = rows
        self._capsys = capsys
        monkeypatch.setattr(sending, "Provider", lambda *_, **__: self.provider)
        monkeypatch.setattr(clock, "now", lambda: self.now)
        self.customer = create_customer().body

    def order(self) -> dict[str, Any]:
        body: dict[str, Any] = create_order(order_for(self.customer)).body
        return body

    def stream(self, order: dict[str, Any]) -> None:
        send_sms(stream_event(*(row for row in self._rows("orders") if row["id"]["S"] == order["id"])), Context())

    def sweep(self, after: float = 0) -> None:
        self.now += timedelta(seconds=after)
        sweep_sms({}, Context())

    def report(self, message_id: str, status: str) -> None:
        fields = {"id": message_id, "status": status, "phoneNumber": "+254704590344"}
        call("record_delivery_report", form_event("/webhooks/x", fields, {"secret": "webhook-secret"}))

    def lines(self) -> list[str]:
        return [line for line in self._capsys.readouterr().out.splitlines() if line]

    def values(self) -> dict[Key, list[float]]:
        return embedded(self.lines())

    def state_of(self, name: str, values: dict[Key, list[float]]) -> str:
        """Return the alarm's state if the functions wrote these values once in each period."""
        alarm = alarms()[name]
        times = [NOW - 1 - period_of(alarm) * number for number in range(alarm["EvaluationPeriods"])]
        series = {metric: [(at, value) for at in times for value in each] for metric, each in values.items()}
        return state_of(alarm, series, resolve, NOW)


@pytest.fixture
def shop(environment: pytest.MonkeyPatch, tables: None, rows: Any, capsys: pytest.CaptureFixture[str]) -> Shop:
    environment.setenv("FUNCTION_PREFIX", f"{STACK}-")
    environment.setenv("RELEASE", "abc123")
    forget_process_state()
    return Shop(rows, capsys, environment)


def number(values: dict[Key, list[float]], name: str, **dimensions: str) -> float:
    return sum(values.get(("Sales", name, frozenset({"stack": STACK, **dimensions}.items())), []))


def test_repeated_requests_count_an_order_once(shop: Shop) -> None:
    body = order_for(shop.customer)
    for _ in range(3):
        assert create_order(body, headers={"Idempotency-Key": "one"}).status == 201
    create_order(body, headers={"Idempotency-Key": "two"})
    create_order(body | {"amount": "-1"})
    assert number(shop.values(), "OrdersCreated") == 2


def test_an_attempt_its_latency_and_each_state_are_counted(shop: Shop) -> None:
    order = shop.order()
    shop.lines()
    shop.stream(order)
    values = shop.values()
    assert number(values, "SmsAttempts") == 1
    assert len(values["Sales", "ProviderLatency", frozenset({("stack", STACK)})]) == 1
    assert number(values, "SmsState", state="sent") == number(values, "SmsState") == 1
    message_id = call("get_order", http_event("GET", "/x", parameters={"order": order["id"]})).body["sms"]["message_id"]
    shop.report(message_id, "Success")
    shop.report(message_id, "Success")
    assert number(shop.values(), "SmsState", state="delivered") == 1


def test_a_latency_is_in_milliseconds(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    order = shop.order()
    shop.lines()
    monkeypatch.setattr(sending, "time", SimpleNamespace(perf_counter=iter([7.0, 9.0]).__next__))
    shop.stream(order)
    assert shop.values()["Sales", "ProviderLatency", frozenset({("stack", STACK)})] == [2000.0]


def test_an_expired_lease_counts_as_an_unknown_text(shop: Shop) -> None:
    class Killed(BaseException):
        pass

    def die() -> Any:
        raise Killed

    shop.provider.answers = [die]
    with pytest.raises(Killed):
        shop.stream(shop.order())
    shop.lines()
    shop.sweep(after=91)
    values = shop.values()
    assert number(values, "SmsState", state="unknown") == number(values, "SweepFound", finding="unknown") == 1


def test_a_wrong_key_raises_its_alarm(shop: Shop) -> None:
    shop.provider.answers = [refused(Kind.misconfigured, "bad_key")]
    shop.stream(shop.order())
    values = shop.values()
    assert number(values, "SmsMisconfigured") == number(values, "SmsMisconfigured", reason="bad_key") == 1
    assert shop.state_of("sms-configuration", values) == "ALARM"
    shop.sweep()
    assert shop.state_of("sms-configuration", shop.values()) == "OK"


@pytest.mark.parametrize(
    ("kind", "reason", "state"),
    [
        (Kind.deferred, "InsufficientBalance", "ALARM"),
        (Kind.refused, "RiskHold", "ALARM"),
        (Kind.refused, "InvalidPhoneNumber", "OK"),
        (Kind.deferred, "http_429", "OK"),
    ],
)
def test_an_account_problem_raises_the_alarm_but_a_wrong_number_does_not(
    kind: Kind, reason: str, state: str, shop: Shop
) -> None:
    shop.provider.answers = [refused(kind, reason)]
    shop.stream(shop.order())
    values = shop.values()
    assert number(values, "SmsRefused") == number(values, "SmsRefused", reason=reason) == 1
    assert shop.state_of("sms-account", values) == state


def test_lost_answers_raise_the_alarm_of_unknown_texts(shop: Shop) -> None:
    shop.provider.answers = [refused(Kind.unknown, "timeout")] * 3
    for _ in range(10):
        shop.stream(shop.order())
    assert shop.state_of("sms-unknown", shop.values()) == "ALARM"
    for _ in range(10):
        shop.stream(shop.order())
    assert shop.state_of("sms-unknown", shop.values()) == "OK"


def test_an_outage_of_the_provider_raises_the_alarm_of_waiting_texts(shop: Shop) -> None:
    shop.provider.answers = [refused(Kind.not_sent, "connect_failed")] * 9
    shop.stream(shop.order())
    shop.sweep(after=880)
    assert shop.state_of("oldest-queued", shop.values()) == "OK"
    shop.sweep(after=30)
    values = shop.values()
    assert number(values, "OldestQueued") == pytest.approx(910)
    assert shop.state_of("oldest-queued", values) == "ALARM"
    shop.provider.answers = []
    shop.sweep(after=3600)
    assert number(shop.values(), "OldestQueued") == 0
    shop.sweep()
    assert shop.state_of("oldest-queued", shop.values()) == "OK"


def test_the_sweep_says_how_late_it_is(shop: Shop) -> None:
    shop.order()
    shop.lines()
    shop.sweep(after=75)
    assert number(shop.values(), "OldestDue") == pytest.approx(75)
    shop.sweep(after=60)
    assert number(shop.values(), "OldestDue") == 0


def test_a_resend_waits_from_its_request_and_not_from_the_order(shop: Shop) -> None:
    order = shop.order()
    shop.provider.answers = [refused(Kind.refused, "InvalidPhoneNumber")]
    shop.stream(order)
    shop.now += timedelta(days=3)
    headers = {"Idempotency-Key": "again"}
    event = http_event("POST", "/x", {"reason": "lost phone"}, headers=headers, parameters={"order": order["id"]})
    assert call("resend_sms", event).status == 202
    shop.lines()
    shop.provider.answers = [refused(Kind.not_sent, "connect_failed")]
    shop.sweep(after=5)
    assert number(shop.values(), "OldestQueued") == pytest.approx(5)


def test_functions_write_every_metric_of_alarms_and_dashboard(shop: Shop, environment: pytest.MonkeyPatch) -> None:
    sent, failed = shop.order(), shop.order()
    shop.stream(sent)
    shop.provider.answers = [refused(Kind.refused, "InvalidPhoneNumber")]
    shop.stream(failed)
    message_id = call("get_order", http_event("GET", "/x", parameters={"order": sent["id"]})).body["sms"]["message_id"]
    shop.report(message_id, "Success")
    shop.provider.answers = [None, refused(Kind.unknown, "timeout"), refused(Kind.not_sent, "connect_failed")]  # type: ignore[list-item]
    bounced = shop.order()
    shop.stream(bounced)
    shop.report(
        call("get_order", http_event("GET", "/x", parameters={"order": bounced["id"]})).body["sms"]["message_id"],
        "Failed",
    )
    for _ in range(2):
        shop.stream(shop.order())
    # The sweep finds an orphaned report, and texts that end in each state.
    shop.report("ATXid_stranger", "Success")
    shop.provider.answers = [refused(Kind.unknown, "timeout"), refused(Kind.refused, "x")]
    for _ in range(3):
        shop.order()
    shop.sweep(after=300)
    opted_out = shop.order()
    event = http_event("PATCH", "/x", {"sms_opted_out": True}, parameters={"customer": shop.customer["id"]})
    call("update_customer", event)
    shop.stream(opted_out)
    event = http_event("PATCH", "/x", {"sms_opted_out": False}, parameters={"customer": shop.customer["id"]})
    call("update_customer", event)
    shop.provider.answers = [refused(Kind.not_sent, "connect_failed"), refused(Kind.misconfigured, "bad_key")]
    for _ in range(2):
        shop.order()
        shop.sweep(after=1)
    shop.order()
    shop.sweep(after=1)
    for kind, reason in ((Kind.deferred, "InsufficientBalance"), (Kind.refused, "RiskHold")):
        shop.provider.answers = [refused(kind, reason)]
        shop.order()
        shop.sweep(after=400)
    # A limit holds a text, and the network blocks a number: last, since the customer gets no more texts.
    environment.setenv("SMS_PER_DAY", "1")
    forget_process_state()
    for _ in range(2):
        shop.order()
    shop.sweep(after=400)
    environment.setenv("SMS_PER_DAY", "0")
    forget_process_state()
    shop.provider.answers = [refused(Kind.refused, "UserInBlacklist", blocked=True)]
    shop.order()
    shop.sweep(after=400)
    # And what may be misuse.
    for secret in ("webhook-secret", "wrong"):
        call("record_opt_out", form_event("/webhooks/x", {"phoneNumber": "+254700000301"}, {"secret": secret}))
    create_customer({"name": "Jane", "phone_number": "+254700000302", "email": "jane@example.com"})
    page = call("list_customers", http_event("GET", "/x", query={"limit": "1"})).body
    call("list_customers", http_event("GET", "/x", query={"limit": "1", "cursor": page["next_cursor"]}))
    for function, method in (("export_customer", "GET"), ("erase_customer", "POST")):
        call(function, http_event(method, "/x", parameters={"customer": shop.customer["id"]}))
    written = set(shop.values())
    named = {metric_of(each, resolve) for alarm in alarms().values() for each, _ in definitions(alarm)}
    on_board = {
        (namespace, name, frozenset((key, STACK if key == "stack" else value) for key, value in dimensions))
        for namespace, name, dimensions in dashboard_metrics()
    }
    wanted = {metric for metric in named | on_board if metric[0] == "Sales" and metric[1] not in filtered()}
    assert wanted
    assert wanted <= written, wanted - written


def test_each_line_has_request_id_and_release_and_no_personal_data(shop: Shop) -> None:
    order = create_order(order_for(shop.customer), headers={"X-Request-Id": "request-7"}).body
    (line,) = [json.loads(line) for line in shop.lines() if "OrdersCreated" in line]
    assert (line["request_id"], line["client_request_id"]) == ("request", "request-7")
    assert (line["order_id"], line["release"]) == (order["id"], "abc123")
    shop.provider.answers = [refused(Kind.misconfigured, "bad_key")]
    shop.stream(order)
    lines = shop.lines()
    assert len(lines) >= 6
    for each in map(json.loads, lines):
        assert each["request_id"] == Context.aws_request_id
        assert order["id"] in (each.get("order_id"), *each.get("order_ids", ())), each
    for personal in ("254704590344", "john doe", "example@gmail.com", "macbook"):
        assert personal not in "".join(lines)


def test_an_unlisted_metric_or_dimension_is_refused(shop: Shop) -> None:
    for name, dimensions in (("Orders", {}), ("SmsState", {}), ("OrdersCreated", {"order": "1"})):
        with pytest.raises(TypeError, match="not a metric"):
            metrics.count(name, **dimensions)


def test_values_beyond_a_lines_limit_go_to_further_lines(shop: Shop) -> None:
    shop.lines()
    metrics.observe("ProviderLatency", [1.0] * 250)
    lines = shop.lines()
    assert [len(json.loads(line)["ProviderLatency"]) for line in lines] == [100, 100, 50]
