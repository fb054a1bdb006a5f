"""Measure how fast our functions start and work, next to what people would use instead; `make bench` runs it.

Every contestant is a folder as it would be deployed, started by AWS's own runtime client against a Runtime API and the
same store. CPU is user + system time of the function's process, read when it asks for its next event. Contestants take
turns, so that other load on the machine hits them alike, and a cold start's ratio is to a start of (a) right before it;
figures are medians over the rounds. Compare the ratios to (a): they hold on other machines, milliseconds do not.

  python -m bench.fast [--rounds 9] [--warm 100] [--no-instructions] [--only a,c] [--before OLD/.aws-sam/build]
"""

import argparse
import json
import os
import random
import statistics
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import build, fast_report, servers
from bench.contest import BATCH, FUNCTIONS, Contest, Contestant
from bench.report import RESULTS, machine
from bench.runtime_api import Environment, Function
from bench.services import Provider, running_store, serving
from tests.support.tokens import Issuer, running

WARM_UP = 30
WARM_ROUNDS = 3


def cold(contest: Contest, contestant: Contestant, name: str) -> dict[str, float]:
    """Measure a start and its first request."""
    event = contest.event(contestant, name)
    with Environment(contestant.functions[name]) as environment:
        first = environment.invoke(event)
        return {
            "init_cpu": environment.init.cpu,
            "init_wall": environment.init.wall,
            "first_cpu": first.cpu,
            "first_wall": first.wall,
            "cold_cpu": environment.init.cpu + first.cpu,
            "cold_wall": environment.init.wall + first.wall,
            "cold_memory": environment.peak_memory(),
        }


def instructions(contest: Contest, contestant: Contestant, name: str) -> int:
    """Count the instructions of a start and its first request with callgrind, system calls excluded."""
    function = contestant.functions[name]
    fixed = Function(function.handler, function.task, function.path, function.environment | {"PYTHONHASHSEED": "0"})
    with tempfile.TemporaryDirectory() as folder:
        tool = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out")
        environment = Environment(fixed, *tool)
        environment.invoke(contest.event(contestant, name))
        output = environment.close(gently=True)
    return next(int(line.split()[-1]) for line in output.splitlines() if "Collected" in line)


def warm(
    contest: Contest, chosen: list[Contestant], name: str, rounds: int, requests: int
) -> dict[str, dict[str, float]]:
    """Measure warm requests: all contestants' environments run at the same time and take turns, request by request."""
    figures: dict[str, dict[str, list[float]]] = {each.key: {"cpu": [], "p99": [], "wall": []} for each in chosen}
    memory = {}
    with ExitStack() as stack:
        environments = {each.key: stack.enter_context(Environment(each.functions[name])) for each in chosen}
        for each in chosen:
            for _ in range(WARM_UP):
                environments[each.key].invoke(contest.event(each, name))
        for _ in range(rounds):
            spent: dict[str, list[Any]] = {each.key: [] for each in chosen}
            for _ in range(requests):
                for each in chosen:
                    spent[each.key].append(environments[each.key].invoke(contest.event(each, name)))
            for key, invocations in spent.items():
                figures[key]["cpu"].append(statistics.median(one.cpu for one in invocations))
                figures[key]["p99"].append(statistics.quantiles((one.cpu for one in invocations), n=100)[98])
                figures[key]["wall"].append(statistics.median(one.wall for one in invocations))
        memory = {key: environment.peak_memory() for key, environment in environments.items()}
    return {
        key: {f"warm_{kind}": statistics.median(values) for kind, values in kinds.items()} | {"memory": memory[key]}
        for key, kinds in figures.items()
    }


def add_store_calls(chosen: list[Contestant], results: dict[str, Any]) -> None:
    """Add to the results what a request of each contestant asks of its store."""
    for contestant in chosen:
        for name, calls in contestant.calls.items():
            results[contestant.key][name] |= {
                "round_trips": len(calls),
                "read_units": sum(call.units for call in calls if call.is_read),
                "write_units": sum(call.units for call in calls if not call.is_read),
            }
        for name, statements in contestant.statements.items():
            results[contestant.key][name]["statements"] = statements


