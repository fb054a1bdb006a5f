"""One event source mapping at work: it reads the shards of its table's stream, each after its parent."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from deployment.template import EventSourceMapping
from local.aws.dynamodb import DatabaseError
from local.aws.event_patterns import check
from local.aws.invoke_client import Functions
from local.aws.stream.checkpoint import Checkpoint
from local.aws.stream.client import GONE, Streams
from local.aws.stream.delivery import Delivery
from local.aws.stream.shard import Shard

__all__ = ["StreamMapping"]

# How often to look for new shards.
SHARDS_SECONDS = 5.0
# How long functions may take to finish once the mapping stops.
DRAIN_SECONDS = 5.0
log = logging.getLogger(__name__)


class StreamMapping:
    """A mapping of the template. Raises ValueError for a filter that `check` refuses."""

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
        self.delivery = Delivery(mapping, functions, state / "on-failure", clock)
        self._streams = streams
        self._checkpoint = Checkpoint(state / f"stream-{mapping.table}-{mapping.function}.json")

    def stop(self) -> None:
        """Tell `run` to return as soon as the function has finished its current batches."""
        self.delivery.stopping.set()

    async def run(self) -> None:
        """Deliver until `stop`; then wait up to DRAIN_SECONDS for the function to finish."""
        keeping = asyncio.create_task(self._checkpoint.keep())
        try:
            while not self.delivery.stopping.is_set():
                try:
                    await self._run_stream()
                except DatabaseError as error:
                    log.warning("%s: %s", self.delivery.mapping.table, error)
                    await self.delivery.pause(1.0)
        finally:
            keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeping
            await self._checkpoint.write()

    async def _run_stream(self) -> None:
        arn = await self._streams.stream_of(self.delivery.mapping.table)
        self._checkpoint.open(arn)
        readers: dict[str, asyncio.Task[None]] = {}
        try:
            while not self.delivery.stopping.is_set():
                for name in await self._readable(arn):
                    if name not in readers:
                        shard = Shard(self.delivery, self._streams, self._checkpoint, arn, name)
                        readers[name] = asyncio.create_task(shard.run())
                stopping = asyncio.create_task(self.delivery.stopping.wait())
                active = {task for task in readers.values() if not task.done()}
                await asyncio.wait({stopping, *active}, timeout=SHARDS_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                stopping.cancel()
                for task in readers.values():
                    if task.done():
                        task.result()
        finally:
            await _finish(readers.values())

    async def _readable(self, arn: str) -> list[str]:
        """Return the shards whose parent is finished; no new ones while the database does not answer."""
        try:
            shards = await self._streams.shards(arn)
        except DatabaseError as error:
            if error.kind in GONE:
                raise
            log.warning("%s: %s", self.delivery.mapping.table, error)
            return []
        names = {shard["ShardId"] for shard in shards}
        return [
            shard["ShardId"]
            for shard in shards
            if not self._checkpoint.finished(shard["ShardId"])
            and (shard.get("ParentShardId") not in names or self._checkpoint.finished(shard["ParentShardId"]))
        ]


async def _finish(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Give tasks DRAIN_SECONDS to end, then cancel them."""
    running = [task for task in tasks if not task.done()]
    if running:
        _, late = await asyncio.wait(running, timeout=DRAIN_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
