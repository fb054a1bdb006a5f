"""Measure a newcomer's wait: a fresh clone and the README's own commands, until the first text is on a phone.

The package caches are new and empty, so everything is downloaded; the second start uses what the first one installed.
Times run from the command until a person sees the result. Exits with 1 if a goal is missed.
"""

import contextlib
import http.client
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from bench.report import publish, table
from tests.support.clones import clone, first_command, new_shell, started
from tests.support.system import free_ports, until

COLD_SECONDS = 90
SECOND_SECONDS = 5
COMMANDS = 2


def environment(home: Path, port: int) -> dict[str, str]:
    """Return a new user's environment on this machine, with their own caches, empty if `home` is new."""
    caches = {
        "PIP_CACHE_DIR": str(home / "pip"),
        "UV_CACHE_DIR": str(home / "uv"),
        "npm_config_cache": str(home / "npm"),
        "PORT": str(port),
    }
    return new_shell() | caches


def texts(port: int) -> int:
    """Return how many texts the phones page shows."""
    with (
        contextlib.suppress(OSError, http.client.HTTPException),
        urllib.request.urlopen(f"http://127.0.0.1:{port + 2}/_sandbox/phones", timeout=5) as answer,
    ):
        return sum(len(phone["messages"]) for phone in json.load(answer)["phones"])
    return 0


def main() -> int:
    """Measure both starts; 1 if one missed its goal."""
    with tempfile.TemporaryDirectory(prefix="newcomer-") as name:
        home = Path(name)
        port = free_ports()
        variables = environment(home, port)
        began = time.monotonic()
        clone(home / "sales")
        command = first_command(home / "sales")
        with started(home / "sales", command, variables) as cold:
            # In a second shell, the command that the start suggests.
            demo = subprocess.Popen(
                ["make", "demo"],
                cwd=home / "sales",
                env=variables,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            until(lambda: texts(port), seconds=60)
            to_text = time.monotonic() - began
            demo.wait(120)
            if demo.returncode:
                raise RuntimeError("make demo failed")
        with started(home / "sales", command, variables) as second:
            if not texts(port):
                raise RuntimeError("the texts are gone after the second start")
        size = sum(file.lstat().st_size for file in (home / "sales").rglob("*") if file.is_file()) / 2**20
    used = [command, "make demo"]
    rows = [
        ("commands after the clone", f"{len(used)}: {', '.join(f'`{each}`' for each in used)}", COMMANDS),
        ("clone to the first text on the phones page, cold caches", f"{to_text:.1f} s", f"{COLD_SECONDS} s"),
        ("of that, until it says that it is running", f"{cold:.1f} s", ""),
        ("second start, until it says that it is running", f"{second:.1f} s", f"{SECOND_SECONDS} s"),
        ("the folder afterwards", f"{size:.0f} MiB", ""),
    ]
    publish("newcomer", "A newcomer: fresh clone, README only", table(("measured", "", "goal"), rows))
    return int(to_text > COLD_SECONDS or second > SECOND_SECONDS or len(used) > COMMANDS)


if __name__ == "__main__":
    sys.exit(main())