def measure(contest: Contest, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the contestants that the options name; return what bench/results/fast.json holds."""
    chosen = [each for key, each in sorted(contest.contestants.items()) if not options.only or key in options.only]
    raw: dict[tuple[str, str], list[dict[str, float]]] = {}
    starts = [(each, name) for name in FUNCTIONS for each in chosen if name in each.functions]
    for number in range(options.rounds):
        print(f"cold starts, round {number + 1} of {options.rounds}", flush=True)
        # A new order each round, so that a busy spell of the machine does not always hit the same ones.
        random.shuffle(starts)
        for each, name in starts:
            # The machine's speed changes within minutes, so each start is compared with one of (a) right before it.
            base = cold(contest, contest.contestants["a"], name)
            figures = base if each.key == "a" else cold(contest, each, name)
            ratio = figures["cold_cpu"] / base["cold_cpu"]
            raw.setdefault((each.key, name), []).append(figures | {"cold_ratio": ratio})
    results: dict[str, Any] = {}
    for (key, name), rounds in raw.items():
        figures = {kind: statistics.median(one[kind] for one in rounds) for kind in rounds[0]}
        results.setdefault(key, {})[name] = figures
    for name in FUNCTIONS:
        print(f"warm requests, {name}", flush=True)
        requests = max(options.warm // BATCH, 10) if name == "send_sms" else options.warm
        able = [each for each in chosen if name in each.functions]
        for key, figures in warm(contest, able, name, WARM_ROUNDS, requests).items():
            results[key][name] |= figures
    add_store_calls(chosen, results)
    if options.instructions:
        print("instructions", flush=True)
        # All at the same time: the count does not depend on other load.
        compiled = [each for each in chosen if not each.plain]
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            counted = threads.map(lambda each: instructions(contest, each, "create_order"), compiled)
            for each, number in zip(compiled, counted, strict=True):
                results[each.key]["create_order"]["instructions"] = number
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "store": contest.store.name,
        "rounds": options.rounds,
        "warm_requests": options.warm,
        "contestants": {
            each.key: {"title": each.title, "zipped": each.sizes[0], "unzipped": each.sizes[1]} for each in chosen
        },
        "results": results,
        "sizes": {name: build.sizes(folder) for name, folder in sorted(build.ours()[1].items())},
        "layers": {name: build.sizes(folder) for name, folder in build.layers().items()},
    }


@contextmanager
def prepared(folder: Path, before: Path | None) -> Iterator[Contest]:
    """All contestants, built, on a running store; `before` is another commit's finished build, to compare with."""
    with (
        running_store(folder) as store,
        serving(Provider) as provider,
        servers.database(folder) as database,
        running(Issuer()) as issuer,
    ):
        contest = Contest(store, provider, folder, database, issuer, before)
        contest.prepare()
        yield contest


def main() -> None:
    """Measure, and write bench/results/fast.* and the part of bench/README.md."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--warm", type=int, default=100, help="warm requests per round")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help="contestants, such as a,c")
    parser.add_argument("--before", type=Path, help="a finished build of another commit, as contestant o")
    parser.add_argument("--no-instructions", dest="instructions", action="store_false")
    parser.add_argument("--dry", action="store_true", help="print only, write nothing")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="sales-bench-") as folder,
        prepared(Path(folder), options.before) as contest,
    ):
        measured = measure(contest, options)
    target = build.BUILD if options.dry else RESULTS
    target.mkdir(exist_ok=True)
    (target / "fast.json").write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n")
    print(fast_report.summary(measured), fast_report.absolute(measured), sep="\n")
    if not options.dry:
        fast_report.write(measured, RESULTS)


if __name__ == "__main__":
    main()
