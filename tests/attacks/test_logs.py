"""No log has personal data or secrets, after a story with every endpoint, error, refusal and erasure."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.leak_check import Used, leaks
from tests.support.system import System, request, running, until

pytestmark = pytest.mark.local
NAME, ITEM, EMAIL = "Wanjiru Achieng-Odhiambo", "a very private parcel", "Wanjiru.Private@example.com"
NUMBER, OTHER, LOST = "+254700000871", "+254700000872", "+254700000873"


# Messages and metrics of lines about an order. An orphaned report belongs to none.
ABOUT_AN_ORDER = {
    "sms", "batch", "batch handed back", "delivery report", "delivery report matched", "delivery report for another number",
    "lease ran out", "secret unavailable", "sending paused: the provider refuses our configuration",
    "OrdersCreated", "SmsState", "SmsAttempts", "ProviderLatency", "SmsMisconfigured",
}  # fmt: skip


@pytest.fixture
def own() -> Iterator[System]:
    """A system with only this story in its logs."""
    with running() as found:
        yield found


def webhook(system: System, kind: str, secret: str, form: str) -> int:
    """Send a report or an opt-out as Africa's Talking does."""
    url = system.url(f"/webhooks/africastalking/{kind}/{secret}")
    return request("POST", url, form, {"content-type": "application/x-www-form-urlencoded"}).status


def tell(system: System, secret: str) -> list[str]:
    """Run the story. Return the ids of its orders, then the parts of its tokens."""
    system.behave(script=["http503_after", "status:403", "bad_key"])
    people = [system.customer(name=NAME, phone_number=number, email=EMAIL) for number in (NUMBER, OTHER, LOST)]
    orders = [system.order(each, item=ITEM, idempotency_key=f"key-{NAME[:7]}{n}") for n, each in enumerate(people)]
    for order in orders:
        system.reaches(order, "delivered", "unknown", "failed")
    system.call("POST", "customers", {"name": NAME, "phone_number": f"{NUMBER}000000", "email": f"{EMAIL}@", "x": NAME})
    system.call("POST", "customers", f'{{"name": "{NAME}", "email": "{EMAIL}"')
    system.call("POST", "orders", {"customer": NAME, "item": ITEM, "amount": EMAIL})
    for query in (
        f"email={quote(EMAIL)}",
        f"phone_number={quote(NUMBER)}",
        f"cursor={quote(EMAIL)}",
        f"{quote(NAME)}=1",
    ):
        system.call("GET", f"customers?{query}")
    system.call("GET", f"customers/{quote(EMAIL)}")
    system.call("GET", f"nothing/{quote(EMAIL)}")
    system.call("PATCH", f"customers/{people[0]['id']}", {"name": f"{NAME} the second", "sms_opted_out": False})
    system.call("POST", "sms/preview", {"name": NAME, "item": ITEM, "amount": "1"})
    system.call("POST", f"orders/{orders[0]['id']}/sms", {"reason": NAME}, idempotency_key="again")
    system.call("POST", f"orders/{orders[1]['id']}/cancel")
    system.call("GET", f"customers/{people[0]['id']}/export")
    report = f"id=ATXid_x&status=Failed&phoneNumber={quote(NUMBER)}&failureReason={quote(EMAIL)}"
    assert webhook(system, "delivery", secret, report) == 200
    assert webhook(system, "delivery", secret[:-1] + "x", report) == 404
    assert webhook(system, "delivery", secret, f"phoneNumber={quote(NUMBER)}&x={quote(EMAIL)}") == 400
    assert webhook(system, "optout", secret, f"phoneNumber={quote(OTHER)}") == 200
    forged = f"{system.token()[:-9]}AAAAAAAAA"
    for token in (forged, f"{NAME.split(maxsplit=1)[0]}.private.token"):
        assert system.call("GET", "orders", token=token).status == 401
    assert system.call("POST", "orders", {}, token=system.token("sales:read")).status == 403
    for each in people:
        assert system.call("POST", f"customers/{each['id']}/erase").status == 200
    parts = [part for token in (system.token(), system.token("sales:read"), forged) for part in token.split(".")[1:]]
    return [order["id"] for order in orders] + parts


