"""Which processes belong to the system: `.local/pids.json`, written by whoever starts one."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path

__all__ = ["drop_pid", "read", "set_pid", "set_pids"]


def read(state: Path) -> dict[str, int]:
    """The process ids by name; empty where no system has run."""
    try:
        found: dict[str, int] = json.loads((state / "pids.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found


def set_pid(state: Path, name: str, pid: int) -> None:
    """From now on the process of this name has this id."""
    set_pids(state, (name,), pid)


def set_pids(state: Path, names: Iterable[str], pid: int) -> None:
    """From now on the process of all these names has this id: nobody reads the new one for some of them only."""
    with _changing(state) as pids:
        pids.update(dict.fromkeys(names, pid))


def drop_pid(state: Path, name: str, pid: int | None = None) -> None:
    """The process of this name has ended (with a pid: only if it is still that one)."""
    with _changing(state) as pids:
        if pid in (None, pids.get(name)):
            pids.pop(name, None)


@contextmanager
def _changing(state: Path) -> Iterator[MutableMapping[str, int]]:
    state.mkdir(parents=True, exist_ok=True)
    # A lock file of its own, since the list itself is replaced whole: a reader never sees half of it.
    with (state / "pids.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        pids = read(state)
        yield pids
        new = state / f"pids.{os.getpid()}.tmp"
        new.write_text(json.dumps(pids, indent=1, sort_keys=True))
        new.replace(state / "pids.json")
