"""How a mapping's records reach its function: batches, retries, bisecting, and records that are given up."""

import asyncio
import contextlib
import json
import logging
import os
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deployment import ACCOUNT, REGION
from deployment.template import EventSourceMapping
from local.aws.event_patterns import matches
from local.aws.invoke_client import Functions, NotInvokedError
from local.aws.stream.record import Record, payload
from local.backoff import backoff

__all__ = ["Delivery", "Lane", "either"]

# The first and the longest wait after a failure of the function.
RETRY_SECONDS = (0.25, 10.0)
# The first and the longest wait while the function or the database cannot be reached.
UNREACHED_SECONDS = (0.1, 2.0)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Everything a mapping's shards and lanes share; `destination` is the folder for records that were given up."""

    mapping: EventSourceMapping
    functions: Functions
    destination: Path
    clock: Callable[[], float] = time.time
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def pause(self, seconds: float) -> None:
        """Wait, but return as soon as the mapping stops."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)

    def wants(self, event: Mapping[str, Any]) -> bool:
        """Whether a filter of the mapping lets the record through."""
        return not self.mapping.filters or any(matches(pattern, event) for pattern in self.mapping.filters)

    def give_up(self, records: Sequence[Record], shard: str, condition: str, failures: int, answer: bytes) -> None:
        """Log the records and, if the template names a destination, store the invocation there as S3 gets it."""
        function = self.mapping.function
        log.error("%s: gave up %d records: %s: %s", function, len(records), condition, answer.decode(errors="replace"))
        if not self.mapping.has_destination:
            return
        now = datetime.now(UTC)
        first, last = records[0], records[-1]
        document = {
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}",
                "condition": condition,
                "approximateInvokeCount": failures,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "DDBStreamBatchInfo": {
                "shardId": shard,
                "startSequenceNumber": first.identifier,
                "endSequenceNumber": last.identifier,
                "approximateArrivalOfFirstRecord": _time(first.created),
                "approximateArrivalOfLastRecord": _time(last.created),
                "batchSize": len(records),
                "streamArn": first.event["eventSourceARN"],
            },
            "payload": payload(records).decode(),
        }
        self.destination.mkdir(parents=True, exist_ok=True)
        path = self.destination / f"{function}-{now:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}.json"
        draft = path.with_suffix(".new")
        with draft.open("w") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Records that go together; `failures` counts how often the first of them has failed."""

    records: list[Record]
    failures: int = 0


class Lane:
    """Hands its part of a shard to the function, one batch after the other."""

    def __init__(self, delivery: Delivery, shard: str, settle: Callable[[list[Record]], None]) -> None:
        self._delivery = delivery
        self._shard = shard
        self._settle = settle
        self._queue: deque[Record] = deque()
        self._filled = asyncio.Event()
        self._closed = asyncio.Event()

    def put(self, record: Record) -> None:
        """Queue a record."""
        self._queue.append(record)
        self._filled.set()

    def close(self) -> None:
        """Note that no more records will come."""
        self._closed.set()

    async def run(self) -> None:
        """Deliver until the lane is closed and empty, or the mapping stops."""
        stopping, mapping = self._delivery.stopping, self._delivery.mapping
        while not stopping.is_set():
            if not self._queue:
                if self._closed.is_set():
                    return
                self._filled.clear()
                await either(self._filled, self._closed, stopping)
                continue
            if len(self._queue) < mapping.batch_size and mapping.window and not self._closed.is_set():
                await self._fill()
                if stopping.is_set():
                    return
            records = [self._queue.popleft() for _ in range(min(mapping.batch_size, len(self._queue)))]
            await self._deliver(records)

    async def _fill(self) -> None:
        """Wait for a full batch, but no longer than the batching window."""
        stopping, mapping = self._delivery.stopping, self._delivery.mapping
        end = time.monotonic() + mapping.window
        while len(self._queue) < mapping.batch_size and not self._closed.is_set() and not stopping.is_set():
            left = end - time.monotonic()
            if left <= 0:
                return
            self._filled.clear()
            await either(self._filled, self._closed, stopping, seconds=left)

    async def _deliver(self, records: list[Record]) -> None:
        """Return when every record is settled, or the mapping stops."""
        delivery = self._delivery
        pending = [_Batch(records)]
        unreached = 0
        while pending and not delivery.stopping.is_set():
            batch = self._without_old(pending.pop())
            if not batch.records:
                continue
            try:
                answer = await delivery.functions.invoke(delivery.mapping.function, payload(batch.records))
            except NotInvokedError as error:
                # Not the record's fault: this does not count as a failure, and goes on until the record is too old.
                unreached += 1
                if unreached == 1:
                    log.warning("%s was not invoked: %s", delivery.mapping.function, error)
                pending.append(batch)
                await delivery.pause(backoff(unreached, *UNREACHED_SECONDS))
                continue
            unreached = 0
            pending += reversed(await self._after(batch, answer.payload, failed=answer.failed))

    async def _after(self, batch: _Batch, answer: bytes, *, failed: bool) -> list[_Batch]:
        """Settle what this answer settles, and return the batches that are still to be delivered."""
        delivery, mapping, records = self._delivery, self._delivery.mapping, batch.records
        if not failed:
            first = _first_failure(records, answer) if mapping.partial_responses else None
            if first is None:
                self._settle(records)
                return []
            self._settle(records[:first])
            # Lambda delivers everything from the first failed record on again. The failure is that record's.
            batch = _Batch(records[first:], batch.failures if first == 0 else 0)
        elif mapping.bisect and len(records) > 1:
            log.warning("%s failed, the batch of %d is halved: %s", mapping.function, len(records), _text(answer))
            await delivery.pause(RETRY_SECONDS[0])
            half = len(records) // 2
            # Halving uses up no retry.
            return [_Batch(records[:half], batch.failures), _Batch(records[half:], batch.failures)]
        failures = batch.failures + 1
        if 0 <= mapping.retries < failures:
            delivery.give_up(batch.records, self._shard, "RetryAttemptsExhausted", failures, answer)
            self._settle(batch.records)
            return []
        log.warning("%s: a batch of %d failed: %s", mapping.function, len(batch.records), _text(answer))
        await delivery.pause(backoff(failures, *RETRY_SECONDS))
        return [_Batch(batch.records, failures)]

    def _without_old(self, batch: _Batch) -> _Batch:
        limit = self._delivery.mapping.max_age
        if limit < 0:
            return batch
        oldest = self._delivery.clock() - limit
        expired = [record for record in batch.records if record.created < oldest]
        if not expired:
            return batch
        self._delivery.give_up(expired, self._shard, "RecordAgeExceeded", batch.failures, b"")
        self._settle(expired)
        return _Batch([record for record in batch.records if record.created >= oldest], batch.failures)


def _first_failure(records: list[Record], answer: bytes) -> int | None:
    """Return the place of the first record that the function reports as failed, or None.

    An answer that names no record, or one outside the batch, fails the whole batch.
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    try:
        document = json.loads(answer or b"null")
    except ValueError:
        return 0
    failures = document.get("batchItemFailures") if isinstance(document, dict) else None
    if not failures:
        return None
    if not isinstance(failures, list):
        return 0
    places: dict[Any, int] = {record.identifier: place for place, record in enumerate(records)}
    return min(places.get(entry.get("itemIdentifier"), 0) if isinstance(entry, dict) else 0 for entry in failures)


def _text(answer: bytes) -> str:
    return answer[:500].decode(errors="replace")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def either(*events: asyncio.Event, seconds: float | None = None) -> None:
    """Return when one of the events is set, or the time is up."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
