"""EventBridge's schedules."""

import asyncio
import contextlib
import json
from datetime import UTC, datetime
from typing import Any

from deployment.template import Schedule
from local.aws.invoke_client import FunctionAnswer, NotInvokedError
from local.aws.schedule import run_schedule, scheduled_event


class Function:
    """Counts its invocations, which take so many seconds; the listed ones fail."""

    def __init__(self, seconds: float = 0.0, *fail: Exception) -> None:
        self.seconds = seconds
        self.fail = list(fail)
        self.running = self.most = self.count = 0

    async def invoke(self, name: str, event: bytes) -> FunctionAnswer:
        assert name == "sweep_sms"
        self.count += 1
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(self.seconds)
        self.running -= 1
        if self.fail:
            raise self.fail.pop()
        return FunctionAnswer(b"{}", failed=self.count % 2 == 0)


def run_for(seconds: float, function: Any, every: float | None = 0.01) -> None:
    async def run() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(run_schedule(Schedule("sweep_sms", 60.0), function, seconds=every), seconds)

    asyncio.run(run())


def test_an_event_looks_as_eventbridge_sends_it() -> None:
    event = json.loads(scheduled_event(Schedule("sweep_sms", 60.0), datetime(2026, 11, 23, 16, 0, tzinfo=UTC)))
    assert event["detail-type"] == "Scheduled Event"
    assert event["source"] == "aws.events"
    assert event["time"] == "2026-11-23T16:00:00Z"
    assert event["resources"] == ["arn:aws:events:eu-west-1:000000000000:rule/sales-sweep_sms"]
    assert event["detail"] == {}


def test_the_schedules_own_input_is_the_whole_event() -> None:
    assert scheduled_event(Schedule("sweep_sms", 60.0, '{"part": 1}'), datetime.now(UTC)) == b'{"part": 1}'


def test_a_function_is_invoked_repeatedly_even_after_a_failure() -> None:
    function = Function(0.0, NotInvokedError("nobody there"))
    run_for(0.2, function)
    assert function.count >= 5


def test_the_templates_rate_applies_unless_another_is_given() -> None:
    function = Function()
    run_for(0.05, function, every=None)
    assert function.count == 1


def test_a_tick_is_skipped_while_an_invocation_runs() -> None:
    function = Function(0.1)
    run_for(0.25, function)
    assert function.most == 1
    assert function.count <= 3
