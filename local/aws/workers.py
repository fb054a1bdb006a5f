"""Execution environments: AWS's own runtime client (awslambdaric) in one process per concurrent invocation.

A worker asks its own port for the next invocation, as it would ask Lambda's Runtime API. Its environment is what
Lambda would give it and nothing of this machine's, but for the permissions of its role (local/aws/iam.py).
"""

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from deployment import ACCOUNT, REGION
from deployment.template import Function
from local.aws.iam import environment as permissions
from local.config import Config
from local.system.pids import drop_pid, set_pid

__all__ = ["LARGEST_PAYLOAD", "Pool", "Result", "Worker", "large_requests"]

INIT_SECONDS = 30.0
IDLE_SECONDS = 300.0
# Lambda's own limit for a synchronous invocation, each way.
LARGEST_PAYLOAD = 6 * 1024 * 1024
# What a worker may send: more than the limit, so that it is told of the limit and not of a broken connection.
_LARGEST_ANSWER = 64 * 1024 * 1024
# A worker that ends before it has taken its event did nothing: another one may.
_TRIES = 3

# A worker whose gateway is gone has nobody who ends it at its timeout, so Linux ends it: PR_SET_PDEATHSIG, SIGKILL
# (prctl(2)). Elsewhere it ends when it next asks for an event.
_LINUX = (
    "import ctypes, runpy; ctypes.CDLL(None).prctl(1, 9); "
    "runpy.run_module('awslambdaric', run_name='__main__', alter_sys=True)"
)
_COMMAND = ("-c", _LINUX) if sys.platform == "linux" else ("-m", "awslambdaric")


def large_requests(limit: int) -> Any:
    """What makes aiohttp's requests, with bodies up to this limit (its own is one megabyte)."""

    def make(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        loop = asyncio.get_running_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=limit)

    return make


@dataclass(frozen=True, slots=True)
class Result:
    """What an invocation came to: the function's JSON, or an error's with `failed`."""

    payload: bytes
    failed: bool = False

    @classmethod
    def error(cls, kind: str, message: str) -> "Result":
        """An error as Lambda words its own."""
        return cls(json.dumps({"errorType": kind, "errorMessage": message}).encode(), failed=True)


class _InitError(Exception):
    """The worker never became ready; the result is what its invocation is answered with."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.result = result


class Worker:
    """One execution environment: a process that handles one invocation at a time."""

    def __init__(self, function: Function, number: int, config: Config) -> None:
        self.function = function
        self.name = f"worker-{function.name}-{number}"
        self.number = number
        self.idle_since = time.monotonic()
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._config = config
        # Filled also before the worker asks: it may not have come back from the invocation before.
        self._events: asyncio.Queue[tuple[str, bytes, float]] = asyncio.Queue()
        self._answer: asyncio.Future[Result | None] | None = None
        self._current = ""
        self._taken = False
        self._noted = False
        self._killed = False
        self._process: asyncio.subprocess.Process | None = None
        self._server: asyncio.Server | None = None

    @property
    def alive(self) -> bool:
        """Whether the process runs and is to go on running."""
        return self._process is not None and self._process.returncode is None and not self._killed

    async def start(self) -> None:
        """Starts the process; `ready` is done when its handler is imported, or failed when it could not be."""
        api = web.Server(
            self._api,
            access_log=None,
            request_factory=large_requests(_LARGEST_ANSWER),
            # An event is not handed to a connection whose process is gone.
            handler_cancellation=True,
        )
        self._server = await asyncio.get_running_loop().create_server(api, "127.0.0.1", 0)
        address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self._config.logs.mkdir(parents=True, exist_ok=True)
        with (self._config.logs / f"{self.function.name}.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *_COMMAND, self.function.handler,
                cwd=self._config.root, env=self._environment(address),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        set_pid(self._config.state, self.name, self._process.pid)
        if self._killed:
            self._process.kill()

    def _environment(self, address: str) -> dict[str, str]:
        function, root = self.function, self._config.root
        own = {
            "PATH": os.defpath,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": f"{root}:{root / 'shared'}",
            "LAMBDA_TASK_ROOT": str(root),
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.function_name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": self.name,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        # A variable that the template does not give the function would not be there on AWS either.
        here = {name: value for name, value in self._config.overrides.items() if name in function.environment}
        role = permissions(function.name, function.statements, self._config.state)
        return own | function.logging | function.environment | here | role

    async def watch(self) -> None:
        """Waits for the process's end, and tells whoever waits for it."""
        assert self._process  # noqa: S101 - only a started worker is watched
        code = await self._process.wait()
        drop_pid(self._config.state, self.name, self._process.pid)
        self.close()
        how = f"signal: {-code}" if code < 0 else f"exit status {code}"
        ended = Result.error("Runtime.ExitError", f"RequestId: {self._current} Error: Runtime exited with error: {how}")
        if self._answer and not self._answer.done():
            if self._taken and self._noted:
                self._log(lost=True)
            self._answer.set_result(ended if self._taken else None)
        if not self.ready.done():
            self.ready.set_exception(_InitError(ended))

    def close(self) -> None:
        """Gives the port back."""
        if self._server:
            self._server.close()

    async def run(self, event: bytes) -> Result | None:
        """The function's answer to this event, or None if the process ended before it had taken it.

        At the function's timeout the process is killed, as Lambda does.
        """
        if not self.alive:
            return None
        timeout = self.function.timeout
        self._current, self._taken = str(uuid.uuid4()), False
        self._answer = asyncio.get_running_loop().create_future()
        self._events.put_nowait((self._current, event, time.time() + timeout))
        try:
            return await asyncio.wait_for(self._answer, timeout)
        except TimeoutError:
            self.kill()
            return Result.error(
                "Sandbox.Timedout", f"RequestId: {self._current} Error: Task timed out after {timeout:.2f} seconds"
            )
        finally:
            self.idle_since = time.monotonic()

    def kill(self) -> None:
        """Ends the process at once; it is given no more events."""
        self._killed = True
        if self._process and self._process.returncode is None:
            self._process.kill()

    async def _api(self, request: web.BaseRequest) -> web.StreamResponse:
        # Lambda's Runtime API, https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
        path = request.path
        if path.endswith("/invocation/next"):
            return await self._next()
        body = await request.read()
        if path.endswith("/init/error"):
            if not self.ready.done():
                self.ready.set_exception(_InitError(Result(body, failed=True)))
        elif self._current in path and self._answer and not self._answer.done():
            if len(body) > LARGEST_PAYLOAD:
                message = "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
                self._answer.set_result(Result.error("Function.ResponseSizeTooLarge", message))
            else:
                self._answer.set_result(Result(body, failed=path.endswith("/error")))
        return web.Response(status=202, body=b'{"status":"OK"}', content_type="application/json")

    async def _next(self) -> web.StreamResponse:
        if not self.ready.done():
            self.ready.set_result(None)
        request_id, event, deadline = await self._events.get()
        self._taken = True
        self._noted = self._note(event)
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function.function_name}"
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": arn,
            "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
        }
        return web.Response(body=event, content_type="application/json", headers=headers)

    def _note(self, event: bytes) -> bool:
        """Writes down which process has a stream's batch or a part of a sweep; what came over HTTP is in access.log."""
        if b'"requestContext"' in event:
            return False
        try:
            document = json.loads(event)
            if "Records" in document:
                what = {"keys": [record["dynamodb"]["Keys"] for record in document["Records"]]}
            else:
                what = {name: document[name] for name in ("part", "parts")}
        except (ValueError, KeyError, TypeError):
            return False  # somebody's own event
        self._log(**what)
        return True

    def _log(self, **what: Any) -> None:
        pid = self._process.pid if self._process else None
        line = {"time": datetime.now(UTC).isoformat(), "worker": self.name, "pid": pid, "request_id": self._current}
        with (self._config.logs / "invocations.log").open("a") as log:
            log.write(json.dumps(line | what) + "\n")


