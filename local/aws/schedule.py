"""EventBridge's schedules on this machine: each invokes its function at its rate, and skips a tick while one runs."""

import asyncio
import json
import logging
import uuid
from datetime import UTC, datetime

from deployment import ACCOUNT, REGION, STACK
from deployment.template import Schedule
from local.aws.invoke_client import Functions, NotInvokedError

__all__ = ["run_schedule", "scheduled_event"]

log = logging.getLogger(__name__)


def scheduled_event(schedule: Schedule, now: datetime) -> bytes:
    """Return the event as EventBridge sends it."""
    if schedule.input is not None:
        return schedule.input.encode()
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{STACK}-{schedule.function}"],
        "detail": {},
    }
    return json.dumps(event).encode()


async def run_schedule(schedule: Schedule, functions: Functions, *, seconds: float | None = None) -> None:
    """Invoke the schedule's function until cancelled, at its own rate or every `seconds`."""
    running: asyncio.Task[None] | None = None
    try:
        while True:
            if running is None or running.done():
                running = asyncio.create_task(_invoke(schedule, functions))
            await asyncio.sleep(seconds or schedule.seconds)
    finally:
        if running:
            running.cancel()


async def _invoke(schedule: Schedule, functions: Functions) -> None:
    try:
        answer = await functions.invoke(schedule.function, scheduled_event(schedule, datetime.now(UTC)))
    except NotInvokedError as error:
        log.warning("%s was not invoked: %s", schedule.function, error)
    else:
        if answer.failed:
            log.warning("%s failed: %s", schedule.function, answer.payload.decode(errors="replace"))
