"""AWS Lambda on this machine: the real runtime client (awslambdaric) in one process per concurrent invocation.

A worker asks its own port for the next invocation, as it would ask Lambda's Runtime API. Its environment is what
Lambda would give it and nothing of this machine's.
"""

import asyncio
import json
import os
import sys
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from local.config import ACCOUNT, REGION, Config
from local.pids import drop_pid, set_pid
from local.template import Function, Template

__all__ = ["Result", "Runtime", "serve"]

INIT_SECONDS = 30.0
IDLE_SECONDS = 300.0
# Enough to keep two cores busy while some workers wait for a slow SMS gateway.
WORKERS = int(os.environ.get("WORKERS") or 4)
# Lambda's own limit for a synchronous invocation, each way.
LARGEST_PAYLOAD = 6 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Result:
    """What an invocation came to: the function's JSON, or an error's with `failed`."""

    payload: bytes
    failed: bool = False

    @classmethod
    def error(cls, kind: str, message: str) -> "Result":
        """An error as Lambda words its own."""
        return cls(json.dumps({"errorType": kind, "errorMessage": message}).encode(), failed=True)


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
        self._answer: asyncio.Future[Result] | None = None
        self._current = ""
        self._process: asyncio.subprocess.Process | None = None
        self._server: asyncio.Server | None = None

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Starts the process; `ready` is done when its handler is imported, or failed when it could not be."""
        api = web.Server(self._api, access_log=None)
        self._server = await asyncio.get_running_loop().create_server(api, "127.0.0.1", 0)
        address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self._config.logs.mkdir(parents=True, exist_ok=True)
        with (self._config.logs / f"{self.function.name}.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "awslambdaric", self.function.handler,
                cwd=self._config.root, env=self._environment(address), stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        set_pid(self._config.state, self.name, self._process.pid)

    def _environment(self, address: str) -> dict[str, str]:
        function, root = self.function, self._config.root
        return {
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
            **function.environment,
            **self._config.overrides,
        }

    async def watch(self) -> None:
        """Waits for the process's end, and tells whoever waits for it."""
        assert self._process  # noqa: S101 - only a started worker is watched
        code = await self._process.wait()
        drop_pid(self._config.state, self.name, self._process.pid)
        if self._server:
            self._server.close()
        ended = Result.error(
            "Runtime.ExitError", f"RequestId: {self._current} Error: Runtime exited with status {code}"
        )
        if self._answer and not self._answer.done():
            self._answer.set_result(ended)
        if not self.ready.done():
            self.ready.set_exception(RuntimeError(f"{self.function.name} ended while it started, see its log"))

    async def run(self, event: bytes) -> Result:
        """The function's answer to this event; at its timeout the process is killed, as Lambda does."""
        timeout = self.function.timeout
        self._current = str(uuid.uuid4())
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
        """Ends the process at once."""
        if self.alive and self._process:
            self._process.kill()

    async def _api(self, request: web.BaseRequest) -> web.StreamResponse:
        # Lambda's Runtime API, https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
        path = request.path
        if path.endswith("/invocation/next"):
            return await self._next()
        body = await request.read()
        if path.endswith("/init/error"):
            if not self.ready.done():
                self.ready.set_exception(RuntimeError(f"{self.function.name} could not be imported, see its log"))
        elif self._current in path and self._answer and not self._answer.done():
            failed = path.endswith("/error")
            too_large = len(body) > LARGEST_PAYLOAD
            self._answer.set_result(
                Result.error(
                    "Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size"
                )
                if too_large
                else Result(body, failed)
            )
        return web.Response(status=202, body=b'{"status":"OK"}', content_type="application/json")

    async def _next(self) -> web.StreamResponse:
        if not self.ready.done():
            self.ready.set_result(None)
        request_id, event, deadline = await self._events.get()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function.function_name}",
            "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
        }
        return web.Response(body=event, content_type="application/json", headers=headers)


