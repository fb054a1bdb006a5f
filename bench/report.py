"""Publish a bench's results on the terminal, as a page under bench/results/ and in bench/README.md."""

import os
import platform
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
README = RESULTS.parent / "README.md"


def machine() -> str:
    """Return the processor count, memory and platform that the numbers belong to."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} processors, {memory:.0f} GiB, {system}"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def write_or_check(page: Path, computed: str, module: str) -> int:
    """Write a computed page and print it; with --check, compare it and return 1 if it does not match."""
    if sys.argv[1:] != ["--check"]:
        page.write_text(computed)
        print(computed)
    elif not page.is_file() or page.read_text() != computed:
        print(f"docs/{page.name} does not match its sources: run python -m {module}", file=sys.stderr)
        return 1
    return 0


def publish(name: str, title: str, body: str) -> None:
    """Print the page and write it, with date and machine, to bench/results/NAME.md and to its place in README.md, if any."""
    text = f"{datetime.now(UTC):%Y-%m-%d}, {machine()}, load {os.getloadavg()[0]:.1f} at the end\n\n{body}\n"
    page = f"# {title}\n\n{text}"
    print(page)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(page)
    embed(name, text)


def embed(name: str, text: str) -> None:
    """Write the text into README.md between the marks of this bench; do nothing if it has none."""
    begin, end = f"<!-- {name}: written by bench/{name}.py -->", f"<!-- {name}: end -->"
    part = f"{begin}\n{text.rstrip()}\n{end}"
    README.write_text(
        re.sub(f"{re.escape(begin)}.*{re.escape(end)}", lambda _: part, README.read_text(), flags=re.DOTALL)
    )
