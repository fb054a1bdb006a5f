"""The logs alone tell who did what: two people and a machine work and are refused."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from local.okta.signing_key import SigningKey
from tests.support import insights
from tests.support.system import Answer, System, request, running, until

pytestmark = pytest.mark.local
DEMO, CLERK, MACHINE = "00udemo0000000000001", "00uclerk000000000001", "sales-service"
NUMBER = "+254700000881"
BY_ITEM, BY_PERSON, BY_REQUEST = insights.queries("Who did this?")


@pytest.fixture(params=["route", "default"], ids=["slash routed", "slash through $default"])
def own(request: pytest.FixtureRequest) -> Iterator[System]:
    """A system with only this story in its logs, with each thing that API Gateway may do to a slash at a path's end."""
    with running(LOCAL_TRAILING_SLASH=request.param) as found:
        yield found


def token(system: System, person: str, scopes: str = "sales:read sales:write sales:manage") -> str:
    """Return a token of the local issuer for a person, or for the machine."""
    issuer, now = f"http://127.0.0.1:{system.port + 1}/oauth2/default", int(time.time())
    claims = {"iss": issuer, "aud": "api://default", "iat": now, "exp": now + 600, "scp": scopes.split(), "jti": person}
    if person == MACHINE:
        claims |= {"cid": MACHINE, "sub": MACHINE}
    else:
        claims |= {"cid": "sales-console", "sub": f"{person}@example.com", "uid": person}
    signed = SigningKey(system.state / "identity.pem").sign(claims)
    system.used.note_token(signed)
    return signed


def lines(system: System, groups: set[str]) -> list[str]:
    """Return the lines of these log groups."""
    files = {name: system.state / "logs" / f"{'access' if name == 'http-api' else name}.log" for name in groups}
    texts = [path.read_text() for path in files.values() if path.is_file()]
    return [line for text in texts for line in text.splitlines() if line.startswith("{")]


def ask(system: System, query: str, **values: str) -> list[dict[str, Any]]:
    """Return what a query of the page finds in the system's logs."""
    for name, value in values.items():
        query = query.replace(f'"{name}"', f'"{value}"')
    return insights.run(query, lines(system, insights.groups(query)))


