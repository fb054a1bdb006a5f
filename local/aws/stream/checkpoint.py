"""How far each shard of a stream is settled, kept in a file."""

import asyncio
import json
import os
import threading
from pathlib import Path

__all__ = ["Checkpoint"]


class Checkpoint:
    """The settled positions of one stream. A write is on the disk when it returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream = ""
        self._settled: dict[str, str] = {}
        self._finished: set[str] = set()
        self._changed = asyncio.Event()
        self._writing = threading.Lock()

    def open(self, stream: str) -> None:
        """Read the positions of this stream; those of another stream (the table was recreated) do not count."""
        try:
            saved = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            saved = {}
        if saved.get("stream") != stream:
            saved = {}
        self._stream = stream
        self._settled = dict(saved.get("settled", {}))
        self._finished = set(saved.get("finished", []))

    def settled(self, shard: str) -> str | None:
        """Return the sequence number up to which every record of the shard is settled, or None."""
        return self._settled.get(shard)

    def finished(self, shard: str) -> bool:
        """Whether the shard was read to its end."""
        return shard in self._finished

    def move(self, shard: str, sequence: str) -> None:
        """Note that the shard is settled up to this sequence number."""
        self._settled[shard] = sequence
        self._changed.set()

    def forget(self, shard: str) -> None:
        """Drop the shard's position."""
        self._settled.pop(shard, None)
        self._changed.set()

    def finish(self, shard: str) -> None:
        """Note that the shard was read to its end."""
        self._settled.pop(shard, None)
        self._finished.add(shard)
        self._changed.set()

    async def keep(self) -> None:
        """Write every change, until cancelled."""
        while True:
            await self._changed.wait()
            await self.write()

    async def write(self) -> None:
        """Write the changes since the last write."""
        if self._changed.is_set():
            self._changed.clear()
            state = {"stream": self._stream, "settled": self._settled, "finished": sorted(self._finished)}
            await asyncio.to_thread(self._write, json.dumps(state))

    def _write(self, text: str) -> None:
        # A cancelled write may still be running when the last one begins.
        with self._writing:
            draft = self._path.with_suffix(".new")
            with draft.open("w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
