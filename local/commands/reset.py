"""`make reset`: deletes everything that the system on this machine has stored."""

import shutil

from local.commands.cli import run
from local.config import Config
from local.system.leftovers import left_over
from local.system.state import StartError, hold

__all__ = ["reset"]


def reset(config: Config) -> str:
    """Delete the state folder and say so. Raise StartError while a system, or a part of one, is running on it."""
    state = config.state
    if not state.is_dir():
        return "Nothing is stored."
    with hold(state):
        if parts := left_over(config):
            raise StartError(
                f"Parts of a killed system are still running ({', '.join(parts)}). "
                "End them with `make run` and Ctrl-C, then reset."
            )
        shutil.rmtree(state)
    return "Deleted everything: customers, orders, texts, keys and logs."


def main() -> int:
    """Delete everything. Raise StartError or ValueError as `reset` and the configuration do."""
    print(reset(Config.from_environ()))
    return 0


if __name__ == "__main__":
    run(main)
