"""Import 1,000 rows, then 10,000 by `make import`, killed twice in the middle and started again: each row once.

`make bench-imports` (ROWS=3000 for fewer) starts its own local system, writes bench/results/imports.md, and exits with 1 if a row
is missing or was stored twice. Each kill -9 ends the command and the function that works on its part.
"""

import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bench.report import publish, table
from local.commands.import_file import result_path
from tests.support.system import ROOT, System, running

ROWS = int(os.environ.get("ROWS", "10000"))
PART = 1000
KILLS = 2
COMMAND = [sys.executable, "-m", "local.commands.import_file"]


def customers(first: int, count: int) -> str:
    """Return a file of new customers."""
    rows = (f"jane {row},0700{row:06d},jane{row}@example.com\n" for row in range(first, first + count))
    return "name,phone_number,email\n" + "".join(rows)


def orders(count: int) -> str:
    """Return a file of orders, each of another customer, who is named by number."""
    rows = (f"BOOK-{row},0700{row:06d},tea leaves,{row + 1}\n" for row in range(count))
    return "reference,customer,item,amount\n" + "".join(rows)


def seconds(system: System, kind: str, file: str, result: str) -> float:
    """Return how long the API takes for a file of which every row has this result."""
    began = time.perf_counter()
    answer = system.call("POST", f"{kind}/import", file, content_type="text/csv")
    took = time.perf_counter() - began
    assert answer.raw.count(f",{result},".encode()) == file.count("\n") - 1, answer.raw[:500]
    return took


def start(system: System, path: Path) -> "subprocess.Popen[str]":
    """Start `make import` of the file."""
    return subprocess.Popen(
        [*COMMAND, str(path)],
        cwd=ROOT,
        env=system.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def kill(system: System, command: "subprocess.Popen[str]") -> None:
    """Kill -9 the command and the functions that import at this moment."""
    command.kill()
    for name, pid in system.pids().items():
        if "import_customers" in name:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    command.wait()


def listed(system: System) -> Iterator[tuple[str, str]]:
    """Yield name and number of every customer."""
    cursor = ""
    while True:
        page = system.call("GET", f"customers?limit=100{cursor}").body
        yield from ((customer["name"], customer["phone_number"]) for customer in page["data"])
        if not page["has_more"]:
            return
        cursor = f"&cursor={page['next_cursor']}"


def killed_and_repeated(system: System, folder: Path) -> dict[str, object]:
    """Import a long file with kills in the middle of a part, then by two commands at once; return the figures."""
    path, other = folder / "customers.csv", folder / "again.csv"
    for file in (path, other):
        file.write_text(customers(0, ROWS))
    for number in range(KILLS):
        command = start(system, path)
        lines = command.stdout or ()
        for line, _ in zip(lines, range((number + 1) * ROWS // PART // 3), strict=False):
            print(line, end="", flush=True)
        # In the middle of the next part.
        time.sleep(1)
        kill(system, command)
        print("killed", flush=True)
    commands = [start(system, file) for file in (path, other)]
    said = [command.communicate()[0] for command in commands]
    print(*said, sep="\n", flush=True)
    results = [[row["result"] for row in csv.DictReader(result_path(file).open())] for file in (path, other)]
    stored = Counter(listed(system))
    return {
        "rows of the file": ROWS,
        "kills -9 in the middle of a part": KILLS,
        "commands that sent it at the same time afterwards": len(commands),
        "rows refused": sum(column.count("refused") for column in results),
        "rows stored": len(stored),
        "rows missing": ROWS - len(stored),
        "rows stored twice": sum(count - 1 for count in stored.values()),
    }


def main() -> int:
    """Measure; 1 if a row is missing or there twice."""
    with tempfile.TemporaryDirectory(prefix="sales-bench-") as folder, running() as system:
        figures = killed_and_repeated(system, Path(folder))
        times = {
            "new customers": seconds(system, "customers", customers(500_000, PART), "created"),
            "the same customers again": seconds(system, "customers", customers(500_000, PART), "unchanged"),
            "new orders, each of another customer named by number": seconds(system, "orders", orders(PART), "created"),
            "the same orders again": seconds(system, "orders", orders(PART), "unchanged"),
        }
    publish(
        "imports",
        "Files of customers and orders",
        table([f"{PART:,} rows in one request", "seconds"], [[name, f"{took:.1f}"] for name, took in times.items()])
        + f"\n\n`make import` of {ROWS:,} customers, killed and started again:\n\n"
        + table(["", ""], [[name, f"{value:,}"] for name, value in figures.items()]),
    )
    return int(bool(figures["rows missing"] or figures["rows stored twice"] or figures["rows refused"]))


if __name__ == "__main__":
    sys.exit(main())
