"""Lambda's event source mappings on this machine: a table's stream, batch by batch, to a function.

What the template sets means what it means on AWS: batch size, window, filters, parallelization, partial batch
responses, bisecting, limits of retries and age, and the destination of what was given up (here a folder).
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html

Delivery is at least once, in order for each item. How far a shard is settled stands in a file, so that neither a
restart nor a kill -9 loses a record; what was under way then comes again.
"""

import asyncio
import contextlib
import json
import logging
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

import aiohttp

from deployment import ACCOUNT, REGION
from deployment.template import EventSourceMapping
from local.aws.dynamodb import StoreError, request_headers
from local.aws.event_patterns import check, matches
from local.aws.invoke_client import Functions, NotInvokedError

__all__ = ["Checkpoint", "StreamMapping", "Streams", "stream_event"]

POLL_SECONDS = 0.1
# How often a stream is asked for shards that are new.
SHARDS_SECONDS = 5.0
# Records of a shard that may be fetched and not settled.
UNSETTLED = 1000
FETCH = 200
# The first wait after a failure, and the longest; it doubles in between.
RETRY_SECONDS = (0.25, 10.0)
UNREACHED_SECONDS = (0.1, 2.0)
# What stops has so long to let the functions finish.
DRAIN_SECONDS = 5.0
# The shortest sequence number that AWS's own clients accept.
_SEQUENCE_DIGITS = 21
# Errors that say that a position or the whole stream is gone; the rest is tried again.
_GONE = {"TrimmedDataAccessException", "ResourceNotFoundException", "ValidationException"}
log = logging.getLogger(__name__)


class Streams:
    """The store's streams, read over its API."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def call(self, operation: str, *, streams: bool = True, **parameters: Any) -> dict[str, Any]:
        """One answer. Raises StoreError with the store's error type, or with none if the store was not reached."""
        headers = request_headers(operation, streams=streams)
        try:
            async with self._session.post(
                f"{self._url}/", data=json.dumps(parameters).encode(), headers=headers,
                timeout=aiohttp.ClientTimeout(total=20),
            ) as response:  # fmt: skip
                answer: dict[str, Any] = json.loads(await response.read())
                if response.status != 200:
                    kind = str(answer.get("__type", "")).rpartition("#")[2]
                    raise StoreError(f"{operation}: {kind}: {answer.get('message')}", kind)
                return answer
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise StoreError(f"{operation}: {error or type(error).__name__}") from error

    async def stream_of(self, table: str) -> str:
        """The ARN of a table's stream."""
        found = await self.call("DescribeTable", streams=False, TableName=table)
        arn = found["Table"].get("LatestStreamArn")
        if not arn:
            raise StoreError(f"the table {table} has no stream")
        return str(arn)

    async def shards(self, arn: str) -> list[dict[str, Any]]:
        """All shards of a stream."""
        found: list[dict[str, Any]] = []
        more: dict[str, Any] = {}
        while True:
            described = (await self.call("DescribeStream", StreamArn=arn, **more))["StreamDescription"]
            found += described["Shards"]
            last = described.get("LastEvaluatedShardId")
            if not last:
                return found
            more = {"ExclusiveStartShardId": last}


