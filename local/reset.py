"""`make reset`: forgets everything the system on this machine has stored."""

import fcntl
import shutil
import sys

from local.config import Config


def main() -> int:
    """Removes the state folder, unless a system runs on it."""
    state = Config.from_environ().state
    if not state.exists():
        return 0
    with (state / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("The system runs. Stop it with Ctrl-C first.", file=sys.stderr)
            return 1
        shutil.rmtree(state)
    return 0


if __name__ == "__main__":
    sys.exit(main())
