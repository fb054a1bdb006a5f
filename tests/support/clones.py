"""Fresh clones, used as a newcomer does: committed files only, in a shell that does not know this folder."""

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

# Variables that the newcomer's shell must not inherit.
OURS = ("VIRTUAL_ENV", "PYTHON", "SALES_STATE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "DYNAMODB_ENDPOINT")


def new_shell() -> dict[str, str]:
    """Return this machine's environment without the variables that belong to this folder."""
    return {name: value for name, value in os.environ.items() if name not in OURS}


def clone(folder: Path) -> None:
    """Clone the committed files."""
    subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(folder)], check=True)


def have_installed(folder: Path, name: str, lock: str) -> None:
    """Leave an environment behind as setup.sh does, so that it installs nothing."""
    (folder / name / "bin").mkdir(parents=True)
    (folder / name / "bin" / "python").symlink_to(sys.executable)
    (folder / name / "pyvenv.cfg").write_text(f"command = python3.13 -m venv {folder / name}\n")
    summed = subprocess.run(["cksum"], input=(folder / lock).read_text(), capture_output=True, text=True, check=True)
    (folder / name / ".stamp").write_text("-".join(summed.stdout.split()))


def first_command(folder: Path) -> str:
    """Return the first command in the README."""
    match = re.search(r"```sh\n(make \w+)", (folder / "README.md").read_text())
    assert match, "the README opens without a command"
    return match[1]


@contextlib.contextmanager
def started(folder: Path, command: str, environment: dict[str, str]) -> Iterator[float]:
    """Run the README's command during the block, then press Ctrl-C; yield the seconds until it was ready."""
    log = folder.parent / "run.log"
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-c", command], cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )

        def ready() -> bool:
            assert process.poll() is None, log.read_text()
            return "Sales is running on this machine" in log.read_text()

        try:
            # Installing takes less than a minute, or several while other tests run.
            until(ready, seconds=600)
            yield time.monotonic() - began
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
