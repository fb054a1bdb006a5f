"""`make run`: starts every part, restarts what dies, and stops them in an order that loses nothing."""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deployment.template import Template, load
from local.aws import dynamodb as store
from local.config import PORTS, Config
from local.system import pids
from sales.runtime.settings import Settings, SettingsError

__all__ = ["StartError", "Supervisor", "check_layout", "check_settings", "left_over", "load_template", "lock", "main"]

# The layout of what is under .local: another number means that it is from another version of this system.
LAYOUT = "1"
# Before a part that died is started again; a test (or person) that kills all parts at once gets them all.
_RESTART_SECONDS = 0.3
_READY_SECONDS = 30.0
# After leftovers were ended, until their ports must be free.
_FREED_SECONDS = 5.0
# The stream lets functions finish what they have.
_STOP_SECONDS = {"stream": 8.0}
_LARGEST_LOG = 10 * 1024 * 1024
# Whoever is killed between starting a part and noting it would leave one that nobody finds, with its port: this becomes the
# part when it is told to, and ends when there is nobody to do so.
_ONCE_NOTED = """import os, sys
if sys.stdin.readline():
    try:
        os.execv(sys.argv[1], sys.argv[1:])
    except OSError as error:
        sys.exit(f"{sys.argv[1]}: {error.strerror}")
"""
# First what hands out work, last what keeps it.
_STOP_ORDER = ("supervisor", "stream", "schedule", "gateway", "sandbox", "identity", "worker", "store")


_PROC = Path("/proc/self/cmdline").exists()


class StartError(Exception):
    """The system cannot start; the text says why and what to do."""


@dataclass
class Part:
    """One process of the system: its names in pids.json, and where it listens once it is ready."""

    names: tuple[str, ...]
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    fails: int = 0
    restart_at: float | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        return self.names[0]

    def start(self, config: Config) -> None:
        """Starts it, its output in `logs/<name>.log`."""
        log_path = config.logs / f"{self.name}.log"
        log_path.parent.mkdir(parents=True, exist_ok=True)
        if log_path.exists() and log_path.stat().st_size > _LARGEST_LOG:
            log_path.replace(log_path.with_suffix(".log.1"))
        with log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-IS", "-c", _ONCE_NOTED, *self.command],
                cwd=config.root,
                env={**os.environ, **self.environment},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                # Ctrl-C reaches only the supervisor, which stops the parts in order.
                start_new_session=True,
            )
        self.started = time.monotonic()
        pids.set_pids(config.state, self.names, self.process.pid)
        assert self.process.stdin  # noqa: S101 - PIPE gives one, which the type cannot say
        with contextlib.suppress(BrokenPipeError), self.process.stdin as told:
            told.write(b"\n")

    def ended(self) -> bool:
        """Whether it was started and is not running any more."""
        return self.process is not None and self.process.poll() is not None

    def how(self) -> str:
        """How it ended, for people."""
        code = self.process.poll() if self.process else 0
        if code is None:
            return "it still runs, and does not answer"
        return f"killed by signal {-code}" if code < 0 else f"exit status {code}"

    def stop(self, *, at_once: bool) -> None:
        """Asks it to end, and makes it end if it takes too long."""
        if self.process is None or self.ended():
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            if not at_once:
                self.process.terminate()
                self.process.wait(_STOP_SECONDS.get(self.name, 4.0))
        if not self.ended():
            self.process.kill()
            self.process.wait()


