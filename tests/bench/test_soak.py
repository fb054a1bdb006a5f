"""The soak accepts only two reasons for `unknown`: an ambiguous answer, or a kill after the claim."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Any

import pytest

from bench.soak import LEASE, SHARES, Evidence, Kill, lost, script
from sales.store.items import due_shard

CLAIM, ORDER, TEXT = 1_800_000_000.0, "01-an-order", "Dear you"


def at(offset: float) -> str:
    return datetime.fromtimestamp(CLAIM + offset, UTC).isoformat()


def unknown(cause: str) -> dict[str, Any]:
    history = [
        {"at": at(-1), "status": "queued"},
        {"at": at(0), "status": "sending", "cause": "claimed"},
        {"at": at(15), "status": "unknown", "cause": cause},
    ]
    return {"id": ORDER, "sms": {"text": TEXT, "history": history}}


def evidence(kill: Kill, *noted: dict[str, Any], answer: str = "accept") -> Evidence:
    asked = defaultdict(list, {TEXT: [{"answer": answer}], "Dear other": [{"answer": "drop_after"}]})
    return Evidence(asked, [kill], lost(list(noted)))


BATCH = {"time": at(-0.1), "pid": 7, "request_id": "a", "keys": [{"id": {"S": "another"}}, {"id": {"S": ORDER}}]}
PART = {"time": at(-2), "pid": 7, "request_id": "a", "part": int(due_shard(ORDER)) % 2, "parts": 2}
LOST = {"time": at(0.6), "pid": 7, "request_id": "a", "lost": True}
KILL = Kill(CLAIM + 0.5, "worker-send_sms-1", 7)
SWEEP = Kill(CLAIM + 0.5, "worker-sweep_sms-1", 7)


@pytest.mark.parametrize(
    ("kill", "noted", "explained"),
    [
        (KILL, [BATCH, LOST], True),
        # However slow the process was, if it was killed within its lease.
        (Kill(CLAIM + 9, "worker-send_sms-1", 7), [BATCH, LOST], True),
        (Kill(CLAIM + LEASE + 1, "worker-send_sms-1", 7), [BATCH, LOST], False),
        (Kill(CLAIM - 0.5, "worker-send_sms-1", 7), [BATCH, LOST], False),
        (Kill(CLAIM + 0.5, "worker-send_sms-2", 8), [BATCH, LOST], False),
        (Kill(CLAIM + 0.5, "worker-create_order-1", 7), [BATCH, LOST], False),
        (KILL, [{**BATCH, "keys": [{"id": {"S": "another"}}]}, LOST], False),
        # It had answered before the kill.
        (KILL, [BATCH], False),
        (KILL, [BATCH, {**BATCH, "request_id": "b", "keys": []}, {**LOST, "request_id": "b"}], False),
        (SWEEP, [PART, LOST], True),
        (SWEEP, [{**PART, "part": 1 - PART["part"]}, LOST], False),
        (SWEEP, [{**PART, "time": at(0.2)}, LOST], False),
    ],
)
def test_a_kill_during_the_claim_explains_an_expired_lease(
    kill: Kill, noted: list[dict[str, Any]], explained: bool
) -> None:
    assert evidence(kill, *noted).explains(unknown("lease_expired")) is explained


@pytest.mark.parametrize(("answer", "explained"), [("accept", False), ("http:429", False), ("drop_before", True)])
def test_the_sandbox_explains_an_ambiguous_answer_for_that_text(answer: str, explained: bool) -> None:
    assert evidence(KILL, BATCH, LOST, answer=answer).explains(unknown("ambiguous")) is explained


def test_the_script_has_its_shares_and_is_the_same_each_time() -> None:
    found = Counter(script(100_000))
    assert script(1000) == script(1000)
    for answer, part in SHARES.items():
        assert found[answer] / 100_000 == pytest.approx(part, abs=0.003)
