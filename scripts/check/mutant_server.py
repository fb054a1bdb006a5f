"""Run tests in forked processes, one mutant after the other; scripts/check/mutants.py starts it in a copy of the tree.

Each line on standard input is a job, each line on standard output its answer, both JSON. `{"preload": [...]}` imports
these modules for all later runs. Any other job runs `tests` (files or folders), of them `only` these test ids if given,
with `source` in place of `file`, and answers `{status, by, seconds, output, modules, durations}`.
"""

import importlib
import json
import os
import signal
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Packages that each mutant must import again.
OURS = ("sales", "tests", "functions", "deployment", "contract", "local", "scripts", "bench", "test_", "conftest")
# This reads the source and runs none of it, so no mutant can fail it.
STATIC = "tests/unit/test_import_law.py"
LOG, SAID = Path(".mutants.log"), Path(".mutants.json")


class Choice:
    """A pytest plugin: keep the tests of `only`, in its order, and note the first one that fails."""

    def __init__(self, only: list[str] | None) -> None:
        self._order = {name: position for position, name in enumerate(only or [])}
        self.failed = ""
        self.seconds: dict[str, float] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Drop and sort."""
        items[:] = [item for item in items if not item.nodeid.startswith(STATIC)]
        if self._order:
            items[:] = sorted(
                (item for item in items if item.nodeid in self._order), key=lambda item: self._order[item.nodeid]
            )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure, and how long each test takes."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0) + report.duration
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that cannot be imported."""
        if report.failed and not self.failed:
            self.failed = report.nodeid


def child(job: dict[str, Any]) -> int:
    """Run the tests; say what failed in a file. Return pytest's exit status."""
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    output = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(output, stream)
    # A loaded machine must not kill a mutant, and chance must not decide about one.
    settings.register_profile(
        "mutants", deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    settings.load_profile("mutants")
    choice = Choice(job.get("only"))
    arguments = ["-x", "-q", "-p", "no:cacheprovider", "--basetemp=.mutants", *job["tests"]]
    if job.get("coverage"):
        arguments += ["--cov", "--cov-context=test", "--cov-fail-under=0", "--cov-report="]
    status = pytest.main(arguments, plugins=[choice])
    modules = [name for name in sys.modules if not name.startswith(OURS)] if job.get("coverage") else []
    SAID.write_text(json.dumps({"by": choice.failed, "modules": modules, "durations": choice.seconds}))
    return int(status)


def wait(pid: int, seconds: float) -> int | None:
    """Return the exit status of the child, or None once it was killed for taking longer than that."""
    give_up = time.monotonic() + seconds
    ended = None
    try:
        while not ended and time.monotonic() < give_up:
            time.sleep(0.01)
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    finally:
        # With everything that its tests started.
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) if ended else None


def run(job: dict[str, Any], number: int) -> dict[str, Any]:
    """Run one job in a forked process and put the file back."""
    SAID.write_text('{"by": "", "modules": [], "durations": {}}')
    file = Path(job.get("file", "pyproject.toml"))
    kept = file.read_bytes()
    if "source" in job:
        file.write_text(job["source"])
        # Bytecode is kept by time and size, and mutants of one size follow each other within a second.
        os.utime(file, (number, number))
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        code = 3
        try:
            code = child(job)
        finally:
            os._exit(code)
    status = wait(pid, job["timeout"])
    seconds = time.monotonic() - began
    if "source" in job:
        file.write_bytes(kept)
        os.utime(file, (number, number + 1))
    answer: dict[str, Any] = json.loads(SAID.read_text())
    output = LOG.read_text()[-2000:]
    if status == pytest.ExitCode.USAGE_ERROR and "while loading conftest" in output:
        answer["by"] = "conftest.py"
    # Anything but a failed test or import is a fault of this script, not of the mutant.
    name = "timeout" if status is None else "survived" if status == 0 else "killed" if answer["by"] else "error"
    return answer | {"status": name, "seconds": seconds, "output": output}


def main() -> None:
    """Answer jobs until standard input ends, or until SIGTERM, which ends the run under way too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    for number, line in enumerate(sys.stdin):
        job = json.loads(line)
        if "preload" in job:
            with warnings.catch_warnings(action="ignore"):
                for name in job["preload"]:
                    with suppress(Exception):
                        importlib.import_module(name)
            answer: dict[str, Any] = {}
        else:
            answer = run(job, 1_000_000_000 + 10 * number)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
