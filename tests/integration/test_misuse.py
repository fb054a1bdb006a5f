"""Uses of a stolen token or webhook secret are counted, whichever way the request came, and raise an alarm."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from sales.runtime.settings import settings
from tests.integration.api import call, create_customer, create_order, order_for
from tests.support.events import form_event, http_event
from tests.template.cloudwatch import Series, counts, embedded, key, period_of, state_of
from tests.template.test_monitoring import NOW, access_log, alarms, deployed

pytestmark = pytest.mark.usefixtures("tables")
type Written = Callable[[], dict[str, int]]


def resolve(value: Any) -> str:
    return settings().stack if value == {"Ref": "AWS::StackName"} else "api"


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Written:
    """Return what has been counted since the last look, by metric."""

    def take() -> dict[str, int]:
        values = embedded(capsys.readouterr().out.splitlines())
        stack = frozenset({("stack", settings().stack)})
        return {name: int(sum(each)) for (_, name, dimensions), each in values.items() if dimensions == stack}

    return take


def alarm_after(name: str, metric: str, count: int) -> bool:
    """Return whether the alarm is on when the metric has counted so much within the last second."""
    series: Series = {key("Sales", metric, [("stack", settings().stack)]): [(NOW - 1, float(count))]}
    return state_of(alarms()[name], series, resolve, NOW) == "ALARM"


def customers(count: int) -> list[dict[str, Any]]:
    return [
        create_customer({"name": f"Jane {n}", "phone_number": f"+2547000003{n:02}", "email": "j@example.com"}).body
        for n in range(count)
    ]


def of(function: str, method: str, customer: dict[str, Any], body: Any = None, **query: str) -> Any:
    answer = call(function, http_event(method, "/x", body, query=query, parameters={"customer": customer["id"]}))
    assert answer.status == 200, answer
    return answer.body


def webhook(function: str, secret: str = "webhook-secret", **fields: str) -> int:
    return call(function, form_event("/webhooks/x", fields, {"secret": secret})).status


def test_thirty_erased_customers_raise_the_alarm_and_an_erasure_counts_once(written: Written) -> None:
    everyone = customers(30)
    written()
    for customer in everyone:
        of("erase_customer", "POST", customer)
    assert written() == {"Erasures": 30}
    assert alarm_after("erasures", "Erasures", 30)
    of("erase_customer", "POST", everyone[0])
    assert written() == {}


def test_an_export_counts_once_however_many_pages_it_has(written: Written) -> None:
    [customer] = customers(1)
    for _ in range(3):
        assert create_order(order_for(customer)).status == 201
    written()
    page = of("export_customer", "GET", customer, limit="2")
    assert written() == {"Exports": 1}
    of("export_customer", "GET", customer, limit="2", cursor=page["next_cursor"])
    assert written() == {}


def test_reading_on_in_the_list_of_customers_counts(written: Written) -> None:
    customers(3)
    written()
    page = call("list_customers", http_event("GET", "/x", query={"limit": "1"}))
    assert written() == {}
    call("list_customers", http_event("GET", "/x", query={"limit": "1", "cursor": page.body["next_cursor"]}))
    assert written() == {"CustomerPages": 1}


@pytest.mark.parametrize("function", ["record_opt_out", "record_delivery_report"])
def test_a_webhook_with_a_wrong_secret_counts(function: str, written: Written) -> None:
    for _ in range(10):
        assert webhook(function, "guess", phoneNumber="+254700000301") == 404
    assert written() == {"WebhooksRefused": 10}
    assert alarm_after("webhooks-refused", "WebhooksRefused", 10)
    # A bad form is the provider's mistake, and not a guess.
    assert webhook(function) == 400
    assert written() == {}


def test_a_number_that_says_stop_twice_counts_once(written: Written) -> None:
    for number in ("+254700000301", "+254700000302", "+254700000301"):
        assert webhook("record_opt_out", phoneNumber=number) == 200
    assert written() == {"OptOuts": 2}


def test_a_number_that_says_stop_again_after_its_opt_out_was_lifted_counts_again(written: Written) -> None:
    [customer] = customers(1)
    written()
    for _ in range(2):
        assert webhook("record_opt_out", phoneNumber=customer["phone_number"]) == 200
        assert of("update_customer", "PATCH", customer, {"sms_opted_out": False})["sms_opted_out"] is False
    assert written() == {"OptOuts": 2, "OptOutsLifted": 2}


def test_an_opt_out_by_a_caller_counts_and_other_changes_do_not(written: Written) -> None:
    [customer] = customers(1)
    written()
    of("update_customer", "PATCH", customer, {"sms_opted_out": True})
    assert written() == {"OptOuts": 1}
    of("update_customer", "PATCH", customer, {"name": "Jane Otieno"})
    assert written() == {}


# Refused requests


@pytest.mark.parametrize(
    ("status", "alarm", "enough"),
    [("401", "tokens-refused", 100), ("403", "scopes-refused", 10), ("429", "requests-throttled", 100)],
)
def test_refused_requests_raise_their_alarm_whatever_route_they_took(status: str, alarm: str, enough: int) -> None:
    [metric] = [
        transformation
        for each in deployed().of_type("AWS::Logs::MetricFilter").values()
        for transformation in each["Properties"]["MetricTransformations"]
        if counts(each["Properties"]["FilterPattern"], line_of("$default", status))
    ]
    line = json.loads(line_of("$default", status))
    dimensions = [(each["Key"], line[each["Value"].removeprefix("$.")]) for each in metric["Dimensions"]]
    name = key(metric["MetricNamespace"], metric["MetricName"], dimensions)
    for count, state in ((enough, "ALARM"), (enough - 1, "OK")):
        series: Series = {name: [(NOW - 1, float(metric["MetricValue"]))] * count}
        assert (
            state_of(alarms()[alarm], series, lambda value: "api" if isinstance(value, dict) else value, NOW) == state
        )
    assert period_of(alarms()[alarm]) == 300


@pytest.mark.parametrize("status", ["200", "201", "304", "400", "404", "409", "422", "500", "503"])
def test_other_answers_are_not_counted_as_refused(status: str) -> None:
    for each in deployed().of_type("AWS::Logs::MetricFilter").values():
        assert not counts(each["Properties"]["FilterPattern"], line_of("GET /docs", status))


def line_of(route: str, status: str) -> str:
    """Return a line of the access log as API Gateway writes it."""
    values = {"$context.status": status, "$context.routeKey": route, "$context.apiId": "api"}
    return re.sub(r"\$context\.[\w.]+", lambda name: values.get(name[0], "-"), access_log())
