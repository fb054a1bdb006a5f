"""How every command of the local system ends at Ctrl-C, and who may read its files."""

import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from local.private_files import only_mine
from local.system.state import StartError

__all__ = ["INTERRUPTED", "run"]

# The exit status that shells report: 128 plus the number of SIGINT.
INTERRUPTED = 130


def run(main: Callable[[], int]) -> NoReturn:
    """Exit with the command's status, leaving files that only this user may read; at Ctrl-C, and for an error in the settings, with a sentence instead of a traceback.

    A script that starts a command in the background makes it ignore SIGINT, and its children inherit that. These commands
    wait for people and for servers, so Ctrl-C ends them there too.
    """
    only_mine()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sys.exit(main())
    except (StartError, ValueError) as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(INTERRUPTED)
