"""Reads one shard of a stream and spreads its records over lanes."""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Mapping
from typing import Any
from zlib import crc32

from local.aws.dynamodb import DatabaseError
from local.aws.stream.checkpoint import Checkpoint
from local.aws.stream.client import GONE, Streams
from local.aws.stream.delivery import UNREACHED_SECONDS, Delivery, Lane, either
from local.aws.stream.record import Record, stream_event
from local.backoff import backoff

__all__ = ["Shard"]

POLL_SECONDS = 0.1
FETCH = 200
# How many fetched records of a shard may be unsettled.
UNSETTLED = 1000
log = logging.getLogger(__name__)


class Shard:
    """One shard: all records of an item go to the same lane, in order."""

    def __init__(self, delivery: Delivery, streams: Streams, checkpoint: Checkpoint, arn: str, name: str) -> None:
        self._delivery = delivery
        self._streams = streams
        self._checkpoint = checkpoint
        self._arn = arn
        self._name = name
        self._position = checkpoint.settled(name)
        self._in_flight: deque[Record] = deque()
        self._room = asyncio.Event()
        self._room.set()
        self._lanes = [Lane(delivery, name, self._settle) for _ in range(delivery.mapping.parallelization)]

    async def run(self) -> None:
        """Read until the shard is closed and all of it settled, or the mapping stops."""
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
        if not self._in_flight and not self._delivery.stopping.is_set():
            self._checkpoint.finish(self._name)

    async def _read(self, lanes: list[asyncio.Task[None]]) -> None:
        iterator: str | None = None
        failures = 0
        stopping = self._delivery.stopping
        while not stopping.is_set():
            for lane in lanes:
                if lane.done():
                    # A bug in the lane: end here, and start again from the checkpoint.
                    lane.result()
            if not self._room.is_set():
                await either(self._room, stopping)
                continue
            try:
                iterator = iterator or await self._iterator()
                answer = await self._streams.call("GetRecords", ShardIterator=iterator, Limit=FETCH)
            except DatabaseError as error:
                # An iterator lives for minutes, or until the database restarts: get another one.
                iterator = None
                failures += 1
                if error.kind == "TrimmedDataAccessException":
                    self._start_over(error)
                elif failures == 1:
                    log.warning("%s: %s", self._name, error)
                await self._delivery.pause(backoff(failures, *UNREACHED_SECONDS))
                continue
            failures = 0
            for raw in answer["Records"]:
                self._take(raw)
            iterator = answer.get("NextShardIterator")
            if iterator is None:
                return
            if not answer["Records"]:
                await self._delivery.pause(POLL_SECONDS)

    async def _iterator(self) -> str:
        shard = {"StreamArn": self._arn, "ShardId": self._name}
        if self._position is not None:
            start = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._position}
            try:
                return str((await self._streams.call("GetShardIterator", **shard, **start))["ShardIterator"])
            except DatabaseError as error:
                if error.kind not in GONE:
                    raise
                self._start_over(error)
        answer = await self._streams.call("GetShardIterator", **shard, ShardIteratorType="TRIM_HORIZON")
        return str(answer["ShardIterator"])

    def _start_over(self, error: DatabaseError) -> None:
        # The database has forgotten its stream (ministack does so at each start) or trimmed its beginning.
        log.warning("%s: reading from the beginning, since the position is gone: %s", self._name, error)
        self._position = None
        self._checkpoint.forget(self._name)

    def _take(self, raw: Mapping[str, Any]) -> None:
        event = stream_event(raw, self._delivery.mapping.table, self._arn)
        sequence = str(raw["dynamodb"]["SequenceNumber"])
        self._position = sequence
        created = float(raw["dynamodb"].get("ApproximateCreationDateTime") or self._delivery.clock())
        record = Record(sequence, event, created)
        self._in_flight.append(record)
        if self._delivery.wants(event):
            keys = json.dumps(raw["dynamodb"]["Keys"], sort_keys=True).encode()
            self._lanes[crc32(keys) % len(self._lanes)].put(record)
        else:
            self._settle([record])
        if len(self._in_flight) >= UNSETTLED:
            self._room.clear()

    def _settle(self, records: list[Record]) -> None:
        for record in records:
            record.settled = True
        position = None
        while self._in_flight and self._in_flight[0].settled:
            position = self._in_flight.popleft().sequence
        if position is not None:
            self._checkpoint.move(self._name, position)
        if len(self._in_flight) < UNSETTLED:
            self._room.set()
