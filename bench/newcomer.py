"""What a newcomer waits for: a fresh clone, the README's own commands, to the first text on a phone.

The package caches are new and empty, so everything is downloaded; the second start has what the first one installed.
Whole-process times, from the command to what a person sees. Ends with status 1 when a goal is missed.
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
    """A new person's on this machine: caches of their own, empty as long as `home` is new."""
    caches = {
        "PIP_CACHE_DIR": str(home / "pip"),
        "UV_CACHE_DIR": str(home / "uv"),
        "npm_config_cache": str(home / "npm"),
        "PORT": str(port),
    }
    return new_shell() | caches


def texts(port: int) -> int:
    """How many texts the phones page has."""
    with (
        contextlib.suppress(OSError, http.client.HTTPException),
        urllib.request.urlopen(f"http://127.0.0.1:{port + 2}/_sandbox/phones", timeout=5) as answer,
    ):
        return sum(len(phone["messages"]) for phone in json.load(answer)["phones"])
    return 0


def main() -> int:
    """Both starts, measured; 1 when one missed its goal."""
    with tempfile.TemporaryDirectory(prefix="newcomer-") as name:
        home = Path(name)
        port = free_ports()
        given = environment(home, port)
        began = time.monotonic()
        clone(home / "sales")
        command = first_command(home / "sales")
        with started(home / "sales", command, given) as cold:
            # The second shell: what the start itself offers.
            demo = subprocess.Popen(
                ["make", "demo"], cwd=home / "sales", env=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            until(lambda: texts(port), seconds=60)
            to_text = time.monotonic() - began
            demo.wait(120)
            assert demo.returncode == 0, "make demo failed"
        with started(home / "sales", command, given) as second:
            assert texts(port), "the texts are gone after the second start"
        size = sum(file.lstat().st_size for file in (home / "sales").rglob("*") if file.is_file()) / 2**20
    used = [command, "make demo"]
    rows = [
        ("commands after the clone", f"{len(used)}: {', '.join(f'`{each}`' for each in used)}", COMMANDS),
        ("clone to the first text on the phones page, cold caches", f"{to_text:.1f} s", f"{COLD_SECONDS} s"),
        ("of that, until it says that it runs", f"{cold:.1f} s", ""),
        ("second start, until it says that it runs", f"{second:.1f} s", f"{SECOND_SECONDS} s"),
        ("the folder afterwards", f"{size:.0f} MiB", ""),
    ]
    publish("newcomer", "A newcomer: fresh clone, README only", table(("measured", "", "goal"), rows))
    return int(to_text > COLD_SECONDS or second > SECOND_SECONDS or len(used) > COMMANDS)


if __name__ == "__main__":
    sys.exit(main())