class Supervisor:
    """One local system, from start to stop; without `http` everything but the API's own port."""

    def __init__(self, config: Config, *, http: bool = True) -> None:
        self._config = config
        self._http = http
        self._stops = 0
        self._parts: list[Part] = []

    def run(self) -> None:
        """Starts the system, says where it is, and keeps it running until Ctrl-C. Raises StartError."""
        config, began = self._config, time.monotonic()
        config.state.mkdir(parents=True, exist_ok=True)
        with lock(config.state):
            check_layout(config.state)
            (config.state / "version").write_text(LAYOUT + "\n")
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, self._stop)
            # What a process held is free a moment after nothing more is seen of it.
            self._check_ports(patience=_FREED_SECONDS if _end_leftovers(config) else 0.0)
            pids.set_pid(config.state, "supervisor", os.getpid())
            config.port_file.write_text(f"{config.port}\n")
            try:
                server = self._start()
                if not self._stops:
                    self._say_where(server, time.monotonic() - began)
                self._watch()
            finally:
                self._end()

    def _check_ports(self, *, patience: float) -> None:
        own_store = not self._config.settings.get("DYNAMODB_ENDPOINT")
        give_up = time.monotonic() + patience
        for offset, what in enumerate(PORTS):
            if (offset == 0 and not self._http) or (what == "store" and not own_store):
                continue
            port = self._config.port + offset
            while not _is_free(port):
                if time.monotonic() >= give_up:
                    raise StartError(
                        f"Port {port}, for the {what}, is in use by another program. "
                        f"End that one, or take other ports: PORT={_free_port()} make run"
                    )
                time.sleep(0.02)

    def _start(self) -> store.Server:
        """Starts everything, and returns when all of it answers."""
        config = self._config
        try:
            server = store.choose(config)
            if server.command:
                (config.state / "store").mkdir(exist_ok=True)
                self._add(Part(("store",), server.command, dict(server.environment), (config.port + 3,)))
            self._add(self._python("identity", module="okta.server", ports=(1,)))
            self._add(self._python("sandbox", module="africastalking.server", ports=(2,)))
            # What .env says is checked here, not when the first function starts.
            template = check_settings(config)
            client = store.StoreClient(config.store_url)
            if server.command:
                self._wait_until_ready(self._parts[0], config.port + 3)
            store.wait_until_ready(client)
            store.index_stream(config)
            for line in store.prepare_tables(client, template):
                _say(f"made {line}")
        except (store.StoreError, SettingsError, ValueError) as error:
            raise StartError(str(error)) from None
        # Whoever gets an answer from the API finds the tables there.
        self._add(self._python("gateway", module="aws.api_gateway", ports=(0, 4) if self._http else (4,)))
        self._add(self._python("stream", "schedule", module="aws.event_sources"))
        for part in self._parts:
            for port in part.ports:
                self._wait_until_ready(part, port)
        return server

    def _python(self, *names: str, module: str, ports: Iterable[int] = ()) -> Part:
        config = self._config
        environment = {
            "PORT": str(config.port),
            "SALES_STATE": str(config.state),
            "PYTHONUNBUFFERED": "1",
            "LOCAL_WITHOUT_HTTP": "" if self._http else "1",
        }
        command = [sys.executable, "-m", f"local.{module}"]
        return Part(names, command, environment, tuple(config.port + port for port in ports))

    def _add(self, part: Part) -> None:
        self._parts.append(part)
        part.start(self._config)

    def _wait_until_ready(self, part: Part, port: int) -> None:
        give_up = time.monotonic() + _READY_SECONDS
        while not self._stops:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            if part.ended() or time.monotonic() > give_up:
                path = self._config.logs / f"{part.name}.log"
                last = path.read_text(errors="replace").strip().splitlines()[-3:]
                said = [f"The {part.name} did not start ({part.how()}). The end of {path}:", *last]
                raise StartError("\n  ".join(said) + f"\n{_remedy(part)}".rstrip())
            time.sleep(0.02)

    def _watch(self) -> None:
        """Starts again what ends, until told to stop."""
        while not self._stops:
            time.sleep(0.1)
            now = time.monotonic()
            for part in self._parts:
                if not part.ended():
                    continue
                if part.restart_at is None:
                    part.fails = 0 if now - part.started > 60 else part.fails + 1
                    # One that cannot live is tried more and more slowly, but always within five seconds.
                    part.restart_at = now + min(_RESTART_SECONDS * 2 ** max(part.fails - 1, 0), 4.0)
                elif now >= part.restart_at and not self._stops:
                    why, part.restart_at = part.how(), None
                    part.start(self._config)
                    log = self._config.logs / f"{part.name}.log"
                    _say(f"{time.strftime('%H:%M:%S')} {part.name} ended ({why}) and was started again; its log: {log}")

    def _stop(self, number: int, _: object) -> None:
        self._stops += 1

    def _end(self) -> None:
        """Stops everything in order; at a second Ctrl-C, at once."""
        _say("stopping")
        for part in sorted(self._parts, key=lambda each: _STOP_ORDER.index(each.name)):
            part.stop(at_once=self._stops > 1)
            for name in part.names:
                pids.drop_pid(self._config.state, name)
        _end_leftovers(self._config)
        pids.drop_pid(self._config.state, "supervisor")

    def _say_where(self, server: store.Server, seconds: float) -> None:
        config = self._config
        home = config.gateway_url
        lines = ["", f"Sales runs on this machine (ready in {seconds:.1f} s).", ""]
        if self._http:
            lines += [
                f"  Console        {home}/",
                f"  API            {home}/api/v1/sales",
                f"  Reference      {home}/docs",
            ]
        lines += [
            f"  Sign-in        {config.identity_url}   user demo, password demo",
            f"  Phones         {config.sandbox_url}   the texts, as their recipients see them",
            f"  Store          {server.name} ({server.note}), in {_short(config.state)}",
        ]
        if self._http:
            lines += [
                "",
                "In another shell:",
                "",
                "  TOKEN=$(make -s token)",
                f'  curl {home}/api/v1/sales/customers -H "Authorization: Bearer $TOKEN" \\',
                """    --json '{"name": "john doe", "phone_number": "+254704590344", "email": "example@gmail.com"}\'""",
                "",
                "or `make demo` for a shop with customers and orders. Ctrl-C stops; `make reset` forgets everything.",
            ]
        _say("\n".join([*lines, ""]))


