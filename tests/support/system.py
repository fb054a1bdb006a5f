"""A whole local system for tests, with its own ports and state, used only from outside."""

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
    """An HTTP response."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """Its JSON."""
        return json.loads(self.raw)


def request(
    method: str, url: str, body: Any = None, headers: dict[str, str] | None = None, timeout: float = 40
) -> Answer:
    """Send one HTTP request; a body that is neither str nor bytes is sent as JSON."""
    lowered = {name.lower(): value for name, value in (headers or {}).items()}
    data = body
    if body is not None and not isinstance(body, bytes):
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        lowered.setdefault("content-type", "application/json")
    http_request = urllib.request.Request(url, data=data, method=method, headers=lowered)
    try:
        with urllib.request.urlopen(http_request, timeout=timeout) as answer:
            return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())


# Locks that stay open as long as this process lives, so that its ports stay reserved before anything listens on them.
_RESERVED: list[IO[str]] = []
_FIRST_PORT, _LAST_PORT = 18000, 32000


def free_ports(count: int = 5) -> int:
    """Reserve so many free ports in a row, at most ten, and return the first."""
    locks = Path(tempfile.gettempdir()) / "sales-ports"
    locks.mkdir(exist_ok=True)
    candidates = range(_FIRST_PORT, _LAST_PORT, 10)
    start = os.getpid() % len(candidates)
    for first in (*candidates[start:], *candidates[:start]):
        with ExitStack() as probes, suppress(OSError):
            lock = (locks / str(first)).open("w")
            probes.callback(lock.close)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for port in range(first, first + count):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            # A second descriptor keeps the lock: leaving this block closes the first one and the probes.
            _RESERVED.append(os.fdopen(os.dup(lock.fileno()), "w"))
            return first
    raise RuntimeError(f"no {count} free ports in a row")


def start_database(config: Config) -> subprocess.Popen[bytes]:
    """Start only the database of such a system, and return once it answers.

    Raise DatabaseError if none is installed, and OSError if its port is in use: another database would answer there.
    """
    database = choose(config)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", config.port + 3))
    (config.state / "store").mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        database.command, env=os.environ | database.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_until_ready(DatabaseClient(config.database_url))
    return process


def until[T](look: Callable[[], T | None], seconds: float = 60, every: float = 0.05) -> T:
    """Call `look` until it returns something true, and return that. Raise AssertionError after so many seconds."""
    give_up = time.monotonic() + seconds
    while True:
        if result := look():
            return result
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(every)


class System:
    """One local system; a test may start and kill it as often as it likes."""

    def __init__(self, state: Path, **environment: str) -> None:
        self.state = state
        self.port = free_ports()
        self.login_port = free_ports()
        self.environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._tokens: dict[str, str] = {}
        self.used = Used()

    def environ(self) -> dict[str, str]:
        """Return the environment of this system's commands."""
        inherited = {name: value for name, value in os.environ.items() if name not in {"SCOPE", "DYNAMODB_ENDPOINT"}}
        return inherited | {
            "PORT": str(self.port),
            # The local issuer registers it as the redirect address of `make login`.
            "LOGIN_PORT": str(self.login_port),
            "SALES_STATE": str(self.state),
            **self.environment,
        }

    def start(self, *arguments: str) -> None:
        """Start it and wait until it answers."""
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
            tails = (f"{path.name}:\n{path.read_text()[-1500:]}" for path in logs if path.is_file())
            raise AssertionError("\n".join([str(error), str(self.pids()), *tails])) from None

    def answers(self) -> bool:
        """Whether the API and the SMS sandbox answer; they start at the same time."""
        assert self._process is not None
        assert self._process.poll() is None, (self.state / "make-run.log").read_text()
        urls = (self.url("/healthz"), self.sandbox("/_sandbox/messages"))
        with suppress(OSError):
            return all(request("GET", url, timeout=5).status == 200 for url in urls)
        return False

    def stop(self) -> None:
        """Press Ctrl-C."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(20)

    def kill_all(self) -> None:
        """Kill every process of the system with -9."""
        for pid in {*filter(self._is_ours, self.pids().values()), *([self._process.pid] if self._process else [])}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._process:
            self._process.wait()

    def pids(self) -> dict[str, int]:
        """Return the system's processes by name."""
        with suppress(FileNotFoundError, ValueError):
            processes: dict[str, int] = json.loads((self.state / "pids.json").read_text())
            return processes
        return {}

    def _is_ours(self, pid: int) -> bool:
        """Whether the process belongs to this system: the kernel reuses ids, so look for its folder in command or environment."""
        readable = Path("/proc/self/environ").exists()
        with suppress(OSError):
            parts = (Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
            return any(str(self.state.resolve()).encode() in part for part in parts)
        return not readable

    def kill(self, name: str) -> None:
        """Kill one process with -9, or all workers of a function."""
        for process, pid in self.pids().items():
            if (process == name or process.startswith(f"{name}-")) and self._is_ours(pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    @contextmanager
    def unsupervised(self) -> Iterator[None]:
        """Keep the supervisor from restarting anything during the block."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def url(self, path: str) -> str:
        """Return the address of a path of the API."""
        return f"http://127.0.0.1:{self.port}{path}"

    def sandbox(self, path: str) -> str:
        """Return the address of a path of the SMS sandbox."""
        return f"http://127.0.0.1:{self.port + 2}{path}"

    def token(self, scope: str = "sales:read sales:write sales:manage") -> str:
        """Return a token from the local issuer, as `make token` prints it."""
        if scope not in self._tokens:
            command = [sys.executable, "-m", "local.commands.token"]
            result = subprocess.run(
                command, cwd=ROOT, env=self.environ() | {"SCOPE": scope}, check=True, capture_output=True, timeout=30
            )
            self._tokens[scope] = result.stdout.decode().strip()
            self.used.note_token(self._tokens[scope])
        return self._tokens[scope]

    def call(self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str) -> Answer:
        """Send a request to the API, with a token of all scopes, another token, or none ("")."""
        lowered = {name.replace("_", "-"): value for name, value in headers.items()}
        bearer = self.token() if token is None else token
        self.used.note(body)
        if bearer:
            lowered["authorization"] = f"Bearer {bearer}"
        full = (
            path
            if path.startswith(("/ap", "/webhooks", "/healthz", "/openapi", "/docs", "/console")) or path == "/"
            else f"{BASE}/{path}"
        )
        return request(method, self.url(full), body, lowered)

    def customer(self, **fields: str) -> dict[str, Any]:
        """Create a customer."""
        answer = self.call("POST", "customers", CUSTOMER | fields)
        assert answer.status == 201, answer.raw
        customer: dict[str, Any] = answer.body
        return customer

    def order(self, customer: dict[str, Any], item: str = "macbook m2", **headers: str) -> dict[str, Any]:
        """Create an order."""
        body = {"customer": customer["id"], "item": item, "amount": "56000.68"}
        answer = self.call("POST", "orders", body, **headers)
        assert answer.status == 201, answer.raw
        order: dict[str, Any] = answer.body
        return order

    def orders(self, **query: str) -> Iterator[dict[str, Any]]:
        """Yield all orders, page by page."""
        cursor = ""
        filters = "".join(f"&{name}={value}" for name, value in query.items())
        while True:
            page = self.call("GET", f"orders?limit=100{filters}{cursor}").body
            yield from page["data"]
            if not page["has_more"]:
                return
            cursor = f"&cursor={page['next_cursor']}"

    def sms(self, order: dict[str, Any]) -> dict[str, Any]:
        """Return an order's current SMS."""
        sms: dict[str, Any] = self.call("GET", f"orders/{order['id']}").body["sms"]
        return sms

    def reaches(self, order: dict[str, Any], *statuses: str, seconds: float = 60) -> dict[str, Any]:
        """Wait until the order's SMS has one of these states, and return the SMS."""
        return until(lambda: sms if (sms := self.sms(order))["status"] in statuses else None, seconds=seconds)

    def texts(self) -> list[dict[str, Any]]:
        """Return every text that the sandbox accepted."""
        messages: list[dict[str, Any]] = request("GET", self.sandbox("/_sandbox/messages")).body["messages"]
        return messages

    def behave(self, **behaviour: Any) -> None:
        """Replace the sandbox's behaviour."""
        whole = {"script": [], "default": "accept", "latency_ms": 0, "delivery": "success", "delivery_delay_ms": 300}
        answer = request("PUT", self.sandbox("/_sandbox/behaviour"), whole | behaviour)
        assert answer.status == 200, answer.raw

    def leaks(self) -> list[str]:
        """Return the places in its output that contain personal data, tokens or secrets."""
        return leaks(self.state, self.used)

    def invoke(self, function: str, event: Any) -> Answer:
        """Invoke a function as the stream and the schedule do."""
        url = f"http://127.0.0.1:{self.port + 4}/2015-03-31/functions/{function}/invocations"
        return request("POST", url, event, session(self.state), timeout=90)


def session(state: Path) -> dict[str, str]:
    """Return the header that lets a request in at the functions and secrets of the system with this state folder."""
    return {"x-amz-security-token": (state / "session-token").read_text().strip()}


@contextmanager
def running(**environment: str) -> Iterator[System]:
    """Run a new system during the block, then delete it."""
    with tempfile.TemporaryDirectory(prefix="sales-") as folder:
        system = System(Path(folder) / "state", **environment)
        try:
            system.start()
            yield system
        finally:
            system.stop()
            system.kill_all()
        leaked = system.leaks()
        assert not leaked, leaked
