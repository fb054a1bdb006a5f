"""An execution environment: one process with AWS's own runtime client (awslambdaric).

A worker polls its own port for the next invocation, as it would poll Lambda's Runtime API. It gets the environment that
Lambda would give it, plus the permissions of its role (local/aws/iam.py), and nothing of this machine's.
"""

import asyncio
import hmac
import json
import os
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from deployment import ACCOUNT, REGION
from deployment.template import Function
from local.aws.credentials import session_token
from local.aws.function_log import keep
from local.aws.iam import environment as permissions
from local.aws.secrets_manager import FILES
from local.config import Config
from local.guard import Guard
from local.private_files import new_secret
from local.system.pids import drop_pid, set_pid

__all__ = ["LARGEST_PAYLOAD", "InitError", "Result", "Worker", "large_requests"]

# Lambda's own limit for a synchronous invocation, each way.
LARGEST_PAYLOAD = 6 * 1024 * 1024
# Above the limit, so that a worker hears of the limit rather than lose its connection.
_LARGEST_ANSWER = 64 * 1024 * 1024
_WORKER = """
import ctypes, runpy, sys
from awslambdaric.lambda_runtime_client import BaseLambdaRuntimeClient as Client

if sys.platform == "linux":
    # If the API gateway's process dies, nothing enforces its workers' timeouts, so Linux kills them: PR_SET_PDEATHSIG,
    # SIGKILL (prctl(2)). On other systems a worker ends when it next polls for an event.
    ctypes.CDLL(None).prctl(1, 9)

def call(self, method, endpoint, *rest, call=Client.call_rapid, **options):
    # The address ends in a secret path. The client's C++ part reads it as we want it; for errors at start, its Python part
    # takes all of it for the host.
    self.lambda_runtime_address, _, secret = self.lambda_runtime_address.partition("/")
    call(self, method, f"/{secret}{endpoint}", *rest, **options)

Client.call_rapid = call
runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
"""


def large_requests(limit: int) -> Any:
    """Return a factory of aiohttp requests with bodies up to this limit (the default is one megabyte)."""

    def make(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        loop = asyncio.get_running_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=limit)

    return make


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of an invocation: the function's JSON or, with `failed`, an error's."""

    payload: bytes
    failed: bool = False

    @classmethod
    def error(cls, kind: str, message: str) -> "Result":
        """Return an error in Lambda's own form."""
        return cls(json.dumps({"errorType": kind, "errorMessage": message}).encode(), failed=True)


class InitError(Exception):
    """The worker never became ready; `result` answers its invocation."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.result = result


class Worker:
    """One process, which handles one invocation at a time."""

    def __init__(self, function: Function, number: int, config: Config) -> None:
        self.function = function
        self.name = f"worker-{function.name}-{number}"
        self.number = number
        self.idle_since = time.monotonic()
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._config = config
        # In the path of the worker's address: no one else on this machine may get its events or answer for it.
        self._key = new_secret()
        # May be filled before the worker polls: it may still be returning from its last invocation.
        self._events: asyncio.Queue[tuple[str, bytes, float]] = asyncio.Queue()
        self._answer: asyncio.Future[Result | None] | None = None
        self._current = ""
        self._taken = False
        self._noted = False
        self._killed = False
        self._process: asyncio.subprocess.Process | None = None
        self._logging: asyncio.Task[None] | None = None
        self._server: asyncio.Server | None = None

    @property
    def alive(self) -> bool:
        """Whether the process is running and was not killed."""
        return self._process is not None and self._process.returncode is None and not self._killed

    async def start(self) -> None:
        """Start the process. `ready` completes when its handler is imported, or fails with InitError."""
        api = web.Server(
            Guard().before(self._api),
            access_log=None,
            request_factory=large_requests(_LARGEST_ANSWER),
            # Never hand an event to a connection whose process is gone.
            handler_cancellation=True,
        )
        self._server = await asyncio.get_running_loop().create_server(api, "127.0.0.1", 0)
        address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}/{self._key}"
        self._config.logs.mkdir(parents=True, exist_ok=True)
        # Unbuffered and appending: the function's workers share the file.
        log = (self._config.logs / f"{self.function.name}.log").open("ab", buffering=0)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _WORKER, self.function.handler,
            cwd=self._config.root, env=self._environment(address),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        assert self._process.stdout  # noqa: S101 - it is a pipe
        lowest = self.function.logging.get("AWS_LAMBDA_LOG_LEVEL", "")
        self._logging = asyncio.create_task(keep(self._process.stdout, log, lowest))
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
            "AWS_SESSION_TOKEN": session_token(self._config.state),
        }
        # Leave out variables that the template does not give the function: AWS would not have them either.
        local = {name: value for name, value in self._config.overrides.items() if name in function.environment}
        role = permissions(function.name, function.statements, self._config.state, FILES)
        return own | function.logging | function.environment | local | role

    async def watch(self) -> None:
        """Wait for the process to end, then fail its invocation and its start."""
        assert self._process and self._logging  # noqa: S101, PT018 - only a started worker is watched
        code = await self._process.wait()
        await self._logging
        drop_pid(self._config.state, self.name, self._process.pid)
        self.close()
        how = f"signal: {-code}" if code < 0 else f"exit status {code}"
        ended = Result.error("Runtime.ExitError", f"RequestId: {self._current} Error: Runtime exited with error: {how}")
        if self._answer and not self._answer.done():
            if self._taken and self._noted:
                self._log(lost=True)
            self._answer.set_result(ended if self._taken else None)
        if not self.ready.done():
            self.ready.set_exception(InitError(ended))

    def close(self) -> None:
        """Release the port."""
        if self._server:
            self._server.close()

    async def run(self, event: bytes) -> Result | None:
        """Return the function's answer to this event, or None if the process ended before it took the event.

        Kill the process at the function's timeout, as Lambda does.
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
        """Kill the process; it gets no more events."""
        self._killed = True
        if self._process and self._process.returncode is None:
            self._process.kill()

    async def _api(self, request: web.BaseRequest) -> web.StreamResponse:
        # Lambda's Runtime API, https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
        key, _, path = request.path.removeprefix("/").partition("/")
        if not hmac.compare_digest(key.encode(errors="replace"), self._key.encode()):
            return web.Response(status=403)
        if path.endswith("/invocation/next"):
            return await self._next()
        body = await request.read()
        if path.endswith("/init/error"):
            if not self.ready.done():
                self.ready.set_exception(InitError(Result(body, failed=True)))
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
        """Log which process has a batch of a stream or a part of a sweep; access.log has the HTTP requests."""
        if b'"requestContext"' in event:
            return False
        try:
            document = json.loads(event)
            if "Records" in document:
                content = {"keys": [record["dynamodb"]["Keys"] for record in document["Records"]]}
            else:
                content = {name: document[name] for name in ("part", "parts")}
        except (ValueError, KeyError, TypeError):
            return False  # a person's own event
        self._log(**content)
        return True

    def _log(self, **content: Any) -> None:
        pid = self._process.pid if self._process else None
        line = {"time": datetime.now(UTC).isoformat(), "worker": self.name, "pid": pid, "request_id": self._current}
        with (self._config.logs / "invocations.log").open("a") as log:
            log.write(json.dumps(line | content) + "\n")
