"""A whole local system for tests: its own ports and its own state, used only from outside."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from local.aws.dynamodb import DatabaseClient, choose, wait_until_ready
from local.config import Config
from tests.support.leak_check import Used, leaks

ROOT = Path(__file__).parents[2]
BASE = "/api/v1/sales"
CUSTOMER = {"name": "john doe", "phone_number": "+254704590344", "email": "example@gmail.com"}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """The JSON in it."""
        return json.loads(self.raw)


def request(
    method: str, url: str, body: Any = None, headers: dict[str, str] | None = None, timeout: float = 40
) -> Answer:
    """One HTTP request; whatever is no str or bytes is sent as JSON."""
    given = {name.lower(): value for name, value in (headers or {}).items()}
    data = body
    if body is not None and not isinstance(body, bytes):
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        given.setdefault("content-type", "application/json")
    asked = urllib.request.Request(url, data=data, method=method, headers=given)
    try:
        with urllib.request.urlopen(asked, timeout=timeout) as answer:
            return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())


# Open as long as this process lives: ports that it was given are nobody else's, also before something listens there.
_TAKEN: list[IO[str]] = []
_FIRST_PORT, _LAST_PORT = 18000, 32000


def free_ports(count: int = 5) -> int:
    """The first of so many free ports in a row, at most ten; nobody who asks here gets them again."""
    locks = Path(tempfile.gettempdir()) / "sales-ports"
    locks.mkdir(exist_ok=True)
    every = range(_FIRST_PORT, _LAST_PORT, 10)
    start = os.getpid() % len(every)
    for first in (*every[start:], *every[:start]):
        with ExitStack() as probes, suppress(OSError):
            lock = (locks / str(first)).open("w")
            probes.callback(lock.close)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for port in range(first, first + count):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            # A descriptor of its own, so that leaving this block closes the probes only.
            _TAKEN.append(os.fdopen(os.dup(lock.fileno()), "w"))
            return first
    raise RuntimeError(f"no {count} free ports in a row")


def start_database(config: Config) -> subprocess.Popen[bytes]:
    """The store of such a system by itself, once it answers.

    Raises DatabaseError if there is none here, and OSError if its port is taken: then another's store would answer for it.
    """
    server = choose(config)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", config.port + 3))
    (config.state / "store").mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        server.command, env=os.environ | server.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_until_ready(DatabaseClient(config.database_url))
    return process


def until[Found](look: Callable[[], Found | None], seconds: float = 60, every: float = 0.05) -> Found:
    """What `look` finds, as soon as it finds anything. Raises AssertionError after that many seconds."""
    give_up = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(every)


class System:
    """One local system; `start` and `kill` as often as a test likes."""

    def __init__(self, state: Path, **environment: str) -> None:
        self.state = state
        self.port = free_ports()
        self.environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._tokens: dict[str, str] = {}
        self.used = Used()

    def environ(self) -> dict[str, str]:
        """The environment of every command of this system."""
        kept = {name: value for name, value in os.environ.items() if name not in {"SCOPE", "DYNAMODB_ENDPOINT"}}
        return kept | {
            "PORT": str(self.port),
            "SALES_STATE": str(self.state),
            **self.environment,
        }

    def start(self, *arguments: str) -> None:
        """Starts it and waits until it answers."""
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / "make-run.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local.commands.run", *arguments],
                cwd=ROOT,
                env=self.environ(),
                stdout=log,
                stderr=log,
            )
        try:
            until(self.answers, seconds=40)
        except AssertionError as error:
            names = ("make-run.log", "logs/gateway.log", "logs/check_health.log", "logs/access.log")
            logs = (self.state / name for name in names)
            told = (f"{path.name}:\n{path.read_text()[-1500:]}" for path in logs if path.is_file())
            raise AssertionError("\n".join([str(error), str(self.pids()), *told])) from None

    def answers(self) -> bool:
        """Whether the API and the SMS sandbox answer: they start side by side."""
        assert self._process is not None
        assert self._process.poll() is None, (self.state / "make-run.log").read_text()
        asked = (self.url("/healthz"), self.sandbox("/_sandbox/messages"))
        with suppress(OSError):
            return all(request("GET", url, timeout=5).status == 200 for url in asked)
        return False

    def stop(self) -> None:
        """Ctrl-C."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(20)

    def kill_all(self) -> None:
        """kill -9 of every process of the system at once."""
        for pid in {*filter(self._is_ours, self.pids().values()), *([self._process.pid] if self._process else [])}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._process:
            self._process.wait()

    def pids(self) -> dict[str, int]:
        """The system's processes by name."""
        with suppress(FileNotFoundError, ValueError):
            found: dict[str, int] = json.loads((self.state / "pids.json").read_text())
            return found
        return {}

    def _is_ours(self, pid: int) -> bool:
        """Whether the process is of this system: its folder is in its command or environment, and ids are used again."""
        known = Path("/proc/self/environ").exists()
        with suppress(OSError):
            parts = (Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
            return any(str(self.state.resolve()).encode() in part for part in parts)
        return not known

    def kill(self, name: str) -> None:
        """kill -9 of one process; workers by the beginning of their name."""
        for each, pid in self.pids().items():
            if (each == name or each.startswith(f"{name}-")) and self._is_ours(pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    @contextmanager
    def unsupervised(self) -> Iterator[None]:
        """What ends in this block is started again after it."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def url(self, path: str) -> str:
        """The address of a path of the API."""
        return f"http://127.0.0.1:{self.port}{path}"

    def sandbox(self, path: str) -> str:
        """The address of a path of the SMS sandbox."""
        return f"http://127.0.0.1:{self.port + 2}{path}"

    def token(self, scope: str = "sales:read sales:write") -> str:
        """A token from the local sign-in, as `make token` prints it."""
        if scope not in self._tokens:
            command = [sys.executable, "-m", "local.commands.token"]
            printed = subprocess.run(
                command, cwd=ROOT, env=self.environ() | {"SCOPE": scope}, check=True, capture_output=True, timeout=30
            )
            self._tokens[scope] = printed.stdout.decode().strip()
            self.used.note_token(self._tokens[scope])
        return self._tokens[scope]

    def call(self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str) -> Answer:
        """One request to the API, with a token of both scopes unless another one is given ("" for none)."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        bearer = self.token() if token is None else token
        self.used.note(body)
        if bearer:
            given["authorization"] = f"Bearer {bearer}"
        full = (
            path
            if path.startswith(("/ap", "/webhooks", "/healthz", "/openapi", "/docs", "/console")) or path == "/"
            else f"{BASE}/{path}"
        )
        return request(method, self.url(full), body, given)

    def customer(self, **fields: str) -> dict[str, Any]:
        """A new customer."""
        answer = self.call("POST", "customers", CUSTOMER | fields)
        assert answer.status == 201, answer.raw
        found: dict[str, Any] = answer.body
        return found

    def order(self, customer: dict[str, Any], item: str = "macbook m2", **headers: str) -> dict[str, Any]:
        """A new order."""
        body = {"customer": customer["id"], "item": item, "amount": "56000.68"}
        answer = self.call("POST", "orders", body, **headers)
        assert answer.status == 201, answer.raw
        found: dict[str, Any] = answer.body
        return found

    def orders(self, **query: str) -> Iterator[dict[str, Any]]:
        """All orders, page by page."""
        cursor = ""
        filters = "".join(f"&{name}={value}" for name, value in query.items())
        while True:
            page = self.call("GET", f"orders?limit=100{filters}{cursor}").body
            yield from page["data"]
            if not page["has_more"]:
                return
            cursor = f"&cursor={page['next_cursor']}"

    def sms(self, order: dict[str, Any]) -> dict[str, Any]:
        """An order's SMS as it is now."""
        found: dict[str, Any] = self.call("GET", f"orders/{order['id']}").body["sms"]
        return found

    def reaches(self, order: dict[str, Any], *statuses: str, seconds: float = 60) -> dict[str, Any]:
        """The order's SMS as soon as it has one of these states."""
        return until(lambda: sms if (sms := self.sms(order))["status"] in statuses else None, seconds=seconds)

    def texts(self) -> list[dict[str, Any]]:
        """Every text the sandbox took."""
        found: list[dict[str, Any]] = request("GET", self.sandbox("/_sandbox/messages")).body["messages"]
        return found

    def behave(self, **behaviour: Any) -> None:
        """How the sandbox answers from now on."""
        whole = {"script": [], "default": "accept", "latency_ms": 0, "delivery": "success", "delivery_delay_ms": 300}
        answer = request("PUT", self.sandbox("/_sandbox/behaviour"), whole | behaviour)
        assert answer.status == 200, answer.raw

    def leaks(self) -> list[str]:
        """What its outputs have of the people and tokens of the test, or of anybody."""
        return leaks(self.state, self.used)

    def invoke(self, function: str, event: Any) -> Answer:
        """Invokes a function as the stream or the schedule does."""
        url = f"http://127.0.0.1:{self.port + 4}/2015-03-31/functions/{function}/invocations"
        return request("POST", url, event, timeout=90)


@contextmanager
def running(**environment: str) -> Iterator[System]:
    """A new system, ended and forgotten afterwards."""
    with tempfile.TemporaryDirectory(prefix="sales-") as folder:
        system = System(Path(folder) / "state", **environment)
        try:
            system.start()
            yield system
        finally:
            system.stop()
            system.kill_all()
        found = system.leaks()
        assert not found, found
