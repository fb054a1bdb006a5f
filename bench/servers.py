"""Servers that benches compare with, and what they need: PostgreSQL, Django under gunicorn, the local system's sign-in
and SMS sandbox without the rest of it.
"""

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
from local.aws.secrets_manager import secret_line
from tests.support.system import System, free_ports, request, until

PROJECT = build.CONTESTANTS / "django"
PROGRAMS = ROOT / ".venv-bench" / "bin"
WORKERS = 2


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A database server of its own, as Django's settings name it. Raises FileNotFoundError where there is none."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        raise FileNotFoundError("no PostgreSQL here")
    # It refuses to run as root.
    user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    data, port = folder / "postgresql", free_ports()
    data.mkdir()
    if user:
        folder.chmod(0o755)
        shutil.chown(data, "nobody", "nogroup")
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": data}
    initdb = [*user, str(programs[-1] / "initdb"), "-D", str(data), "-U", "bench", "-A", "trust"]
    subprocess.run(initdb, check=True, **quiet)
    # Everything else as it comes, so each commit is on the disk; a connection for each thread of gunicorn.
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
    """Django's database and what it is called: PostgreSQL, or SQLite where that is not installed."""
    with ExitStack() as stack:
        try:
            yield stack.enter_context(postgresql(folder)), "PostgreSQL"
        except FileNotFoundError:
            yield str(folder / "django.sqlite"), "SQLite"


def django(command: str, database: str, *arguments: str, module: str = "project", **environment: str) -> str:
    """What a command of the project prints."""
    given = os.environ | environment | {"DATABASE": database, "PYTHONDONTWRITEBYTECODE": "1"}
    run = [str(PROGRAMS / "python"), f"{module}.py", command, *arguments]
    return subprocess.check_output(run, cwd=PROJECT, env=given, text=True).strip()


def prepare(database: str, **environment: str) -> str:
    """Makes Django's tables in this database; the id of a customer in them."""
    return django("prepare", database, **environment)


@dataclass
class Outside:
    """The sign-in and the SMS sandbox of a system whose API is somebody else's server."""

    system: System

    @property
    def environment(self) -> dict[str, str]:
        """What a server needs to know of them."""
        return {
            "OKTA_ISSUER": f"http://127.0.0.1:{self.system.port + 1}/oauth2/default",
            "OKTA_AUDIENCE": "api://default",
            "SMS_ENDPOINT": self.system.sandbox(""),
            "SMS_API_KEY": secret_line(self.system.state / "sms-api-key"),
            "WEBHOOK_SECRET": secret_line(self.system.state / "webhook-secret"),
        }


@contextmanager
def outside(folder: Path) -> Iterator[Outside]:
    """Sign-in and sandbox; the sandbox reports to the port that would be the API's."""
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
    """Django under gunicorn, two workers of so many threads, from its first answer on."""
    command = [str(PROGRAMS / "gunicorn"), "--workers", str(WORKERS), "--bind", f"127.0.0.1:{port}", application]
    command += ["--worker-class", "gthread", "--threads", str(threads), "--log-level", "error", "--keep-alive", "60"]
    given = os.environ | environment | {"PYTHONDONTWRITEBYTECODE": "1"}
    server = subprocess.Popen(command, cwd=PROJECT, env=given, stdout=subprocess.DEVNULL)

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
