"""The processes that make up the system: how each starts, ends, and is known in pids.json."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from local.config import Config
from local.system import pids

__all__ = ["STOP_ORDER", "Part", "python_part", "stop_seconds"]

_LARGEST_LOG = 10 * 1024 * 1024
# Parts that hand out work stop first; those that store it stop last.
STOP_ORDER = ("supervisor", "stream", "schedule", "gateway", "sandbox", "identity", "worker", "store")
# The names of the parts in sentences.
_TITLES = {"store": "database", "gateway": "API gateway", "identity": "local issuer", "sandbox": "SMS sandbox"}
# A supervisor that is killed between starting a part and recording its pid would leave a process that holds a port and that
# no later start can find. So this stub waits for a line before it becomes the part, and ends if the supervisor is gone.
_STUB = """import os, sys
if sys.stdin.readline():
    try:
        os.execv(sys.argv[1], sys.argv[1:])
    except OSError as error:
        sys.exit(f"{sys.argv[1]}: {error.strerror}")
"""


def stop_seconds(name: str) -> float:
    """Return how long a part may take to stop. The stream lets functions finish their batches."""
    return 8.0 if name == "stream" else 4.0


@dataclass
class Part:
    """One process of the system: its names in pids.json, and the ports on which it listens once it is ready."""

    names: tuple[str, ...]
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    restart_at: float | None = None

    @property
    def name(self) -> str:
        """The first of its names, which is also its log's."""
        return self.names[0]

    @property
    def title(self) -> str:
        """Its name in a sentence."""
        return _TITLES.get(self.name, self.name)

    def start(self, config: Config) -> None:
        """Start the process, with its output in `logs/<name>.log`."""
        log_path = config.logs / f"{self.name}.log"
        log_path.parent.mkdir(parents=True, exist_ok=True)
        if log_path.exists() and log_path.stat().st_size > _LARGEST_LOG:
            log_path.replace(log_path.with_suffix(".log.1"))
        with log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-IS", "-c", _STUB, *self.command],
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
        assert self.process.stdin  # noqa: S101 - PIPE opens one, which the type cannot say
        with contextlib.suppress(BrokenPipeError), self.process.stdin as stub:
            stub.write(b"\n")

    def ended(self) -> bool:
        """Whether it was started and has ended."""
        return self.process is not None and self.process.poll() is not None

    def how(self) -> str:
        """Say how it ended, in words."""
        code = self.process.poll() if self.process else 0
        if code is None:
            return "it is running but does not answer"
        return f"killed by signal {-code}" if code < 0 else f"exit status {code}"

    def stop(self, *, kill: bool) -> None:
        """Terminate it, and kill it if that takes too long; with `kill`, kill it right away."""
        if self.process is None or self.ended():
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            if not kill:
                self.process.terminate()
                self.process.wait(stop_seconds(self.name))
        if not self.ended():
            self.process.kill()
            self.process.wait()


def python_part(config: Config, *names: str, module: str, offsets: Iterable[int] = (), http: bool = True) -> Part:
    """Return the part that runs a module of `local`; it listens at these distances from the first port."""
    environment = {
        "PORT": str(config.port),
        "SALES_STATE": str(config.state),
        "PYTHONUNBUFFERED": "1",
        "LOCAL_WITHOUT_HTTP": "" if http else "1",
    }
    command = [sys.executable, "-m", f"local.{module}"]
    return Part(names, command, environment, tuple(config.port + offset for offset in offsets))
