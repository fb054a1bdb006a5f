"""Group commit: writes of many threads in few calls of the store.

Whatever is asked for while a write is under way goes out together in the next one. A lone write waits for nothing.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from sales.store.table import Conflict

__all__ = ["GROUP", "GroupCommit"]

# Writes that go out together fail together: few enough to be tried again one by one.
GROUP = 50


class _Request[Put]:
    def __init__(self, puts: Sequence[tuple[str, Put]]) -> None:
        self.puts = [put for _, put in puts]
        self.keys = {key for key, _ in puts}
        # Set when the request was answered, or when it is its turn to write.
        self.go = threading.Event()
        self.answered = False
        self.error: Exception | None = None
        # Until it is known that the puts were written, or that they would fail alone as well.
        self.try_alone = True

    def answer(self, error: Exception | None = None) -> None:
        self.error = error
        self.try_alone = False


class GroupCommit[Put]:
    """Safe to share between threads.

    `write` writes the puts it gets, at most `largest`: all or none. It raises Conflict with a list that has for each put
    what was in its way, or None.
    """

    def __init__(self, write: Callable[[Sequence[Put]], None], largest: int) -> None:
        self._write = write
        self._largest = largest
        self._lock = threading.Lock()
        self._waiting: deque[_Request[Put]] = deque()
        self._writing = False

    def put(self, *puts: tuple[str, Put]) -> None:
        """Write these puts, each with its key: all or none. Raise what `write` raises for them alone.

        If their group fails for another's put, or for the store, they are written alone.
        """
        request = _Request(puts)
        with self._lock:
            self._waiting.append(request)
            wait, self._writing = self._writing, True
        # Each request has its own signal: one lock for all would have to pass every thread before the next could write.
        if wait:
            request.go.wait()
        if not request.answered:
            self._lead()
        if request.try_alone:
            self._write(request.puts)
        elif request.error:
            raise request.error

    def _lead(self) -> None:
        """Write for the request that has waited longest, whose thread calls this, and for all that fit with it."""
        with self._lock:
            group = self._next()
        try:
            self._write([put for request in group for put in request.puts])
        except Exception as raised:  # noqa: BLE001 - whatever it is, those it is about raise it
            _blame(group, raised)
        else:
            for request in group:
                request.answer()
        finally:
            with self._lock:
                self._writing = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].go.set()
            for request in group:
                request.answered = True
                request.go.set()

    def _next(self) -> list[_Request[Put]]:
        """Return those that have waited longest, as many as fit; no key twice, which a transaction would refuse."""
        group = [self._waiting.popleft()]
        keys = set(group[0].keys)
        while self._waiting:
            more = self._waiting[0].keys
            if len(keys) + len(more) > self._largest or not keys.isdisjoint(more):
                break
            keys |= more
            group.append(self._waiting.popleft())
        return group


def _blame[Put](group: Sequence[_Request[Put]], raised: Exception) -> None:
    """Answer those who made the write fail; the others try alone."""
    if len(group) == 1:
        group[0].answer(raised)
    elif isinstance(raised, Conflict):
        current = iter(raised.current)
        for request in group:
            in_the_way = list(islice(current, len(request.puts)))
            if any(item is not None for item in in_the_way):
                request.answer(Conflict(in_the_way))