class Pool:
    """One function's workers: as many as are needed at once, up to the limit; beyond it invocations queue."""

    def __init__(self, function: Function, config: Config, limit: int) -> None:
        self.function = function
        self._config = config
        self._limit = limit
        self._workers: dict[int, Worker] = {}
        self._idle: list[Worker] = []
        self._waiting: deque[asyncio.Future[Worker]] = deque()
        self._starting = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def invoke(self, event: bytes) -> Result:
        """The function's answer to one event."""
        try:
            worker = await self._take()
        except RuntimeError as error:
            return Result.error("Runtime.InitError", str(error))
        try:
            return await worker.run(event)
        finally:
            self._give_back(worker)

    def warm(self) -> None:
        """Has a worker ready before the first event."""
        if not self._workers:
            self._spawn()

    async def _take(self) -> Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
        waiter: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        if len(self._workers) < self._limit and self._starting < len(self._waiting):
            self._spawn()
        return await waiter

    def _give_back(self, worker: Worker) -> None:
        if not worker.alive:
            self._workers.pop(worker.number, None)
            if any(not waiter.done() for waiter in self._waiting):
                self._spawn()
            return
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(worker)
                return
        self._idle.append(worker)

    def _spawn(self) -> None:
        number = next(each for each in range(1, self._limit + 2) if each not in self._workers)
        worker = self._workers[number] = Worker(self.function, number, self._config)
        self._starting += 1
        self._keep(self._start(worker))

    def _keep(self, coroutine: Any) -> None:
        # The loop itself holds its tasks only weakly.
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start(self, worker: Worker) -> None:
        try:
            await worker.start()
            self._keep(self._watched(worker))
            await asyncio.wait_for(asyncio.shield(worker.ready), INIT_SECONDS)
        except (RuntimeError, OSError, TimeoutError) as error:
            worker.kill()
            self._workers.pop(worker.number, None)
            self._starting -= 1
            while self._waiting:
                waiter = self._waiting.popleft()
                if not waiter.done():
                    waiter.set_exception(RuntimeError(str(error) or "the function took too long to start"))
                    break
            return
        self._starting -= 1
        self._give_back(worker)

    async def _watched(self, worker: Worker) -> None:
        await worker.watch()
        if self._workers.get(worker.number) is worker:
            self._workers.pop(worker.number)
        if worker in self._idle:
            self._idle.remove(worker)

    def end_idle(self) -> None:
        """Ends the workers that have had nothing to do for minutes, but one."""
        long_ago = time.monotonic() - IDLE_SECONDS
        for worker in [each for each in self._idle[:-1] if each.idle_since < long_ago]:
            self._idle.remove(worker)
            worker.kill()

    def kill(self) -> None:
        """Ends all workers at once."""
        for worker in self._workers.values():
            worker.kill()


class Runtime:
    """All functions of the template, to be invoked by folder, function name or logical id."""

    def __init__(self, template: Template, config: Config) -> None:
        self._pools: dict[str, Pool] = {}
        self._names: dict[str, str] = {}
        for function in template.functions.values():
            self._pools[function.name] = Pool(function, config, WORKERS)
            for name in (function.name, function.function_name, function.logical_id):
                self._names[name] = function.name

    def knows(self, name: str) -> bool:
        """Whether there is such a function."""
        return name in self._names

    async def invoke(self, name: str, event: bytes) -> Result:
        """The function's answer. Raises KeyError for a function that is not there."""
        return await self._pools[self._names[name]].invoke(event)

    def warm(self, name: str) -> None:
        """Has a worker of this function ready before its first event."""
        self._pools[name].warm()

    async def keep_tidy(self) -> None:
        """Ends idle workers, for ever."""
        while True:
            await asyncio.sleep(IDLE_SECONDS / 5)
            for pool in self._pools.values():
                pool.end_idle()

    def kill(self) -> None:
        """Ends all workers at once."""
        for pool in self._pools.values():
            pool.kill()


def _aws_error(kind: str, message: str, status: int) -> web.Response:
    return web.json_response({"Type": "User", "Message": message}, status=status, headers={"x-amzn-errortype": kind})


async def serve(runtime: Runtime, config: Config, secrets: Any) -> None:
    """Serves Lambda's Invoke API, and what `secrets` answers under /secretsmanager, on the runtime's port."""
    background: set[asyncio.Task[Result]] = set()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        if parts[0] == "secretsmanager":
            answer: web.Response = await secrets(request)
            return answer
        if request.method != "POST" or parts[:2] != ["2015-03-31", "functions"] or parts[3:] != ["invocations"]:
            return _aws_error("UnknownOperationException", "no such operation here", 404)
        name = parts[2].rpartition(":function:")[2]
        if not runtime.knows(name):
            return _aws_error("ResourceNotFoundException", f"Function not found: {name}", 404)
        event = await request.read() or b"{}"
        if len(event) > LARGEST_PAYLOAD:
            return _aws_error("RequestTooLargeException", "the payload is larger than 6 MB", 413)
        if request.headers.get("X-Amz-Invocation-Type") == "Event":
            task = asyncio.get_running_loop().create_task(runtime.invoke(name, event))
            background.add(task)
            task.add_done_callback(background.discard)
            return web.Response(status=202)
        result = await runtime.invoke(name, event)
        headers: Mapping[str, str] = {"X-Amz-Function-Error": "Unhandled"} if result.failed else {}
        return web.Response(body=result.payload, content_type="application/json", headers=headers)

    server = web.Server(handle, access_log=None, request_factory=large_requests(LARGEST_PAYLOAD + 1024))
    await asyncio.get_running_loop().create_server(server, "127.0.0.1", config.port + 4)


def large_requests(limit: int) -> Any:
    """What makes aiohttp's requests, with bodies up to this limit (its own is one megabyte)."""

    def make(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        loop = asyncio.get_running_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=limit)

    return make
