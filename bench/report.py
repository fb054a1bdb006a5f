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


def when() -> str:
    """The day, the machine and how busy it is: what belongs to every number."""
    return f"{datetime.now(UTC):%Y-%m-%d}, {machine()}, load {os.getloadavg()[0]:.1f} at the end"


def embed(name: str, body: str, readme: Path = README) -> None:
    """Writes this into the README's section that bench/NAME.py writes, between its two marks."""
    begin, end = f"<!-- {name}: written by bench/{name}.py -->", f"<!-- {name}: end -->"
    part = f"{begin}\n{body}\n{end}"
    text, found = re.subn(f"{re.escape(begin)}.*{re.escape(end)}", lambda _: part, readme.read_text(), flags=re.DOTALL)
    if found != 1:
        raise ValueError(f"{readme} has {found} sections of {name}")
    readme.write_text(text)


def publish(name: str, title: str, body: str) -> None:
    """Prints the page and writes it to bench/results/NAME.md, with date and machine."""
    page = f"# {title}\n\n{when()}\n\n{body}\n"
    print(page)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(page)