class Pool:
    """One function's workers: as many as are needed at once, up to the limit; beyond it invocations queue."""

    def __init__(
        self, function: Function, config: Config, limit: int, make_room: Callable[[], None] = lambda: None
    ) -> None:
        self.function = function
        self.idle: list[Worker] = []
        self._config = config
        self._limit = limit
        self._make_room = make_room
        # Also those that are starting or ending, by the number in their name.
        self._workers: dict[int, Worker] = {}
        self._starting = 0
        self._waiting: deque[asyncio.Future[Worker]] = deque()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def size(self) -> int:
        """How many processes there are."""
        return len(self._workers)

    async def invoke(self, event: bytes) -> Result:
        """The function's answer to one event.

        Whoever gives up while the event waits for a worker takes it back; once the function has it, it runs to its end.
        """
        for _ in range(_TRIES):
            try:
                worker = await self._take()
            except _InitError as error:
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
        """Has a worker ready before the first event."""
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
            return  # its end is watched, and then another one started if any is needed
        if waiter := self._next_waiter():
            waiter.set_result(worker)
        else:
            self.idle.append(worker)

    def _fill(self) -> None:
        """Starts a worker for each invocation that has none, up to the limit."""
        while not self._closed and len(self._workers) < self._limit:
            if self._starting >= sum(not waiter.done() for waiter in self._waiting):
                return
            self._spawn()

    def _spawn(self) -> None:
        self._make_room()
        number = next(each for each in range(1, self._limit + 1) if each not in self._workers)
        worker = self._workers[number] = Worker(self.function, number, self._config)
        self._starting += 1
        self._keep(self._start(worker))

    def _keep[Found](self, coroutine: Coroutine[Any, Any, Found]) -> asyncio.Task[Found]:
        # The loop itself holds its tasks only weakly.
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
        except _InitError as error:
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
            waiter.set_exception(_InitError(failure))
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
        """Ends an idle worker."""
        self.idle.remove(worker)
        worker.kill()

    def end_idle(self) -> None:
        """Ends the workers that have had nothing to do for minutes, but one."""
        long_ago = time.monotonic() - IDLE_SECONDS
        for worker in [each for each in self.idle[:-1] if each.idle_since < long_ago]:
            self.end(worker)

    async def close(self) -> None:
        """Ends all workers at once, and returns when they have ended."""
        self._closed = True
        for worker in self._workers.values():
            worker.kill()
        while self._tasks:
            await asyncio.wait(self._tasks)
