"""The state folder: one system at a time may use it, and only with the layout that it writes."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from local.system import pids

__all__ = ["LAYOUT", "StartError", "check_layout", "hold"]

# The layout of the files under .local. Another number means that another version of this system wrote them.
LAYOUT = "1"


class StartError(Exception):
    """The system cannot start; the message says why and what to do."""


def check_layout(state: Path) -> None:
    """Raise StartError if another version of this system wrote the state folder."""
    file = state / "version"
    layout = file.read_text().strip() if file.exists() else None
    if layout != LAYOUT and (layout or (state / "store").exists()):
        raise StartError(
            f"{state} holds data of another version of this system. Run `make reset`, which deletes it, then start again."
        )


@contextlib.contextmanager
def hold(state: Path) -> Iterator[None]:
    """Keep other systems from using a state folder. Raise StartError if one already does."""
    with (state / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = pids.read(state).get("supervisor")
            raise StartError(f"Already running (process {pid}). Press Ctrl-C in its terminal to stop it.") from None
        yield
