"""Money on the whole system: an empty account holds texts back by itself, and the API shows the state of sending."""

from decimal import Decimal
from typing import Any

import pytest

from tests.support.system import System, until

pytestmark = pytest.mark.local
PATHS = tuple(f"{base}/sms/status{slash}" for base in ("/api/v1/sales", "/ap1/v1/sales") for slash in ("", "/"))


@pytest.fixture(autouse=True)
def kind(system: System) -> None:
    system.behave()


def status(system: System) -> dict[str, Any]:
    answer = system.call("GET", PATHS[0], token=system.token("sales:read"))
    assert answer.status == 200
    body: dict[str, Any] = answer.body
    return body


def test_an_empty_account_holds_a_text_back_until_it_has_money_again(system: System) -> None:
    system.behave(balance="KES 0.79")
    order = system.order(system.customer(phone_number="+254700000181"))
    waits = until(lambda: sms if (sms := system.sms(order))["reason"] else None)
    assert (waits["status"], waits["reason"], waits["message_id"]) == ("queued", "InsufficientBalance", None)
    assert status(system)["queued"] >= 1
    system.behave()
    system.reaches(order, "delivered")
    assert len([text for text in system.texts() if text["to"] == "+254700000181"]) == 1


def test_the_balance_is_read_soon_after_the_start(system: System) -> None:
    balance = until(lambda: status(system)["balance"])
    assert balance["currency"] == "KES"
    assert 0 < Decimal(balance["amount"]) <= 1_000_000
    assert status(system)["days_left"] is None


def test_a_refused_key_shows_as_a_pause_that_ends(system: System) -> None:
    system.behave(default="bad_key")
    order = system.order(system.customer(phone_number="+254700000182"))
    # The count and the oldest are two reads: for a moment an order just created can be in only one of them.
    paused = until(lambda: (now := status(system))["sending"] == "paused" and now["oldest_queued_at"] and now)
    assert (paused["reason"], paused["queued"] >= 1) == ("bad_key", True)
    assert paused["until"] > paused["oldest_queued_at"]
    system.behave()
    system.reaches(order, "delivered")
    assert until(lambda: status(system)["sending"] == "on")


@pytest.mark.parametrize("path", PATHS)
def test_the_state_of_sending_needs_the_scope_to_read(path: str, system: System) -> None:
    assert system.call("GET", path, token=system.token("sales:read")).status == 200
    assert system.call("GET", path, token=system.token("sales:write")).status == 403
    assert system.call("GET", path, token="").status == 401