class Checkpoint:
    """How far each shard of one stream is settled, kept in a file. A write is on the disk when it is done."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream = ""
        self._settled: dict[str, str] = {}
        self._finished: set[str] = set()
        self._changed = asyncio.Event()
        self._writing = threading.Lock()

    def open(self, stream: str) -> None:
        """Reads what is kept for this stream; that of another one (its table was made anew) is void."""
        try:
            kept = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            kept = {}
        if kept.get("stream") != stream:
            kept = {}
        self._stream = stream
        self._settled = dict(kept.get("settled", {}))
        self._finished = set(kept.get("finished", []))

    def settled(self, shard: str) -> str | None:
        """The last sequence number up to which everything is settled."""
        return self._settled.get(shard)

    def finished(self, shard: str) -> bool:
        """Whether the shard was read to its end."""
        return shard in self._finished

    def move(self, shard: str, sequence: str) -> None:
        """Everything up to here is settled."""
        self._settled[shard] = sequence
        self._changed.set()

    def forget(self, shard: str) -> None:
        """The position is void."""
        self._settled.pop(shard, None)
        self._changed.set()

    def finish(self, shard: str) -> None:
        """The shard is read to its end."""
        self._settled.pop(shard, None)
        self._finished.add(shard)
        self._changed.set()

    async def keep(self) -> None:
        """Writes what changes, until it is cancelled."""
        while True:
            await self._changed.wait()
            await self.write()

    async def write(self) -> None:
        """Writes what has changed."""
        if self._changed.is_set():
            self._changed.clear()
            kept = {"stream": self._stream, "settled": self._settled, "finished": sorted(self._finished)}
            await asyncio.to_thread(self._write, json.dumps(kept))

    def _write(self, text: str) -> None:
        # One that was cancelled is still at it while the last one begins.
        with self._writing:
            new = self._path.with_suffix(".new")
            with new.open("w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)


@dataclass(slots=True, eq=False)
class Record:
    """One record on its way: `event` as the function gets it, `sequence` as the store counts."""

    sequence: str
    event: dict[str, Any]
    created: float
    settled: bool = False

    @property
    def identifier(self) -> str:
        """The sequence number the function knows it by."""
        return str(self.event["dynamodb"]["SequenceNumber"])


@dataclass(frozen=True, slots=True)
class _Batch:
    """Records that go together; `failures` counts how often the first of them has failed."""

    records: list[Record]
    failures: int = 0


def stream_event(raw: Mapping[str, Any], table: str, stream: str) -> dict[str, Any]:
    """The record as Lambda hands it over: with AWS's region and names, whatever the store calls them."""
    change = dict(raw["dynamodb"])
    sequence = str(change["SequenceNumber"])
    change["SequenceNumber"] = sequence.zfill(_SEQUENCE_DIGITS)
    label = stream.rpartition("/stream/")[2]
    return {
        "eventID": uuid.uuid5(uuid.NAMESPACE_URL, f"{stream}#{sequence}").hex,
        "eventName": raw["eventName"],
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": change,
        **({"userIdentity": raw["userIdentity"]} if raw.get("userIdentity") else {}),
        "eventSourceARN": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}/stream/{label}",
    }


