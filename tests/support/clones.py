"""Fresh clones, used as a newcomer uses one: only what is committed, in a shell that knows nothing of this folder."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.system import ROOT, until

# What the newcomer's shell must not inherit from this one's.
OURS = ("VIRTUAL_ENV", "PYTHON", "SALES_STATE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "DYNAMODB_ENDPOINT")


def new_shell() -> dict[str, str]:
    """This machine's environment without what belongs to this folder."""
    return {name: value for name, value in os.environ.items() if name not in OURS}


def clone(folder: Path) -> None:
    """What is committed here, as a clone has it."""
    subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(folder)], check=True)


def have_installed(folder: Path, name: str, lock: str) -> None:
    """An environment that is there already, as setup.sh leaves it."""
    (folder / name / "bin").mkdir(parents=True)
    (folder / name / "bin" / "python").symlink_to(sys.executable)
    (folder / name / "pyvenv.cfg").write_text(f"command = python3.13 -m venv {folder / name}\n")
    summed = subprocess.run(["cksum"], input=(folder / lock).read_text(), capture_output=True, text=True, check=True)
    (folder / name / ".stamp").write_text("-".join(summed.stdout.split()))


def first_command(folder: Path) -> str:
    """The command the README opens with."""
    found = re.search(r"```sh\n(make \w+)", (folder / "README.md").read_text())
    assert found, "the README opens with no command"
    return found[1]


@contextlib.contextmanager
def started(folder: Path, command: str, given: dict[str, str]) -> Iterator[float]:
    """Runs the README's command until the block ends, then Ctrl-C; gives the seconds until it said that it is ready."""
    log = folder.parent / "run.log"
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-c", command], cwd=folder, env=given, stdout=output, stderr=output, start_new_session=True
        )

        def ready() -> bool:
            assert process.poll() is None, log.read_text()
            return "Sales runs on this machine" in log.read_text()

        try:
            # Installing takes less than a minute by itself, and several where other tests run beside it.
            until(ready, seconds=600)
            yield time.monotonic() - began
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
