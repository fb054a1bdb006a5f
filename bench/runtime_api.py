"""Run one execution environment: a handler behind AWS's own runtime client, and the cost of each invocation.

This answers the Runtime API, so the process asks for its next event as soon as it is done with the last one. The bench
reads its CPU clock at that moment: the differences are the cost of the start and of each invocation, with all threads,
whatever else the machine was doing.
"""

import json
import os
import queue
import subprocess
import time
import uuid
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self

from bench.build import python

PATIENCE_SECONDS = 300


def cpu_clock(pid: int) -> float:
    """Return the CPU seconds (user and system) of another process, by Linux's clock id: clock_getcpuclockid(3)."""
    return time.clock_gettime((~pid << 3) | 2)


@dataclass(frozen=True)
class Function:
    """A deployed function: `task` is /var/task, `path` the other folders that Lambda has on Python's path."""

    handler: str
    task: Path
    path: tuple[Path, ...]
    environment: dict[str, str]


@dataclass(frozen=True)
class Spent:
    """The cost of an invocation, or of the start."""

    cpu: float
    wall: float
    answer: Any = None


class FunctionError(Exception):
    """The function failed; the text is its own error."""


class Environment:
    """A running execution environment, as a context; `init` is the cost of its start."""

    def __init__(self, function: Function, *prefix: str) -> None:
        self._events: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._asked: queue.SimpleQueue[float] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[float, bytes, bool]] = queue.SimpleQueue()
        environment = self

        class Api(BaseHTTPRequestHandler):
            """The Runtime API."""

            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_GET(self) -> None:
                """Hand out the next event."""
                environment._asked.put(environment._clock())
                request_id, event = environment._events.get()
                self._answer(event, request_id)

            def do_POST(self) -> None:
                """Note the answer, or the error."""
                moment = time.perf_counter()
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.headers.get("Transfer-Encoding") == "chunked":
                    body = b""
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                environment._answers.put((moment, body, self.path.endswith("/error")))
                self._answer(b"{}")

            def _answer(self, body: bytes, request_id: str = "") -> None:
                self.send_response(200 if request_id else 202)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                if request_id:
                    self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
                    self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + 60) * 1000)))
                    self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:1:function:f")
                    self.send_header("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=0")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        variables = {
            "PATH": os.defpath,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "HOME": "/tmp",  # noqa: S108 - as in Lambda
            # /var/task is read-only: without shipped bytecode, each start compiles again.
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join(map(str, function.path)),
            "LAMBDA_TASK_ROOT": str(function.task),
            "_HANDLER": function.handler,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": function.task.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        command = [*prefix, str(python()), "-m", "awslambdaric", function.handler]
        began = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            cwd=function.task,
            env=variables | function.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if prefix else subprocess.DEVNULL,
        )
        self._spent = self._wait(0.0)
        self.init = Spent(self._spent, time.perf_counter() - began)

    def _clock(self) -> float:
        return cpu_clock(self._process.pid)

    def _wait(self, before: float) -> float:
        """Return the CPU clock when the process asks for its next event, minus `before`."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up:
            try:
                return self._asked.get(timeout=0.2) - before
            except queue.Empty:
                if self._process.poll() is not None:
                    answer = self._answers.get()[1].decode() if not self._answers.empty() else "the process ended"
                    raise FunctionError(answer) from None
        raise FunctionError("the function took too long")

    def invoke(self, event: dict[str, Any]) -> Spent:
        """Invoke once. Raise FunctionError if the function raises or answers an HTTP status of 400 or more."""
        raw = json.dumps(event).encode()
        began = time.perf_counter()
        self._events.put((str(uuid.uuid4()), raw))
        ended, body, failed = self._answers.get(timeout=PATIENCE_SECONDS)
        cpu = self._wait(self._spent)
        self._spent += cpu
        answer = json.loads(body)
        if failed or (isinstance(answer, dict) and answer.get("statusCode", 200) >= 400):
            raise FunctionError(body.decode())
        return Spent(cpu, ended - began, answer)

    def peak_memory(self) -> int:
        """Return the largest resident memory of the process so far, in bytes."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))

    def close(self, *, gently: bool = False) -> str:
        """Kill the process, as Lambda does; return its standard error, if that was kept."""
        (self._process.terminate if gently else self._process.kill)()
        _, errors = self._process.communicate(timeout=60)
        self._server.shutdown()
        self._server.server_close()
        return errors.decode() if errors else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
