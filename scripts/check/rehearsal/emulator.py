"""The machine's stand-ins for AWS (ministack), for Okta and for Africa's Talking, and the commands that run against them."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from botocore.session import Session

from deployment import REGION, ROOT
from local.config import Config
from sales.api.issuers import discovery_address

__all__ = ["Emulator", "RehearsalError", "running"]

SITE = ROOT / ".venv-ministack" / "lib" / "python3.13" / "site-packages"
# ministack runs functions with its own interpreter. Outside its environment that has no packages, so a function finds only
# its code and the layer's, as on Lambda.
BOOT = "import sys; sys.path.insert(0, sys.argv.pop(1)); from ministack.app import main; main()"
INTERPRETER = Path(sys.base_prefix) / "bin" / "python3.13"
START_SECONDS = 30
COMMAND_SECONDS = 300
# Room for the layer in a hundred processes.
MEMORY = 4 * 2**30
# The emulator takes this key for the account's root user and verifies signatures with the secret.
KEY = SECRET = "test"  # noqa: S105 - made up


class RehearsalError(Exception):
    """A step failed; the text is the sentence that says what is wrong."""


@dataclass
class Emulator:
    """The running emulator: the folders of its state and of the functions' code, the first of its ports, its processes."""

    folder: Path
    code: Path
    port: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def config(self) -> Config:
        """Where issuer and sandbox are."""
        return Config(port=self.port, state=self.folder / "state", settings={})

    @property
    def url(self) -> str:
        """The address of all of AWS's services."""
        return self.config.url(0)

    @property
    def environ(self) -> dict[str, str]:
        """The environment of commands: AWS's standard variables, and the folder and port of issuer and sandbox."""
        return {
            "PATH": f"{ROOT / '.venv-sam' / 'bin'}:{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": "0.2",
            "PORT": str(self.port),
            "SALES_STATE": str(self.config.state),
        }

    def client(self, service: str) -> Any:
        """Return a client of one of AWS's services."""
        session = Session()
        session.set_credentials(KEY, SECRET)
        return session.create_client(service, endpoint_url=self.url, region_name=REGION)

    def command(self, *command: str, given: str = "", status: int = 0, **variables: str) -> str:
        """Run a command at the repository's root and return its output. Raise RehearsalError for another exit status."""
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=self.environ | variables, input=given,
                capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise RehearsalError(f"{' '.join(command)} did not end within {COMMAND_SECONDS} s.") from None
        output = f"{done.stdout}{done.stderr}"
        if done.returncode != status:
            tail = "\n  ".join([line for line in output.splitlines() if line.strip()][-40:])
            raise RehearsalError(f"{' '.join(command)} ended with {done.returncode} instead of {status}:\n  {tail}")
        return output

    def python(self, module: str, *arguments: str, given: str = "", status: int = 0, **variables: str) -> str:
        """Run one of the project's modules as the Makefile does."""
        return self.command(sys.executable, "-m", module, *arguments, given=given, status=status, **variables)

    def start(self, name: str, command: list[str], environment: dict[str, str], url: str) -> None:
        """Start a process and wait until its address answers; replace the process of this name."""
        self.stop(name)
        (self.folder / "logs").mkdir(exist_ok=True)
        with (self.folder / "logs" / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.processes[name] = process
        end = time.monotonic() + START_SECONDS
        while True:
            with suppress(requests.RequestException):
                if requests.get(url, timeout=5).ok:
                    return
            if process.poll() is not None or time.monotonic() > end:
                log_lines = (self.folder / "logs" / f"{name}.log").read_text().splitlines()[-20:]
                raise RehearsalError("\n  ".join([f"{name} did not start:", *log_lines]))
            time.sleep(0.1)

    def stop(self, name: str) -> None:
        """End a process and all that it started."""
        if process := self.processes.pop(name, None):
            for number in (signal.SIGTERM, signal.SIGKILL):
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(5)

    def start_aws(self) -> None:
        """Start ministack with IAM enforced."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TMPDIR": str(self.code),
            "GATEWAY_PORT": str(self.port),
            # Its default is every network interface.
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "AUTH": "true",
            # The emulator's extra servers, which nothing here uses.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "PYTHONNOUSERSITE": "1",
        }
        command = [str(INTERPRETER), "-I", "-c", BOOT, str(SITE)]
        self.start("ministack", command, environment, f"{self.url}/_ministack/health")

    def start_issuer(self) -> None:
        """Start the local issuer."""
        url = discovery_address(self.config.issuer)
        self.start("issuer", [sys.executable, "-m", "local.okta.server"], self.environ, url)

    def start_sandbox(self, api_url: str, sender: str) -> None:
        """Start the SMS sandbox, which sends its delivery reports to this API and knows this sender id."""
        url = f"{self.config.sandbox_url}/_sandbox/messages"
        command = [sys.executable, "-m", "local.africastalking.server"]
        self.start("sandbox", command, self.environ | {"API_URL": api_url, "SMS_SENDER": sender}, url)

    def texts(self) -> list[dict[str, Any]]:
        """Return the texts that the sandbox has accepted."""
        answer = requests.get(f"{self.config.sandbox_url}/_sandbox/messages", timeout=10)
        messages: list[dict[str, Any]] = answer.json()["messages"]
        return messages


@contextmanager
def running(folder: Path, port: int) -> Iterator[Emulator]:
    """Run the emulator and the issuer during the block."""
    for name in ("tmp", "state"):
        (folder / name).mkdir(mode=0o700)
    with tempfile.TemporaryDirectory(prefix="rehearsal-", dir=_memory()) as code:
        emulator = Emulator(folder, Path(code), port)
        try:
            emulator.start_aws()
            emulator.start_issuer()
            yield emulator
        finally:
            for name in list(emulator.processes):
                emulator.stop(name)


def _memory() -> Path | None:
    """Return a folder in memory, if there is one with room.

    ministack unpacks the layer for every process of a function: on a disk, that and its removal is a third of the time.
    """
    shared = Path("/dev/shm")  # noqa: S108 - a new folder is made there
    return shared if shared.is_dir() and shutil.disk_usage(shared).free > MEMORY else None
