"""Processes that a killed supervisor left running."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from local.config import Config
from local.system import pids
from local.system.parts import STOP_ORDER, stop_seconds

__all__ = ["end_leftovers", "left_over"]

_PROC = Path("/proc/self/cmdline").exists()


def left_over(config: Config) -> dict[str, int]:
    """Return the processes of an earlier run that are still running, by name, in the order in which to stop them."""
    running = {name: pid for name, pid in pids.read(config.state).items() if _is_ours(name, pid, config)}
    return dict(sorted(running.items(), key=lambda entry: STOP_ORDER.index(entry[0].partition("-")[0])))


def end_leftovers(config: Config) -> bool:
    """End the processes of an earlier run and clear pids.json; return whether it listed any, running or not."""
    for name, pid in left_over(config).items():
        # A worker may be sending a text. Its runtime is gone, so it gets no other event.
        for number, seconds in ((signal.SIGTERM, stop_seconds(name)), (signal.SIGKILL, 2.0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            end = time.monotonic() + seconds
            while (running := _is_ours(name, pid, config)) and time.monotonic() < end:
                time.sleep(0.02)
            if not running:
                break
    processes = pids.read(config.state)
    for name, pid in processes.items():
        if pid != os.getpid() and not _is_ours(name, pid, config):
            pids.drop_pid(config.state, name, pid)
    return bool(processes)


def _is_ours(name: str, pid: int, config: Config) -> bool:
    """Whether the process is still that part of this system: the kernel reuses process ids."""
    if pid == os.getpid():
        return False
    command, environment = _command(pid), _environment(pid)
    if name == "store":
        return str(config.state) in command or str(config.state) in environment
    if name.startswith("worker-"):
        # The state folder stands in the worker's permissions.
        matches = f"={name}\n" in environment and f'"{config.state}"' in environment
        return "awslambdaric" in command and (not environment or matches)
    return "-m local" in command and (not environment or f"SALES_STATE={config.state}\n" in environment)


def _command(pid: int) -> str:
    """Return the command line of a process, or an empty text if it does not exist."""
    with contextlib.suppress(OSError):
        if _PROC:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        result = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False)
        return result.stdout.decode(errors="replace")
    return ""


def _environment(pid: int) -> str:
    """Return the variables a process was started with, one a line; empty where the system does not show them."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes().replace(b"\0", b"\n").decode(errors="replace")
    return ""
