"""The soak's own judgement: what explains an `unknown`, and what does not."""

from collections import Counter, defaultdict
from typing import Any

import pytest

from bench.soak import SHARES, Evidence, Kill, script
from sales.orders import due_shard

CLAIM, ORDER, TEXT = 1_800_000_000.0, "01-an-order", "Dear you"


def at(offset: float) -> str:
    from datetime import UTC, datetime

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
    invocations = defaultdict(list)
    for each in noted:
        invocations[each["pid"]].append(each)
    return Evidence(asked, [kill], invocations)


BATCH = {"time": at(-0.1), "pid": 7, "keys": [{"id": {"S": "another"}}, {"id": {"S": ORDER}}]}
PART = int(due_shard(ORDER)) % 2


@pytest.mark.parametrize(
    ("kill", "noted", "explained"),
    [
        (Kill(CLAIM + 0.5, "worker-send_sms-1", 7), [BATCH], True),
        (Kill(CLAIM + 2.5, "worker-send_sms-1", 7), [BATCH], False),
        (Kill(CLAIM - 0.5, "worker-send_sms-1", 7), [BATCH], False),
        (Kill(CLAIM + 0.5, "worker-send_sms-2", 8), [BATCH], False),
        (Kill(CLAIM + 0.5, "worker-create_order-1", 7), [BATCH], False),
        (Kill(CLAIM + 0.5, "worker-send_sms-1", 7), [{**BATCH, "keys": [{"id": {"S": "another"}}]}], False),
        # It had the order once, but has another batch since.
        (Kill(CLAIM + 0.5, "worker-send_sms-1", 7), [{**BATCH, "time": at(-3)}, {**BATCH, "keys": []}], False),
        (Kill(CLAIM + 0.5, "worker-sweep_sms-1", 7), [{"time": at(-2), "pid": 7, "part": PART, "parts": 2}], True),
        (Kill(CLAIM + 0.5, "worker-sweep_sms-1", 7), [{"time": at(-2), "pid": 7, "part": 1 - PART, "parts": 2}], False),
        (Kill(CLAIM + 0.5, "worker-sweep_sms-1", 7), [{"time": at(0.2), "pid": 7, "part": PART, "parts": 2}], False),
    ],
)
def test_a_lease_that_ran_out_is_explained_by_the_kill_of_the_worker_that_had_claimed_it(
    kill: Kill, noted: list[dict[str, Any]], explained: bool
) -> None:
    assert evidence(kill, *noted).explains(unknown("lease_expired")) is explained


@pytest.mark.parametrize(("answer", "explained"), [("accept", False), ("http:429", False), ("drop_before", True)])
def test_what_was_ambiguous_for_the_sender_was_so_in_the_sandbox_for_that_very_text(
    answer: str, explained: bool
) -> None:
    kill = Kill(CLAIM + 0.5, "worker-send_sms-1", 7)
    assert evidence(kill, BATCH, answer=answer).explains(unknown("ambiguous")) is explained


def test_the_script_has_its_shares_and_is_the_same_each_time() -> None:
    found = Counter(script(100_000))
    assert script(1000) == script(1000)
    for answer, part in SHARES.items():
        assert found[answer] / 100_000 == pytest.approx(part, abs=0.003)