def lines_about_orders(logs: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the functions' lines about orders."""
    for text in logs.values():
        for line in text.splitlines():
            if line.startswith("{") and isinstance(found := json.loads(line), dict):
                said = ABOUT_AN_ORDER & {found.get("message"), *found}
                if said and found.get("state") != "kept":
                    yield found


def test_no_log_of_a_whole_story_has_personal_data_or_secrets(own: System) -> None:
    secret = (own.state / "webhook-secret").read_text().strip()
    made = tell(own, secret)
    orders, parts = made[:3], made[3:]

    def logs() -> dict[str, str]:
        return {str(path.relative_to(own.state)): path.read_text(errors="replace") for path in own.state.rglob("*.log")}

    # The logs cover the story: the functions' orders and the API gateway's refusals.
    until(lambda: all(any(order in text for text in logs().values()) for order in orders), seconds=20)
    found = logs()
    about = list(lines_about_orders(found))
    assert {each for line in about for each in ABOUT_AN_ORDER & {line.get("message"), *line}} >= {
        "sms", "batch", "delivery report", "OrdersCreated", "SmsState", "SmsAttempts", "SmsMisconfigured",
    }  # fmt: skip
    assert [line for line in about if not line.get("order_id") and not line.get("order_ids")] == []
    statuses = {json.loads(line)["status"] for line in found["logs/access.log"].splitlines()}
    assert {200, 201, 400, 401, 403, 404, 422} <= statuses
    pem = re.sub(r"-----.*?-----|\s", "", (own.state / "identity.pem").read_text())
    private = {
        "name": NAME.split(maxsplit=1)[0], "surname": "Odhiambo", "e-mail": EMAIL.split("@", maxsplit=1)[0], "item": ITEM,
        **{f"number {number[-3:]}": number[1:] for number in (NUMBER, OTHER, LOST)},
        "API key": (own.state / "sms-api-key").read_text().strip(), "webhook secret": secret, "signing key": pem[40:80], **{f"token's part {n}": part for n, part in enumerate(parts)},
    }  # fmt: skip
    leaked = [
        (name, what) for name, text in found.items() for what, each in private.items() if each.lower() in text.lower()
    ]
    assert leaked == []
    assert own.leaks() == []


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ('{"to": "+254700000871"}', "a number"),
        ("GET /api/v1/sales/customers?phone_number=%2B254700000871", "a number"),
        ("GET /customers?email=somebody%40example.com", "an e-mail address"),
        ("somebody@example.com", "an e-mail address"),
        ("Dear John Doe, your order", "a name"),
        ("Authorization: Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln", "a token"),
        ("POST /webhooks/africastalking/delivery/the-secret-of-the-hook", "the webhook-secret"),
        ('{"order_id": "23b5d81e-eadd-8cfd-93b9-254700000871", "phone_number": "+2547******71"}', None),
    ],
)
def test_every_systems_logs_are_searched_for_secrets(tmp_path: Path, line: str, kind: str | None) -> None:
    (tmp_path / "webhook-secret").write_text("the-secret-of-the-hook\n")
    (tmp_path / "logs").mkdir()
    for name in ("logs/create_order.log", "logs/gateway.log.1", "make-run.log"):
        (tmp_path / name).write_text(f"nothing\n{line}\n")
        assert leaks(tmp_path) == ([f"{name}:2: {kind}"] if kind else [])
        (tmp_path / name).unlink()


@pytest.mark.parametrize(
    "line",
    [
        "Dear Achieng Odhiambo,",
        "?name=achieng%20odhiambo",
        "to 12025550123",
        "achieng%40nowhere",
        "Bearer x.the-claims-of-it.x",
        '{"signature": "the-signature"}',
    ],
)
def test_every_systems_logs_are_searched_for_invented_people(tmp_path: Path, line: str) -> None:
    used = Used()
    used.note({"name": "Achieng Odhiambo", "phone_number": "+12025550123", "email": "achieng@nowhere", "item": "lamp"})
    used.note_token("eyJhbGciOiJSUzI1NiJ9.the-claims-of-it.the-signature")
    (tmp_path / "make-run.log").write_text(f"a lamp, eyJhbGciOiJSUzI1NiJ9, 0-12025550123a\n{line}\n")
    assert leaks(tmp_path, used) == ["make-run.log:2: what the test used"]
