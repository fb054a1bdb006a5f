"""Starting a function: work that Lambda's initialisation does, at full speed, before the first request.

Only AWS's runtime client starts a function. Importing a function anywhere else (a test, a tool) creates nothing and
leaves the garbage collector alone.
"""

import gc
import random
import sys
from collections.abc import Callable
from contextlib import suppress

__all__ = ["at_start", "begin", "started"]

_factories: list[Callable[[], object]] = []


def _in_lambda() -> bool:
    return "awslambdaric" in sys.modules


def begin() -> None:
    """Prepare the imports.

    They leave no garbage, and looking for it takes a tenth of the start; what libraries import and hardly use takes a twentieth.
    """
    if _in_lambda():
        gc.disable()
        # Late: only functions that start need it.
        from sales.runtime.late_modules import LATE, run_late

        for name, functions in LATE.items():
            run_late(name, functions)


def at_start[Factory: Callable[[], object]](factory: Factory) -> Factory:
    """Call this at the start of each function that imports it. The factory must remember its result."""
    _factories.append(factory)
    return factory


def started[Handler: Callable[..., object]](handler: Handler) -> Handler:
    """Finish the start of a function. Wrap the handler, the last definition of its module: by then all is imported.

    A missing or invalid setting fails the start, so the deployment fails and the log names the setting. All functions
    share the same settings, and none could work without them.
    """
    if _in_lambda():
        # Not at the top of this file: `begin` must run before any import.
        from sales.runtime.settings import settings, starts_from_snapshot

        settings()
        for factory in _factories:
            # If it fails, it fails again for the first request that needs it, which logs and answers the error.
            with suppress(Exception):
                factory()
        if starts_from_snapshot():
            # Part of Lambda's runtime, which imports it only after the handler.
            import snapshot_restore_py

            # Environments from one snapshot would otherwise all wait the same random times.
            snapshot_restore_py.register_after_restore(random.seed)
        # Everything so far lives as long as the process: no collection needs to look at it again.
        gc.freeze()
        gc.enable()
    return handler
