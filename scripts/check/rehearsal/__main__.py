"""Deploy the build to an emulator of AWS and use every command of an operator on it; `make rehearse` runs it.

It prints a line for each step and stops at the first that fails. Nothing outside this machine is used.

  python -m scripts.check.rehearsal [--write] [--keep]
"""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

import requests
from botocore.exceptions import BotoCoreError, ClientError

from bench.report import publish, table
from scripts.check.rehearsal.emulator import RehearsalError, running
from scripts.check.rehearsal.stack import BUILD
from scripts.check.rehearsal.steps import STEPS, Rehearsal
from tests.support.system import free_ports


def rehearse(folder: Path, port: int) -> list[tuple[str, float]]:
    """Run the steps, print each with its seconds, and return them. Raise RehearsalError for the first that fails."""
    times: list[tuple[str, float]] = []
    began = time.monotonic()

    def done(title: str) -> None:
        nonlocal began
        times.append((title, time.monotonic() - began))
        print(f"{times[-1][1]:6.1f} s  {title}", flush=True)
        began = time.monotonic()

    with running(folder, port) as emulator:
        done("Start the emulator and the issuer")
        rehearsal = Rehearsal(emulator)
        for step in STEPS:
            title = (step.__doc__ or "").partition("\n")[0].rstrip(".")
            try:
                step(rehearsal)
            except Exception:
                print(f"FAILED    {title}", flush=True)
                raise
            done(title)
    return times


def main() -> int:
    """Rehearse; 1 if a step failed."""
    parser = argparse.ArgumentParser(description="Deploy the build to an emulator of AWS and operate it.")
    parser.add_argument("--write", action="store_true", help="write the times to bench/results/rehearsal.md")
    parser.add_argument("--port", type=int, default=0, help="the first of five ports; free ones without it")
    parser.add_argument("--keep", type=Path, help="an empty folder for the logs, which stay there")
    options = parser.parse_args()
    # An end from outside also ends what runs here.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if not (BUILD / "template.yaml").is_file():
        sys.exit("There is no build: run `make build`.")
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as temporary:
        try:
            times = rehearse(options.keep or Path(temporary), options.port or free_ports())
        except (RehearsalError, BotoCoreError, ClientError, requests.RequestException) as error:
            print(
                f"{type(error).__name__}: {error}" if not isinstance(error, RehearsalError) else error, file=sys.stderr
            )
            return 1
    total = sum(seconds for _, seconds in times)
    print(f"{total:6.1f} s  in all")
    if options.write:
        rows = [(title, f"{seconds:.1f} s") for title, seconds in (*times, ("In all", total))]
        publish("rehearsal", "Rehearsal: the built template in an emulator of AWS", table(("step", "time"), rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
