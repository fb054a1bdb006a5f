"""Run the servers that benches compare with: PostgreSQL, Django under gunicorn, and the local sign-in and SMS sandbox."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import build
from deployment import ROOT
from local.private_files import secret_line
from tests.support.system import System, free_ports, request, until

PROJECT = build.CONTESTANTS / "django"
PROGRAMS = ROOT / ".venv-bench" / "bin"
WORKERS = 2


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Run a database server; yield its address for Django's settings. Raise FileNotFoundError if it is not installed."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        raise FileNotFoundError("PostgreSQL is not installed")
    # PostgreSQL refuses to run as root.
    user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    data, port = folder / "postgresql", free_ports()
    data.mkdir()
    if user:
        folder.chmod(0o755)
        shutil.chown(data, "nobody", "nogroup")
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": data}
    initdb = [*user, str(programs[-1] / "initdb"), "-D", str(data), "-U", "bench", "-A", "trust"]
    subprocess.run(initdb, check=True, **quiet)
    # A connection for each of gunicorn's threads; otherwise its defaults, so each commit reaches the disk.
    options = ["-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(data), "-c", "max_connections=300"]
    server = subprocess.Popen([*user, str(programs[-1] / "postgres"), *options], **quiet)
    ready = [str(programs[-1] / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-U", "bench", "-d", "postgres"]
    try:
        until(lambda: subprocess.run(ready, check=False, **quiet).returncode == 0, seconds=30)
        yield f"NAME=postgres USER=bench HOST=127.0.0.1 PORT={port}"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)


@contextmanager
def database(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield Django's database and its name: PostgreSQL, or SQLite if that is not installed."""
    with ExitStack() as stack:
        try:
            yield stack.enter_context(postgresql(folder)), "PostgreSQL"
        except FileNotFoundError:
            yield str(folder / "django.sqlite"), "SQLite"


def django(command: str, database: str, *arguments: str, module: str = "project", **environment: str) -> str:
    """Run a command of the project; return its output."""
    variables = os.environ | environment | {"DATABASE": database, "PYTHONDONTWRITEBYTECODE": "1"}
    run = [str(PROGRAMS / "python"), f"{module}.py", command, *arguments]
    return subprocess.check_output(run, cwd=PROJECT, env=variables, text=True).strip()


def prepare(database: str, **environment: str) -> str:
    """Create Django's tables in this database; return the id of a customer in them."""
    return django("prepare", database, **environment)


@dataclass
class Outside:
    """The sign-in and the SMS sandbox of a system whose API is another server."""

    system: System

    @property
    def environment(self) -> dict[str, str]:
        """Return their addresses and secrets, for a server."""
        return {
            "OKTA_ISSUER": f"http://127.0.0.1:{self.system.port + 1}/oauth2/default",
            "OKTA_AUDIENCE": "api://default",
            "SMS_ENDPOINT": self.system.sandbox(""),
            "SMS_API_KEY": secret_line(self.system.state / "sms-api-key"),
            "WEBHOOK_SECRET": secret_line(self.system.state / "webhook-secret"),
        }


@contextmanager
def outside(folder: Path) -> Iterator[Outside]:
    """Run sign-in and sandbox; the sandbox sends delivery reports to the port of the API."""
    system = System(folder)
    folder.mkdir(parents=True)
    parts = [
        subprocess.Popen(
            [sys.executable, "-m", f"local.{module}"],
            cwd=ROOT,
            env=system.environ(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for module in ("okta.server", "africastalking.server")
    ]

    def answers() -> bool:
        with suppress(OSError):
            request("GET", f"http://127.0.0.1:{system.port + 1}/oauth2/default/v1/keys", timeout=5)
            return request("GET", system.sandbox("/_sandbox/messages"), timeout=5).status == 200
        return False

    try:
        until(answers, seconds=30)
        yield Outside(system)
    finally:
        for part in parts:
            part.terminate()
        for part in parts:
            part.wait(20)


@contextmanager
def gunicorn(port: int, application: str, threads: int, environment: dict[str, str]) -> Iterator[None]:
    """Run Django under gunicorn, with two workers of so many threads; yield once it answers."""
    command = [str(PROGRAMS / "gunicorn"), "--workers", str(WORKERS), "--bind", f"127.0.0.1:{port}", application]
    command += ["--worker-class", "gthread", "--threads", str(threads), "--log-level", "error", "--keep-alive", "60"]
    variables = os.environ | environment | {"PYTHONDONTWRITEBYTECODE": "1"}
    server = subprocess.Popen(command, cwd=PROJECT, env=variables, stdout=subprocess.DEVNULL)

    def answers() -> bool:
        with suppress(OSError):
            return request("GET", f"http://127.0.0.1:{port}/", timeout=5).status == 404
        return False

    try:
        until(answers, seconds=30)
        yield
    finally:
        server.terminate()
        server.wait(20)
