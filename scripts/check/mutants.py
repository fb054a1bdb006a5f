"""Change domain, services and store one expression at a time and see whether the tests notice; `make mutants` runs it.

Each worker has a copy of the tree and an environment that imports from it, so the tree itself is never touched. A first
run of tests/unit and tests/integration in a copy records which test executes which line. Every mutant then gets its own
forked process, with pytest and the libraries loaded already: first the unit tests of its module that execute the
statement, then the other tests that do, the quickest first, and if none fails all tests. With --quick the last run is only
that of files that start processes, where the record does not reach. scripts/check/mutants.toml lists the mutants that
change nothing a caller can see, and why.

  python -m scripts.check.mutants [--count 300] [--seed 1] [--module domain/money] [--list] [--quick] [--write]

Exits with 1 if a mutant survives that is not on the list.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import venv
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, cast

from coverage import CoverageData

from bench.report import publish, table
from scripts.check.mutations import Mutant, find

ROOT = Path(__file__).resolve().parents[2]
SALES = "shared/sales"
FOLDERS = ("domain", "services", "store")
TESTS = ["tests/unit", "tests/integration"]
EQUIVALENT = Path(__file__).with_suffix(".toml")
# Needed by tests, but not in git.
LINKED = ("node_modules", "functions/serve_docs/swagger-ui")
# A mutant may take this many times as long as the unchanged code, and so many seconds more, before it counts as hanging.
PATIENCE, GRACE_SECONDS = 5, 60


@dataclass(frozen=True)
class Outcome:
    """The fate of a mutant: `status` is killed, survived or timeout; `by` is the test that failed."""

    mutant: Mutant
    status: str
    by: str
    seconds: float

    def __str__(self) -> str:
        place = f"{self.mutant.file}:{self.mutant.line}"
        return f"{self.status:8} {place}  {self.mutant.change}  ({self.seconds:.1f} s) {self.by}"


class Worker:
    """A copy of the tree and the process that forks one test run after the other in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        _copy_tree(folder)
        venv.create(folder / ".venv", symlinks=True)
        [packages] = (folder / ".venv").glob("lib/python3*/site-packages")
        [installed] = (ROOT / ".venv").glob("lib/python3*/site-packages")
        (packages / "installed.pth").write_text(f"{installed}\n")
        # As scripts/setup.sh leaves it: tests that call `make` must find everything installed.
        (packages / "sales-project.pth").write_text(f"{folder}\n{folder / 'shared'}\n")
        shutil.copy2(ROOT / ".venv/.stamp", folder / ".venv/.stamp")
        self._server = subprocess.Popen(
            [str(folder / ".venv/bin/python"), "-m", "scripts.check.mutant_server"],
            cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._jobs, self._answers = cast(IO[str], self._server.stdin), cast(IO[str], self._server.stdout)

    def ask(self, **job: Any) -> dict[str, Any]:
        """Have the server run one job (see mutant_server.py)."""
        self._jobs.write(json.dumps(job) + "\n")
        self._jobs.flush()
        answer: dict[str, Any] = json.loads(self._answers.readline())
        return answer

    def close(self) -> None:
        """End the server, which ends the run under way."""
        self._jobs.close()
        self._server.terminate()
        self._server.wait(30)


def _copy_tree(folder: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for name in LINKED:
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)


@contextmanager
def working(count: int) -> Iterator[list[Worker]]:
    """Start so many workers, each with its own copy."""
    with ExitStack() as stack:
        folders = [stack.enter_context(tempfile.TemporaryDirectory(prefix="mutants-")) for _ in range(count)]
        workers = [Worker(Path(folder).resolve()) for folder in folders]
        for worker in workers:
            stack.callback(worker.close)
        yield workers


class Tests:
    """A run of the unchanged code: which tests execute a line, how long all take, which modules they import."""

    def __init__(self, workers: list[Worker], *, quick: bool = False) -> None:
        """Raise `SystemExit` if a test fails: then no mutant can be judged."""
        parts = [TESTS] if len(workers) == 1 else [[folder] for folder in TESTS]
        with ThreadPoolExecutor(len(parts)) as threads:
            asked = [
                (worker, threads.submit(worker.ask, tests=part, coverage=True, timeout=7200))
                for worker, part in zip(workers, parts, strict=False)
            ]
        self._durations: dict[str, float] = {}
        self.modules: set[str] = set()
        self._data = []
        for worker, future in asked:
            answer = future.result()
            if answer["status"] != "survived":
                sys.exit(f"The tests fail without a mutant: {answer['by']}\n{answer['output']}")
            self._durations |= answer["durations"]
            self.modules.update(answer["modules"])
            data = CoverageData(str(worker.folder / ".coverage"))
            data.read()
            self._data.append((worker.folder, data))
        self._last = TESTS
        if quick:
            root = workers[0].folder
            files = sorted(file for folder in TESTS for file in (root / folder).rglob("test_*.py"))
            self._last = [str(file.relative_to(root)) for file in files if "subprocess" in file.read_text()]

    def of(self, mutant: Mutant) -> list[list[str]]:
        """Return the stages to run: lists of test ids, or of files."""
        contexts: set[str] = set()
        for folder, data in self._data:
            lines = data.contexts_by_lineno(str(folder / mutant.file))
            contexts.update(context for line in mutant.lines for context in lines.get(line, []))
        own = mirror(mutant.file)
        names = sorted({context.rpartition("|")[0] for context in contexts if context}, key=self._durations.__getitem__)
        first = [name for name in names if name.startswith(own)]
        # The empty context is that of imports, which every test depends on.
        last = TESTS if "" in contexts else self._last
        return [stage for stage in (first, [name for name in names if name not in first], last) if stage]

    def seconds(self, stage: list[str]) -> float:
        """Return how long a stage takes without a mutant."""
        ids = set(stage)
        places = tuple(name for name in stage if "::" not in name)
        return sum(took for name, took in self._durations.items() if name in ids or name.startswith(places))


def mirror(file: str) -> str:
    """Return the path of a module's unit tests: a file under tests/unit, or for a package its folder."""
    path = Path(file.removeprefix(f"{SALES}/"))
    name = path.parent if path.name == "__init__.py" else path.parent / f"test_{path.stem}.py"
    return f"tests/unit/{name}"


def judge(worker: Worker, tests: Tests, mutant: Mutant) -> Outcome:
    """Run the tests against the mutant until one fails."""
    source = mutant.apply((worker.folder / mutant.file).read_bytes()).decode()
    seconds = 0.0
    answer: dict[str, Any] = {"status": "survived", "by": ""}
    for stage in tests.of(mutant):
        files = list(dict.fromkeys(name.partition("::")[0] for name in stage))
        only = [name for name in stage if "::" in name]
        timeout = PATIENCE * tests.seconds(stage) + GRACE_SECONDS
        answer = worker.ask(file=mutant.file, source=source, tests=files, only=only, timeout=timeout)
        seconds += answer["seconds"]
        if answer["status"] == "error":
            raise RuntimeError(f"{mutant}: pytest did not run: {answer['output']}")
        if answer["status"] != "survived":
            break
    return Outcome(mutant, answer["status"], answer["by"], seconds)


def run(mutants: list[Mutant], count: int, *, quick: bool = False) -> list[Outcome]:
    """Judge the mutants with so many workers, printing each; keep their order."""
    with working(count) as workers:
        tests = Tests(workers, quick=quick)
        print(f"The tests pass in {tests.seconds(TESTS):.0f} s without a mutant.", flush=True)
        free: SimpleQueue[Worker] = SimpleQueue()
        for worker in workers:
            worker.ask(preload=sorted(tests.modules))
            free.put(worker)

        def one(mutant: Mutant) -> Outcome:
            worker = free.get()
            try:
                outcome = judge(worker, tests, mutant)
            finally:
                free.put(worker)
            print(outcome, flush=True)
            return outcome

        with ThreadPoolExecutor(count) as threads:
            return list(threads.map(one, mutants))


def candidates(module: str) -> list[Mutant]:
    """Return every mutant of the modules whose path begins with `module`, such as "domain/sms"; all for an empty one."""
    paths = sorted(path for folder in FOLDERS for path in (ROOT / SALES / folder).rglob("*.py"))
    names = [path.relative_to(ROOT).as_posix() for path in paths]
    chosen = [name for name in names if name.startswith(f"{SALES}/{module}")]
    return [mutant for name in chosen for mutant in find(name, (ROOT / name).read_bytes())]


def reasons() -> dict[tuple[str, str, str], str]:
    """Return why mutants that no test can notice are equivalent, by file, function and change."""
    entries = tomllib.loads(EQUIVALENT.read_text())["equivalent"]
    return {(entry["file"], entry["function"], entry["change"]): entry["why"] for entry in entries}


def key(mutant: Mutant) -> tuple[str, str, str]:
    """Return a name of the mutant that survives changes to other lines of its module."""
    return mutant.file, mutant.function, mutant.change


def report(outcomes: list[Outcome], known: dict[tuple[str, str, str], str], drawn: str) -> str:
    """Return the page: how many mutants of each folder died, and the survivors."""
    counts = Counter((outcome.mutant.file.split("/")[2], outcome.status) for outcome in outcomes)
    rows = [[folder, *(counts[folder, status] for status in ("killed", "timeout", "survived"))] for folder in FOLDERS]
    survivors = [outcome.mutant for outcome in outcomes if outcome.status == "survived"]
    listed = [
        [f"{each.file}:{each.line}", f"`{each.change}`", known.get(key(each), "**not explained**")]
        for each in survivors
    ]
    seconds = sum(outcome.seconds for outcome in outcomes) / len(outcomes)
    parts = [drawn, table(("folder", "killed", "hung", "survived"), rows)]
    parts.append(
        f"{len(survivors)} of {len(outcomes)} survive ({len(survivors) / len(outcomes):.1%}); {seconds:.1f} s each."
    )
    return "\n\n".join([*parts, table(("survivor", "change", "why it is equivalent"), listed)] if listed else parts)


def main() -> int:
    """Run the mutants drawn; 1 if one survives without a reason, or the list names a mutant that does not exist."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, help="draw so many at random (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="which ones are drawn")
    parser.add_argument("--module", default="", help="only modules whose path begins so: domain, store/orders")
    parser.add_argument("--list", action="store_true", help="print the mutants and run nothing")
    parser.add_argument("--quick", action="store_true", help="do not run all tests on survivors")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="write bench/results/mutants.md")
    options = parser.parse_args()
    everything = candidates("")
    known = reasons()
    stale = known.keys() - {key(mutant) for mutant in everything}
    for name in sorted(stale):
        print("mutants.toml lists a mutant that no longer exists:", *name, file=sys.stderr)
    mutants = candidates(options.module)
    drawn = f"All {len(mutants):,} mutants of {options.module or ', '.join(FOLDERS)}."
    if options.count and options.count < len(mutants):
        drawn = f"{options.count} of {len(mutants):,} mutants of {options.module or ', '.join(FOLDERS)}, drawn with seed {options.seed}."
        mutants = random.Random(options.seed).sample(mutants, options.count)  # noqa: S311 - a sample, no secret
    if options.list:
        print(
            *(f"{mutant.file}:{mutant.line}  {mutant.function}  {mutant.change}" for mutant in mutants), drawn, sep="\n"
        )
        return 1 if stale else 0
    began = time.monotonic()
    outcomes = run(mutants, options.workers, quick=options.quick)
    body = f"{report(outcomes, known, drawn)}\n\nIt took {(time.monotonic() - began) / 60:.0f} minutes."
    if options.write:
        publish("mutants", "Mutants: what the tests notice", body)
    else:
        print(body)
    unexplained = [each for each in outcomes if each.status == "survived" and key(each.mutant) not in known]
    return 1 if unexplained or stale else 0


if __name__ == "__main__":
    sys.exit(main())