def told(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return who did what and how it ended, without the time and the ids of requests."""
    return [(row.get("actor"), row["action"], row["status"], row.get("code")) for row in rows]


class Story:
    """Requests by one caller, each through both spellings of a path in turn."""

    def __init__(self, system: System) -> None:
        self.system = system
        self._slash = False

    def send(
        self,
        person: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        scopes: str = "",
        slash: bool | None = None,
        **headers: str,
    ) -> Answer:
        """Send a request, with a slash at its end every second time unless `slash` says otherwise."""
        bearer = token(self.system, person, *([scopes] if scopes else [])) if person else ""
        self._slash = not self._slash if slash is None else slash
        return self.system.call(method, path + "/" * self._slash, body, token=bearer, **headers)


def tell(system: System) -> tuple[str, str]:
    """Run the story; return the ids of its customer and its order."""
    story = Story(system)
    body = {"name": "Wambui Otieno", "phone_number": NUMBER, "email": "wambui.private@example.com"}
    customer = story.send(CLERK, "POST", "customers", body, idempotency_key="first").body["id"]
    assert story.send(CLERK, "POST", "customers", body, idempotency_key="first").status == 201
    assert story.send(CLERK, "POST", "customers", body | {"name": "Wambui"}, idempotency_key="first").status == 422
    order = story.send(MACHINE, "POST", "orders", {"customer": customer, "item": "a lamp", "amount": "10"}).body["id"]
    until(lambda: system.sms({"id": order})["status"] == "delivered")
    one = f"customers/{customer}"
    assert story.send(CLERK, "PATCH", one, {"name": "Wambui"}, if_match='"9"').status == 412
    assert story.send(CLERK, "PATCH", one, {"phone_number": "no number"}).status == 422
    assert story.send(CLERK, "PATCH", one, {"sms_opted_out": True}).status == 200
    assert story.send(CLERK, "POST", f"orders/{order}/sms", {"reason": "lost"}, idempotency_key="again").status == 409
    lift = {"sms_opted_out": False}
    assert story.send(CLERK, "PATCH", one, lift, scopes="sales:read sales:write").status == 403
    assert story.send(DEMO, "PATCH", one, lift).status == 200
    assert story.send(DEMO, "POST", f"orders/{order}/sms", {"reason": "lost"}, idempotency_key="again").status == 202
    until(lambda: system.sms({"id": order})["status"] == "delivered")
    assert story.send(CLERK, "POST", f"orders/{order}/cancel").status == 200
    secret = (system.state / "webhook-secret").read_text().strip()
    hook = system.url(f"/webhooks/africastalking/optout/{secret}")
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert request("POST", hook, f"phoneNumber={quote(NUMBER)}", form).status == 200
    assert story.send(DEMO, "GET", f"{one}/export").status == 200
    assert story.send(CLERK, "POST", f"{one}/erase", scopes="sales:read", slash=True).status == 403
    assert story.send("", "POST", f"{one}/erase", slash=True).status == 401
    assert story.send(DEMO, "POST", f"{one}/erase", x_request_id="somebody-elses").status == 200
    assert story.send(MACHINE, "POST", "orders", {"customer": customer, "item": "x", "amount": "1"}).status == 409
    assert story.send(MACHINE, "POST", f"customers/{order}/erase").status == 404
    # Reading leaves no act in the audit.
    assert story.send(DEMO, "GET", one).status == story.send(DEMO, "GET", "orders").status == 200
    assert story.send(DEMO, "POST", "sms/preview", {"name": "A", "item": "b", "amount": "1"}).status == 200
    return customer, order


def test_the_logs_tell_who_did_what_in_order_through_either_spelling(own: System) -> None:
    customer, order = tell(own)
    reports = [("provider", "record_delivery_report", 200, None)]

    def of_item(id: str) -> list[tuple[Any, ...]]:
        # Reports come when the provider likes.
        return [row for row in told(ask(own, BY_ITEM, ID=id)) if row not in reports]

    # Where API Gateway has the route, it refuses these two itself.
    by_us = own.environment["LOCAL_TRAILING_SLASH"] == "default"
    assert of_item(customer) == [
        (CLERK, "create_customer", 201, None),
        (CLERK, "create_customer", 201, None),
        (CLERK, "create_customer", 422, "idempotency_key_reused"),
        (MACHINE, "create_order", 201, None),
        (CLERK, "update_customer", 412, "version_mismatch"),
        (CLERK, "update_customer", 422, "validation_failed"),
        (CLERK, "update_customer", 200, None),
        (CLERK, "resend_sms", 409, "sms_suppressed"),
        (CLERK, "update_customer", 403, "insufficient_scope"),
        (DEMO, "update_customer", 200, None),
        (DEMO, "resend_sms", 202, None),
        ("provider", "record_opt_out", 200, None),
        (DEMO, "export_customer", 200, None),
        *refused(by_us),
        (DEMO, "erase_customer", 200, None),
        (MACHINE, "create_order", 409, "customer_erased"),
    ]
    assert of_item(order) == [
        (MACHINE, "create_order", 201, None),
        (CLERK, "resend_sms", 409, "sms_suppressed"),
        (DEMO, "resend_sms", 202, None),
        (CLERK, "cancel_order", 200, None),
        # Its id where a customer's belongs.
        (MACHINE, "erase_customer", 404, "not_found"),
    ]
    assert told(ask(own, BY_ITEM, ID=order)).count(reports[0]) >= 2
    check_requests(own)
    check_people(own, by_us)
    [erased] = [
        row for row in ask(own, BY_ITEM, ID=customer) if (row["action"], row["status"]) == ("erase_customer", 200)
    ]
    assert "somebody-elses" not in str(erased)
    check_items(own, customer, order)
    assert own.leaks() == []


def refused(by_us: bool) -> list[tuple[Any, ...]]:
    """Return the refused erasures that a function saw: with a slash, API Gateway may have no route for them."""
    forbidden, unauthorized = (
        (CLERK, "erase_customer", 403, "insufficient_scope"),
        (None, "erase_customer", 401, "unauthorized"),
    )
    return [forbidden, unauthorized] if by_us else []


def check_requests(system: System) -> None:
    """Each line of the trail is one request of the access log, with the same status."""
    documents = map(json.loads, lines(system, insights.groups(BY_ITEM)))
    audited = [line for line in documents if line.get("message") == "audit"]
    assert len({line["request_id"] for line in audited}) == len(audited)
    for line in audited:
        rows = ask(system, BY_REQUEST, REQUEST=line["request_id"])
        [access] = [row for row in rows if "source_ip" in row]
        [audit] = [row for row in rows if "action" in row]
        assert (access["status"], access["source_ip"]) == (audit["status"], "127.0.0.1")


def check_people(system: System, by_us: bool) -> None:
    """A person's requests are found in both logs: changes and exports in the trail, what API Gateway refused in its log."""
    acted = {
        CLERK: {"create_customer", "update_customer", "resend_sms", "cancel_order"}
        | ({"erase_customer"} if by_us else set()),
        DEMO: {"update_customer", "resend_sms", "export_customer", "erase_customer"},
        MACHINE: {"create_order", "erase_customer"},
    }
    for person, actions in acted.items():
        rows = ask(system, BY_PERSON, WHO=person)
        assert {row["action"] for row in rows if "action" in row} == actions
        if not by_us:
            # With its route, a request has its person in the access log as well.
            requests = {row["request_id"] for row in rows if "route" in row}
            assert {row["request_id"] for row in rows if "action" in row} <= requests
            assert (403 in {row["status"] for row in rows if "route" in row}) is (person == CLERK)


def check_items(system: System, customer: str, order: str) -> None:
    """The items name the same people without any log, also after the erasure."""
    shown = system.call("GET", f"customers/{customer}").body
    assert (shown["name"], shown["created_by"], shown["updated_by"]) == (None, CLERK, DEMO)
    shown = system.call("GET", f"orders/{order}").body
    assert shown["created_by"] == MACHINE
    history = [(event.get("cause"), event.get("by")) for event in shown["sms"]["history"]]
    assert history[0] == (None, MACHINE)
    assert ("requested", DEMO) in history
    assert {by for cause, by in history if cause in {"claimed", "accepted"}} == {None}
    assert {by for cause, by in history if cause == "report_success"} == {"provider"}


def test_a_query_in_another_form_is_refused() -> None:
    for query in ("# /aws/x\nfilter a = 1\n| fields a\n| sort @timestamp asc\n", "# /aws/x\nstats count(*)\n"):
        with pytest.raises(AssertionError):
            insights.run(query, ['{"a": 1}'])


def test_the_page_names_no_log_group_of_a_function_without_a_trail() -> None:
    root = Path(__file__).parents[2]
    assert all((root / "functions" / name).is_dir() for name in insights.groups(BY_REQUEST) - {"http-api"})
