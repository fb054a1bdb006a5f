"""`make run`: the whole system on this machine, until Ctrl-C."""

import sys

from local.commands.cli import run
from local.config import Config
from local.system.state import StartError
from local.system.supervisor import Supervisor

__all__ = ["main"]


def main() -> int:
    """Run the system; `--without gateway` leaves out the API's own port, for sam local."""
    arguments = sys.argv[1:]
    if arguments not in ([], ["--without", "gateway"]):
        print("usage: python -m local.commands.run [--without gateway]", file=sys.stderr)
        return 2
    try:
        Supervisor(Config.from_environ(), http=not arguments).run()
    except (StartError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run(main)