class StreamMapping:
    """One event source mapping at work."""

    def __init__(
        self,
        mapping: EventSourceMapping,
        streams: Streams,
        functions: Functions,
        state: Path,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        for pattern in mapping.filters:
            check(pattern)
        self.mapping = mapping
        self.streams = streams
        self.functions = functions
        self.clock = clock
        self.stopping = asyncio.Event()
        self.checkpoint = Checkpoint(state / f"stream-{mapping.table}-{mapping.function}.json")
        self._destination = state / "on-failure"

    async def run(self) -> None:
        """Works until `stopping` is set and what is with the function has come back, or took too long."""
        keeping = asyncio.create_task(self.checkpoint.keep())
        try:
            while not self.stopping.is_set():
                try:
                    await self._run_stream()
                except StoreError as error:
                    log.warning("%s: %s", self.mapping.table, error)
                    await self.pause(1.0)
        finally:
            keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeping
            await self.checkpoint.write()

    async def _run_stream(self) -> None:
        """Reads one stream: each shard after its parent, as item order wants it."""
        arn = await self.streams.stream_of(self.mapping.table)
        self.checkpoint.open(arn)
        readers: dict[str, asyncio.Task[None]] = {}
        try:
            while not self.stopping.is_set():
                for name in await self._readable(arn):
                    if name not in readers:
                        readers[name] = asyncio.create_task(_Shard(self, arn, name).run())
                stopping = asyncio.create_task(self.stopping.wait())
                active = {task for task in readers.values() if not task.done()}
                await asyncio.wait({stopping, *active}, timeout=SHARDS_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                stopping.cancel()
                for task in readers.values():
                    if task.done():
                        task.result()
        finally:
            await _finish(readers.values())

    async def _readable(self, arn: str) -> list[str]:
        """The shards whose turn it is; none that is new while the store cannot be asked."""
        try:
            shards = await self.streams.shards(arn)
        except StoreError as error:
            if error.kind in _GONE:
                raise
            log.warning("%s: %s", self.mapping.table, error)
            return []
        there = {shard["ShardId"] for shard in shards}
        return [
            shard["ShardId"]
            for shard in shards
            if not self.checkpoint.finished(shard["ShardId"])
            and (shard.get("ParentShardId") not in there or self.checkpoint.finished(shard["ParentShardId"]))
        ]

    async def pause(self, seconds: float) -> None:
        """Waits, but not when stopping."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)

    def wants(self, event: Mapping[str, Any]) -> bool:
        """Whether the record goes to the function."""
        return not self.mapping.filters or any(matches(pattern, event) for pattern in self.mapping.filters)

    def give_up(self, records: list[Record], shard: str, condition: str, failures: int, answer: bytes) -> None:
        """Puts the whole invocation where the template says, as S3 gets it, and lets go of it."""
        function = self.mapping.function
        log.error("%s: gave up %d records: %s: %s", function, len(records), condition, answer.decode(errors="replace"))
        if not self.mapping.has_destination:
            return
        now = datetime.now(UTC)
        first, last = records[0], records[-1]
        kept = {
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
            "payload": _payload(records).decode(),
        }
        self._destination.mkdir(parents=True, exist_ok=True)
        path = self._destination / f"{function}-{now:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}.json"
        with path.with_suffix(".new").open("w") as file:
            json.dump(kept, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        path.with_suffix(".new").replace(path)


class _Shard:
    """Reads one shard and hands its records to lanes: all records of an item go to the same one, in order."""

    def __init__(self, owner: StreamMapping, arn: str, name: str) -> None:
        self._owner = owner
        self._arn = arn
        self._name = name
        self._position = owner.checkpoint.settled(name)
        self._under_way: deque[Record] = deque()
        self._room = asyncio.Event()
        self._room.set()
        self._lanes = [_Lane(owner, name, self._settle) for _ in range(owner.mapping.parallelization)]

    async def run(self) -> None:
        """Works until the shard is closed and all of it settled, or the mapping stops."""
        lanes = [asyncio.create_task(lane.run()) for lane in self._lanes]
        try:
            await self._read(lanes)
            for lane in self._lanes:
                lane.close()
            await asyncio.gather(*lanes)
        finally:
            for task in lanes:
                task.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
        if not self._under_way and not self._owner.stopping.is_set():
            self._owner.checkpoint.finish(self._name)

    async def _read(self, lanes: list[asyncio.Task[None]]) -> None:
        iterator: str | None = None
        waits = _Backoff(UNREACHED_SECONDS)
        stopping = self._owner.stopping
        while not stopping.is_set():
            for lane in lanes:
                if lane.done():
                    # A fault of this module: end here, and come again from the checkpoint.
                    lane.result()
            if not self._room.is_set():
                await _either(self._room, stopping)
                continue
            try:
                iterator = iterator or await self._iterator()
                answer = await self._owner.streams.call("GetRecords", ShardIterator=iterator, Limit=FETCH)
            except StoreError as error:
                # An iterator lives for minutes, or as long as the store runs: take another one.
                iterator = None
                if error.kind == "TrimmedDataAccessException":
                    self._start_over(error)
                elif waits.first:
                    log.warning("%s: %s", self._name, error)
                await self._owner.pause(waits.next())
                continue
            waits = _Backoff(UNREACHED_SECONDS)
            for raw in answer["Records"]:
                self._take(raw)
            iterator = answer.get("NextShardIterator")
            if iterator is None:
                return
            if not answer["Records"]:
                await self._owner.pause(POLL_SECONDS)

    async def _iterator(self) -> str:
        asked: dict[str, Any] = {"StreamArn": self._arn, "ShardId": self._name}
        if self._position is not None:
            asked |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._position}
            try:
                return str((await self._owner.streams.call("GetShardIterator", **asked))["ShardIterator"])
            except StoreError as error:
                if error.kind not in _GONE:
                    raise
                self._start_over(error)
        asked = {"StreamArn": self._arn, "ShardId": self._name, "ShardIteratorType": "TRIM_HORIZON"}
        found = await self._owner.streams.call("GetShardIterator", **asked)
        return str(found["ShardIterator"])

    def _start_over(self, error: StoreError) -> None:
        # The store has forgotten its stream (ministack does, at each start) or cut its beginning off.
        log.warning("%s: from the beginning, as the position is gone: %s", self._name, error)
        self._position = None
        self._owner.checkpoint.forget(self._name)

    def _take(self, raw: Mapping[str, Any]) -> None:
        event = stream_event(raw, self._owner.mapping.table, self._arn)
        sequence = str(raw["dynamodb"]["SequenceNumber"])
        self._position = sequence
        created = float(raw["dynamodb"].get("ApproximateCreationDateTime") or self._owner.clock())
        record = Record(sequence, event, created)
        self._under_way.append(record)
        if self._owner.wants(event):
            keys = json.dumps(raw["dynamodb"]["Keys"], sort_keys=True).encode()
            self._lanes[crc32(keys) % len(self._lanes)].put(record)
        else:
            self._settle([record])
        if len(self._under_way) >= UNSETTLED:
            self._room.clear()

    def _settle(self, records: list[Record]) -> None:
        for record in records:
            record.settled = True
        reached = None
        while self._under_way and self._under_way[0].settled:
            reached = self._under_way.popleft().sequence
        if reached is not None:
            self._owner.checkpoint.move(self._name, reached)
        if len(self._under_way) < UNSETTLED:
            self._room.set()


class _Lane:
    """Gives one part of a shard to the function, one batch after the other."""

    def __init__(self, owner: StreamMapping, shard: str, settle: Callable[[list[Record]], None]) -> None:
        self._owner = owner
        self._shard = shard
        self._settle = settle
        self._queue: deque[Record] = deque()
        self._filled = asyncio.Event()
        self._closed = asyncio.Event()

    def put(self, record: Record) -> None:
        """One record more."""
        self._queue.append(record)
        self._filled.set()

    def close(self) -> None:
        """No more records will come."""
        self._closed.set()

    async def run(self) -> None:
        """Works until it is closed and empty, or the mapping stops."""
        stopping, size = self._owner.stopping, self._owner.mapping.batch_size
        while not stopping.is_set():
            if not self._queue:
                if self._closed.is_set():
                    return
                self._filled.clear()
                await _either(self._filled, self._closed, stopping)
                continue
            if len(self._queue) < size and self._owner.mapping.window and not self._closed.is_set():
                await self._fill(size)
                if stopping.is_set():
                    return
            records = [self._queue.popleft() for _ in range(min(size, len(self._queue)))]
            await self._deliver(records)

    async def _fill(self, size: int) -> None:
        """Waits for a full batch, no longer than the batching window."""
        end = time.monotonic() + self._owner.mapping.window
        while len(self._queue) < size and not self._closed.is_set() and not self._owner.stopping.is_set():
            left = end - time.monotonic()
            if left <= 0:
                return
            self._filled.clear()
            await _either(self._filled, self._closed, self._owner.stopping, seconds=left)

    async def _deliver(self, records: list[Record]) -> None:
        """Returns when every record is settled, or the mapping stops."""
        left = [_Batch(records)]
        unreached = _Backoff(UNREACHED_SECONDS)
        while left and not self._owner.stopping.is_set():
            batch = self._without_old(left.pop())
            if not batch.records:
                continue
            try:
                answer = await self._owner.functions.invoke(self._owner.mapping.function, _payload(batch.records))
            except NotInvokedError as error:
                # Not the record's fault: tried again until it is too old, and not counted.
                if unreached.first:
                    log.warning("%s was not invoked: %s", self._owner.mapping.function, error)
                left.append(batch)
                await self._owner.pause(unreached.next())
                continue
            unreached = _Backoff(UNREACHED_SECONDS)
            left += reversed(await self._after(batch, answer.payload, failed=answer.failed))

    async def _after(self, batch: _Batch, payload: bytes, *, failed: bool) -> list[_Batch]:
        """What is left to do with a batch after this answer."""
        mapping, records = self._owner.mapping, batch.records
        if not failed:
            first = _first_failure(records, payload) if mapping.partial_responses else None
            if first is None:
                self._settle(records)
                return []
            self._settle(records[:first])
            # From the first that failed on, all of them again; those that follow have not failed themselves.
            batch = _Batch(records[first:], batch.failures if first == 0 else 0)
        elif mapping.bisect and len(records) > 1:
            log.warning("%s failed, the batch of %d is halved: %s", mapping.function, len(records), _text(payload))
            await self._owner.pause(RETRY_SECONDS[0])
            half = len(records) // 2
            # Halving uses up no retry.
            return [_Batch(records[:half], batch.failures), _Batch(records[half:], batch.failures)]
        failures = batch.failures + 1
        if 0 <= mapping.retries < failures:
            self._owner.give_up(batch.records, self._shard, "RetryAttemptsExhausted", failures, payload)
            self._settle(batch.records)
            return []
        log.warning("%s: a batch of %d failed: %s", mapping.function, len(batch.records), _text(payload))
        await self._owner.pause(min(RETRY_SECONDS[0] * 2 ** (failures - 1), RETRY_SECONDS[1]))
        return [_Batch(batch.records, failures)]

    def _without_old(self, batch: _Batch) -> _Batch:
        limit = self._owner.mapping.max_age
        if limit < 0:
            return batch
        oldest = self._owner.clock() - limit
        old = [record for record in batch.records if record.created < oldest]
        if not old:
            return batch
        self._owner.give_up(old, self._shard, "RecordAgeExceeded", batch.failures, b"")
        self._settle(old)
        return _Batch([record for record in batch.records if record.created >= oldest], batch.failures)


def _first_failure(records: list[Record], payload: bytes) -> int | None:
    """Where the first record stands that the function hands back; None if it took all.

    An answer that names no record, or one that was not in the batch, hands back the whole batch.
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    try:
        answer = json.loads(payload or b"null")
    except ValueError:
        return 0
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    if not failures:
        return None
    places: dict[Any, int] = {record.identifier: place for place, record in enumerate(records)}
    if not isinstance(failures, list):
        return 0
    return min(places.get(each.get("itemIdentifier"), 0) if isinstance(each, dict) else 0 for each in failures)


def _payload(records: list[Record]) -> bytes:
    return json.dumps({"Records": [record.event for record in records]}, separators=(",", ":")).encode()


def _text(payload: bytes) -> str:
    return payload[:500].decode(errors="replace")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Backoff:
    """Waits that double."""

    def __init__(self, bounds: tuple[float, float]) -> None:
        self._seconds, self._longest = bounds
        self.first = True

    def next(self) -> float:
        """The next wait."""
        seconds, self._seconds = self._seconds, min(self._seconds * 2, self._longest)
        self.first = False
        return seconds


async def _either(*events: asyncio.Event, seconds: float | None = None) -> None:
    """Returns when one of the events is set, or the time is up."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _finish(tasks: Any) -> None:
    """Lets tasks come to their end for a while, then ends them."""
    tasks = [task for task in tasks if not task.done()]
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
