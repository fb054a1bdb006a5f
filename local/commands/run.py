"""`make run`: the whole system on this machine, until Ctrl-C."""

import sys

from local.commands.cli import run
from local.config import Config
from local.system.supervisor import Supervisor

__all__ = ["main"]


def main() -> int:
    """Run the system; `--without gateway` leaves out the API's own port, for sam local.

    Raise StartError if it cannot start, ValueError for a setting that cannot be used.
    """
    arguments = sys.argv[1:]
    if arguments not in ([], ["--without", "gateway"]):
        print("usage: python -m local.commands.run [--without gateway]", file=sys.stderr)
        return 2
    Supervisor(Config.from_environ(), http=not arguments).run()
    return 0


if __name__ == "__main__":
    run(main)
