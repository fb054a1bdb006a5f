"""Webhooks that Africa's Talking did not send, and changed cursors."""

import hmac
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.api import cursors
from sales.domain.problems import Problem
from sales.runtime import secrets
from tests.attacks.conftest import Try
from tests.support.system import System, request

pytestmark = pytest.mark.local
FORM = {"content-type": "application/x-www-form-urlencoded"}


def knock(target: System, secret: str, body: str = "phoneNumber=%2B254700000999") -> int:
    """Send an opt-out with this secret; return the status."""
    return request("POST", target.url(f"/webhooks/africastalking/optout/{secret}"), body, FORM).status


def guesses(secret: str) -> dict[str, str]:
    """Return guesses of an attacker who knows nearly the whole secret."""
    near = {
        f"character {n} changed": secret[:n] + ("a" if secret[n] != "a" else "b") + secret[n + 1 :]
        for n in range(len(secret))
    }
    return near | {
        "cut": secret[:-1], "longer": secret + "a", "in another case": secret.swapcase(), "reversed": secret[::-1],
        "twice": secret * 2, "with a space": secret + "%20", "with NUL": secret + "%00", "with a line break": secret + "%0a",
        "nothing": "%20", "null": "null", "its name": "webhook-secret", "a placeholder": "{secret}", "no ASCII": "%C3%A9",
        "no UTF-8": "%ff", "a surrogate": "%ed%a0%80", "a star": "*", "long": "a" * 4000, "a path": f"x%2f..%2f{secret}",
    }  # fmt: skip


def test_a_guessed_secret_opens_nothing(target: System, tried: Try) -> None:
    secret = (target.state / "webhook-secret").read_text().strip()
    assert knock(target, secret) == 200
    for name, guess in guesses(secret).items():
        status = knock(target, guess)
        tried("Webhook secrets guessed", status != 404)
        assert status == 404, name


def test_a_secret_is_compared_in_constant_time(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    really = hmac.compare_digest
    monkeypatch.setattr(secrets, "_value", lambda *_, **__: "the secret")

    def compare(known: bytes, given: bytes) -> bool:
        compared.append((known, given))
        return really(known, given)

    monkeypatch.setattr(secrets.hmac, "compare_digest", compare)
    assert not secrets.is_webhook_secret("the secreT")
    # Always the whole secret, and always both the current and the previous one.
    assert set(compared) == {(b"the secret", b"the secreT")}
    assert len(compared) == 4


def test_a_replayed_report_changes_nothing_and_sends_nothing(target: System, tried: Try) -> None:
    customer = target.customer(phone_number="+254700000998")
    order = target.order(customer)
    before = target.reaches(order, "delivered")
    secret = (target.state / "webhook-secret").read_text().strip()
    for status in ("Success", "Success", "Failed", "Sent", "Buffered", "Rejected"):
        form = f"id={before['message_id']}&status={status}&phoneNumber=%2B254700000998"
        assert request("POST", target.url(f"/webhooks/africastalking/delivery/{secret}"), form, FORM).status == 200
        after = target.sms(order)
        tried("Delivery reports replayed", after != before)
        assert after == before
    assert len([text for text in target.texts() if text["to"] == "+254700000998"]) == 1


def test_a_report_for_another_number_changes_nothing(target: System, tried: Try) -> None:
    order = target.order(target.customer(phone_number="+254700000997"))
    before = target.reaches(order, "delivered")
    secret = (target.state / "webhook-secret").read_text().strip()
    form = f"id={before['message_id']}&status=Failed&phoneNumber={quote('+254700000996')}&failureReason=UserInBlacklist"
    request("POST", target.url(f"/webhooks/africastalking/delivery/{secret}"), form, FORM)
    tried("Delivery reports replayed", target.sms(order) != before)
    assert target.sms(order) == before


POSITION, FILTERS = "2026-11-23T21:27:00.000001Z#7c0e1b52-6f3d-8a94-b1c8-0e9d4f7a2365", {"customer": "x"}


def opens(cursor: str, filters: dict[str, str]) -> bool:
    try:
        cursors.decode(cursor, "orders", filters)
    except Problem as problem:
        if problem.code != "invalid_cursor":
            raise
        return False
    return True


def test_a_cursor_with_any_byte_changed_is_refused(tried: Try) -> None:
    good = cursors.encode(POSITION, "orders", FILTERS)
    assert opens(good, FILTERS)
    for place in range(len(good)):
        for other in map(chr, range(256)):
            if other != good[place]:
                let_in = opens(good[:place] + other + good[place + 1 :], FILTERS)
                tried("Cursors with a byte changed", let_in)
                assert not let_in
    for changed in (good[:-1], good + "=", good + "A", good * 2, "", good.lower()):
        assert not opens(changed, FILTERS)
    assert not opens(good, {})
    assert not opens(good, {"customer": "y"})


@given(st.text())
def test_random_text_is_never_a_cursor(text: str) -> None:
    assert not opens(text, FILTERS)


def test_the_api_refuses_a_changed_cursor(target: System, tried: Try) -> None:
    for _ in range(2):
        target.customer()
    cursor = target.call("GET", "customers?limit=1").body["next_cursor"]
    for tenth in range(10):
        place = tenth * len(cursor) // 10
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        answer = target.call("GET", f"customers?limit=1&cursor={changed}")
        tried("Cursors with a byte changed", answer.status != 400)
        assert (answer.status, answer.body["code"]) == (400, "invalid_cursor")
