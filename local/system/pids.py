"""Which processes belong to the system: `.local/pids.json`, written by every part that starts one."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path

__all__ = ["drop_pid", "read", "set_pid", "set_pids"]


def read(state: Path) -> dict[str, int]:
    """Return the process ids by name; empty where no system has run."""
    try:
        processes: dict[str, int] = json.loads((state / "pids.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return processes


def set_pid(state: Path, name: str, pid: int) -> None:
    """Record the id of the process with this name."""
    set_pids(state, (name,), pid)


def set_pids(state: Path, names: Iterable[str], pid: int) -> None:
    """Record one process id for all these names, in one step: a reader never sees only some of them."""
    with _changing(state) as pids:
        pids.update(dict.fromkeys(names, pid))


def drop_pid(state: Path, name: str, pid: int | None = None) -> None:
    """Remove a process that has ended; with a pid, only if the name still means that process."""
    with _changing(state) as pids:
        if pid in (None, pids.get(name)):
            pids.pop(name, None)


@contextmanager
def _changing(state: Path) -> Iterator[MutableMapping[str, int]]:
    state.mkdir(parents=True, exist_ok=True)
    # The lock is a separate file because the list is replaced whole, so that readers never see half of it.
    with (state / "pids.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        pids = read(state)
        yield pids
        draft = state / f"pids.{os.getpid()}.tmp"
        draft.write_text(json.dumps(pids, indent=1, sort_keys=True))
        draft.replace(state / "pids.json")
