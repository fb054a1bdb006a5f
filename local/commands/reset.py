"""`make reset`: forgets everything the system on this machine has stored."""

import shutil
import sys

from local.commands.cli import run
from local.config import Config
from local.system.supervisor import StartError, left_over, lock

__all__ = ["reset"]


def reset(config: Config) -> str:
    """Removes the state folder and says so. Raises StartError while a system, or a part of one, runs on it."""
    state = config.state
    if not state.is_dir():
        return "Nothing is stored."
    with lock(state):
        if parts := left_over(config):
            raise StartError(
                f"Parts of a killed system still run ({', '.join(parts)}). `make run` ends them; stop it, then reset."
            )
        shutil.rmtree(state)
    return "Everything is forgotten: customers, orders, texts, keys and logs."


def main() -> int:
    """Forgets everything, or says why it does not."""
    try:
        print(reset(Config.from_environ()))
    except (StartError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run(main)
