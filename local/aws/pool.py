"""A function's workers: as many as its concurrent invocations need, up to a limit."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from deployment.template import Function
from local.aws.worker import InitError, Result, Worker
from local.config import Config

__all__ = ["IDLE_SECONDS", "INIT_SECONDS", "Pool"]

INIT_SECONDS = 30.0
IDLE_SECONDS = 300.0
# A worker that ended before it took its event did nothing, so the event may go to another one.
_TRIES = 3


class Pool:
    """The workers of one function. Invocations beyond the limit queue."""

    def __init__(
        self, function: Function, config: Config, limit: int, make_room: Callable[[], None] = lambda: None
    ) -> None:
        self.function = function
        self.idle: list[Worker] = []
        self._config = config
        self._limit = limit
        self._make_room = make_room
        # By the number in their name, including those that are starting or ending.
        self._workers: dict[int, Worker] = {}
        self._starting = 0
        self._waiting: deque[asyncio.Future[Worker]] = deque()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def size(self) -> int:
        """The number of processes."""
        return len(self._workers)

    async def invoke(self, event: bytes) -> Result:
        """Return the function's answer to one event.

        Cancelling withdraws an event that is still queued. Once the function has the event, it runs to its end.
        """
        for _ in range(_TRIES):
            try:
                worker = await self._take()
            except InitError as error:
                return error.result
            if result := await asyncio.shield(self._keep(self._use(worker, event))):
                return result
        return Result.error("Runtime.ExitError", "Error: Runtime exited without providing a reason")

    async def _use(self, worker: Worker, event: bytes) -> Result | None:
        try:
            return await worker.run(event)
        finally:
            self._give_back(worker)

    def warm(self) -> None:
        """Start a worker before the first event."""
        if not self._workers:
            self._spawn()

    async def _take(self) -> Worker:
        while self.idle:
            worker = self.idle.pop()
            if worker.alive:
                return worker
        waiter: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._fill()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and not waiter.exception():
                self._give_back(waiter.result())
            raise

    def _next_waiter(self) -> asyncio.Future[Worker] | None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                return waiter
        return None

    def _give_back(self, worker: Worker) -> None:
        if not worker.alive:
            return  # _watched sees its end, and starts another one if any invocation waits
        if waiter := self._next_waiter():
            waiter.set_result(worker)
        else:
            self.idle.append(worker)

    def _fill(self) -> None:
        """Start a worker for each invocation that has none, up to the limit."""
        while not self._closed and len(self._workers) < self._limit:
            if self._starting >= sum(not waiter.done() for waiter in self._waiting):
                return
            self._spawn()

    def _spawn(self) -> None:
        self._make_room()
        number = next(free for free in range(1, self._limit + 1) if free not in self._workers)
        worker = self._workers[number] = Worker(self.function, number, self._config)
        self._starting += 1
        self._keep(self._start(worker))

    def _keep[T](self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        # The event loop holds its tasks only weakly.
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _start(self, worker: Worker) -> None:
        failure: Result | None = None
        started = False
        try:
            await worker.start()
            started = True
            self._keep(self._watched(worker))
            await asyncio.wait_for(asyncio.shield(worker.ready), INIT_SECONDS)
        except InitError as error:
            failure = error.result
        except TimeoutError:
            failure = Result.error("Sandbox.Timedout", f"Error: Init timed out after {INIT_SECONDS:.2f} seconds")
        except OSError as error:
            failure = Result.error("Runtime.ExitError", f"Error: {error}")
        self._starting -= 1
        if failure is None:
            self._give_back(worker)
            return
        worker.kill()
        if waiter := self._next_waiter():
            waiter.set_exception(InitError(failure))
        if not started:
            worker.close()
            self._forget(worker)

    async def _watched(self, worker: Worker) -> None:
        await worker.watch()
        self._forget(worker)

    def _forget(self, worker: Worker) -> None:
        if self._workers.get(worker.number) is worker:
            del self._workers[worker.number]
        if worker in self.idle:
            self.idle.remove(worker)
        self._fill()

    def end(self, worker: Worker) -> None:
        """End an idle worker."""
        self.idle.remove(worker)
        worker.kill()

    def end_idle(self) -> None:
        """End all but one of the workers that have been idle for IDLE_SECONDS."""
        long_ago = time.monotonic() - IDLE_SECONDS
        for worker in [worker for worker in self.idle[:-1] if worker.idle_since < long_ago]:
            self.end(worker)

    async def close(self) -> None:
        """Kill all workers, and return when they have ended."""
        self._closed = True
        for worker in self._workers.values():
            worker.kill()
        while self._tasks:
            await asyncio.wait(self._tasks)
