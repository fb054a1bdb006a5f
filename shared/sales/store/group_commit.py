"""Group commit: writes of many threads in few calls of the store. Pure.

What is asked for while a write is under way goes out together in the next one. A lone write waits for nothing.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence

__all__ = ["GroupCommit"]


class _Asked[Put]:
    def __init__(self, puts: Sequence[tuple[str, Put]]) -> None:
        self.puts = puts
        self.written: bool | None = None
        # Set when it is written, or not, or when it is this one's turn to write.
        self.go = threading.Event()


class GroupCommit[Put]:
    """Safe to share between threads. `write` writes the puts it gets, at most so many: all of them, or none (False)."""

    def __init__(self, write: Callable[[Sequence[Put]], bool], most: int) -> None:
        self._write = write
        self._most = most
        self._lock = threading.Lock()
        self._asked: deque[_Asked[Put]] = deque()
        self._writing = False

    def put(self, *puts: tuple[str, Put]) -> bool:
        """Whether these puts, each with its key, were written: all of them, or none.

        False also where it was another's put of their group that kept it from being written, or the store: whoever
        is told so tries by itself, and learns then. What `write` raises for these puts alone is raised.
        """
        mine = _Asked(puts)
        with self._lock:
            self._asked.append(mine)
            wait, self._writing = self._writing, True
        # Each waits for a signal of its own: a lock for all would go from hand to hand before the next could write.
        if wait:
            mine.go.wait()
        return self._lead() if mine.written is None else mine.written

    def _lead(self) -> bool:
        """Writes for the thread that has waited longest, which calls this, and for all that fit beside it."""
        with self._lock:
            group = self._next()
        written = False
        try:
            written = self._write([put for asked in group for _, put in asked.puts])
        except Exception:
            if len(group) == 1:
                raise
        finally:
            with self._lock:
                self._writing = bool(self._asked)
                if self._asked:
                    self._asked[0].go.set()
            for asked in group:
                asked.written = written
                asked.go.set()
        return written

    def _next(self) -> list[_Asked[Put]]:
        """Those that have waited longest, as many as fit; no key twice, which a transaction would refuse."""
        group = [self._asked.popleft()]
        keys = {key for key, _ in group[0].puts}
        while self._asked:
            more = {key for key, _ in self._asked[0].puts}
            if len(keys) + len(more) > self._most or not keys.isdisjoint(more):
                break
            keys |= more
            group.append(self._asked.popleft())
        return group