def _say(text: str) -> None:
    # Whose terminal was closed still stops its parts in order.
    with contextlib.suppress(OSError):
        print(text, flush=True)


def _remedy(part: Part) -> str:
    """What to do about a part that does not start; empty where only its log can tell."""
    if part.name != "store":
        return ""
    return (
        "`make clean` and `make run` install it anew; `LOCAL_STORE=ministack make run` takes the other store; "
        "where what it has stored is damaged, `make reset` forgets that."
    )


def _free_port() -> int:
    """The first of five ports in a row that are free now."""
    for first in range(9000, 20000, 100):
        if all(_is_free(port) for port in range(first, first + len(PORTS))):
            return first
    return 9000


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def check_layout(state: Path) -> None:
    """Raises StartError if what is stored is of another version of this system."""
    file = state / "version"
    known = file.read_text().strip() if file.exists() else None
    if known != LAYOUT and (known or (state / "store").exists()):
        raise StartError(
            f"What is stored in {state} is of another version of this system. `make reset` forgets it, then it starts."
        )


def check_settings(config: Config) -> Template:
    """The template, with settings that each function can use. Raises SettingsError or ValueError."""
    template = _template(config)
    for function in template.functions.values():
        Settings.from_environ({**function.environment, **config.overrides})
    return template


def _template(config: Config) -> Template:
    """The template, from the cache that all parts read."""
    if not any(config.state.glob("template-*.pickle")):
        # In a process of its own: SAM's translator would stay in this one's memory.
        code = "from local.system import supervisor as s; s.load_template(s.Config.from_environ())"
        given = {"PORT": str(config.port), "SALES_STATE": str(config.state)}
        subprocess.run([sys.executable, "-c", code], cwd=config.root, env=os.environ | given, check=False)
    return load_template(config)


def load_template(config: Config) -> Template:
    """The template with this system's parameters."""
    return load(config.template, config.parameters, cache=config.state)


@contextlib.contextmanager
def lock(state: Path) -> Iterator[None]:
    """Holds a state folder for one system. Raises StartError if another one has it."""
    with (state / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = pids.read(state).get("supervisor")
            raise StartError(f"The system runs already (process {pid}). Ctrl-C in its shell stops it.") from None
        yield


def left_over(config: Config) -> dict[str, int]:
    """Processes of an earlier run that still run, by name, in the order in which they are to be ended."""
    found = {name: pid for name, pid in pids.read(config.state).items() if _is_ours(name, pid, config)}
    return dict(sorted(found.items(), key=lambda each: _STOP_ORDER.index(each[0].partition("-")[0])))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def _end_leftovers(config: Config) -> bool:
    """Ends what a killed supervisor left behind, and forgets what is gone; whether there was anything, running or not."""
    for name, pid in left_over(config).items():
        patience = _STOP_SECONDS.get(name, 4.0)
        # A worker may be in the middle of a text; its runtime is gone, so nobody gives it another one.
        for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 2.0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            end = time.monotonic() + seconds
            while (running := _is_ours(name, pid, config)) and time.monotonic() < end:
                time.sleep(0.02)
            if not running:
                break
    known = pids.read(config.state)
    for name, pid in known.items():
        if pid != os.getpid() and not _is_ours(name, pid, config):
            pids.drop_pid(config.state, name, pid)
    return bool(known)


def _is_ours(name: str, pid: int, config: Config) -> bool:
    """Whether the process is still that part of this system: ids are used again."""
    if pid == os.getpid():
        return False
    command, environment = _command(pid), _environment(pid)
    if name == "store":
        return str(config.state) in command or str(config.state) in environment
    if name.startswith("worker-"):
        mine = f"={name}\n" in environment and f'"{config.state}"' in environment  # in what it is permitted
        return "awslambdaric" in command and (not environment or mine)
    return "-m local" in command and (not environment or f"SALES_STATE={config.state}\n" in environment)


def _command(pid: int) -> str:
    """The command line of a process; empty if there is none."""
    with contextlib.suppress(OSError):
        if _PROC:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        shown = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False)
        return shown.stdout.decode(errors="replace")
    return ""


def _environment(pid: int) -> str:
    """What a process was started with, a variable on each line; empty where the system does not show it."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes().replace(b"\0", b"\n").decode(errors="replace")
    return ""


def main() -> int:
    """`python -m local.commands.run [--without gateway]`."""
    arguments = sys.argv[1:]
    if arguments not in ([], ["--without", "gateway"]):
        print("usage: python -m local [--without gateway]", file=sys.stderr)
        return 2
    try:
        Supervisor(Config.from_environ(), http=not arguments).run()
    except (StartError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
