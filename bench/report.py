"""How a bench says what it found: on the terminal, and as a page under bench/results/."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
README = RESULTS.parent / "README.md"


def machine() -> str:
    """The processor count, memory and platform that numbers belong to."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} processors, {memory:.0f} GiB, {system}"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def publish(name: str, title: str, body: str) -> None:
    """Prints the page and writes it to bench/results/NAME.md, with date and machine, and into README.md if it has a place."""
    found = f"{datetime.now(UTC):%Y-%m-%d}, {machine()}, load {os.getloadavg()[0]:.1f} at the end\n\n{body}\n"
    page = f"# {title}\n\n{found}"
    print(page)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(page)
    embed(name, found)


def embed(name: str, text: str) -> None:
    """Writes the text into README.md, between the marks of this bench; nothing where it has none."""
    begin, end = f"<!-- {name}: written by bench/{name}.py -->", f"<!-- {name}: end -->"
    part = f"{begin}\n{text.rstrip()}\n{end}"
    README.write_text(
        re.sub(f"{re.escape(begin)}.*{re.escape(end)}", lambda _: part, README.read_text(), flags=re.DOTALL)
    )
