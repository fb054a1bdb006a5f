"""Lost answers of the real database: a write that happened is reported as written."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import forget_process_state
from tests.faults.proxy import Fault, Proxy
from tests.integration.api import BASE, Answer, call
from tests.support.events import http_event
from tests.support.system import System

pytestmark = pytest.mark.local


@pytest.fixture
def signed_in(system: System) -> System:
    """The system with a token already fetched: with the functions' environment `make token` would ask Okta."""
    system.token()
    return system


@pytest.fixture
def proxy(signed_in: System, environment: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Put the running system's database, behind a proxy, under this process's functions."""
    found = Proxy(signed_in.port + 3)
    for name, value in {
        "DYNAMODB_ENDPOINT": found.url,
        "CUSTOMERS_TABLE": "sales-customers",
        "ORDERS_TABLE": "sales-orders",
    }.items():
        environment.setenv(name, value)
    forget_process_state()
    yield found
    found.close()


def change(customer: dict[str, Any], body: dict[str, Any], **headers: str) -> Answer:
    parameters = {"customer": customer["id"]}
    event = http_event("PATCH", f"{BASE}/customers/{customer['id']}", body, headers=headers, parameters=parameters)
    return call("update_customer", event)


@pytest.mark.parametrize("headers", [{}, {"If-Match": '"1"'}, {"If-Match": '"7", "1"'}], ids=["any", "one", "list"])
def test_a_change_whose_answer_is_lost_happens_once_and_is_reported(
    headers: dict[str, str], system: System, proxy: Proxy
) -> None:
    customer = system.customer()
    with proxy.fault(Fault("UpdateItem", "lose", times=1)) as lost:
        answer = change(customer, {"name": "changed"}, **headers)
    assert lost.met == 1
    assert (answer.status, answer.body["version"], answer.headers["etag"]) == (200, 2, '"2"')
    assert answer.body["name"] == "changed"
    assert system.call("GET", f"customers/{customer['id']}").body == answer.body


def test_a_change_that_did_not_arrive_succeeds_at_the_next_attempt(system: System, proxy: Proxy) -> None:
    customer = system.customer()
    with proxy.fault(Fault("UpdateItem", "refuse", times=1)):
        answer = change(customer, {"name": "changed"}, **{"If-Match": '"1"'})
    assert (answer.status, answer.body["version"]) == (200, 2)


def test_someone_elses_change_is_not_mistaken_for_our_own(system: System, proxy: Proxy) -> None:
    customer = system.customer()
    assert change(customer, {"name": "other"}).status == 200
    with proxy.fault(Fault("UpdateItem", "lose", times=1)):
        answer = change(customer, {"name": "mine"}, **{"If-Match": '"1"'})
    assert (answer.status, answer.body["current_version"]) == (412, 2)
    assert system.call("GET", f"customers/{customer['id']}").body["name"] == "other"
