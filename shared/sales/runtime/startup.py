"""A function's start: what Lambda's initialisation, at full speed and before any request, can do for the first one.

Only AWS's runtime client starts a function. Whoever else imports one (a test, a tool) has nothing made, and keeps the
collector as it was.
"""

import gc
import random
import sys
from collections.abc import Callable
from contextlib import suppress

__all__ = ["at_start", "begin", "started"]

_wanted: list[Callable[[], object]] = []


def _in_lambda() -> bool:
    return "awslambdaric" in sys.modules


def begin() -> None:
    """Imports come next, and none of what they make is garbage: looking for it would take a tenth of the start."""
    if _in_lambda():
        gc.disable()


def at_start[Make: Callable[[], object]](make: Make) -> Make:
    """Has this called when a function starts that imports it; it must remember what it made."""
    _wanted.append(make)
    return make


def started[Handler: Callable[..., object]](handler: Handler) -> Handler:
    """For the handler, the last thing that a function's module defines: everything is imported now.

    Settings that are missing or unfit end the start: the deployment shows it, and the log has the sentence that says
    which one. Every function has the same, and none of them could do its work.
    """
    if _in_lambda():
        # Not at the top, where nothing may be imported before `begin`.
        from sales.runtime.settings import settings

        settings()
        for make in _wanted:
            # What cannot be made says so to the first request that needs it, where it is logged and answered.
            with suppress(Exception):
                make()
        # Late: whatever this module imported would be imported before `begin`.
        from sales.runtime.settings import starts_from_snapshot

        if starts_from_snapshot():
            # The runtime brings it, and imports it only after the handler.
            import snapshot_restore_py

            # Many environments begin as one: without this, all would wait the same random times.
            snapshot_restore_py.register_after_restore(random.seed)
        # What is there now stays: no collection need look at it again.
        gc.freeze()
        gc.enable()
    return handler
