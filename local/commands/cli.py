"""What every command of the local system does alike when a person breaks it off."""

import sys
from collections.abc import Callable
from typing import NoReturn

__all__ = ["INTERRUPTED", "run"]

# As shells count it: 128 and the number of SIGINT.
INTERRUPTED = 130


def run(main: Callable[[], int]) -> NoReturn:
    """Exits with the command's status; at Ctrl-C with a sentence in the place of a traceback."""
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(INTERRUPTED)
