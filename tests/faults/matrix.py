"""Play the rows of the fault matrix in order, and write their table."""

import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.rig import Case, Rig, Row
from tests.faults.rows import ROWS

ROOT = Path(__file__).parents[2]
GUARANTEES = ROOT / "docs" / "guarantees.md"
HEAD = "| Fault | Texts received | State shown |\n|---|---|---|\n"


@dataclass
class Matrix:
    """The results of each row."""

    rig: Rig
    cases: dict[str, Case] = field(default_factory=dict)
    seen: dict[str, tuple[int, str]] = field(default_factory=dict)
    problems: dict[str, BaseException] = field(default_factory=dict)
    _under_way: list[tuple[Row, Generator[None]]] = field(default_factory=list)

    def begin(self, rows: list[Row]) -> None:
        """Play each row until it only waits, then finish the waiting rows in the same order."""
        for row in rows:
            case = self.cases[row.fault] = Case(self.rig, self.rig.number())
            play = row.play(case)
            began = time.monotonic()
            self._step(row, play)
            print(f"{time.monotonic() - began:5.1f} s  {row.fault}")
            # Finish the rows that keep a worker busy before other rows kill workers.
            if row.fault == rows[-1].fault or len(self._under_way) > 6:
                self._finish(only_provider=row.fault != rows[-1].fault)

    def _step(self, row: Row, play: Generator[None]) -> None:
        try:
            next(play)
            self._under_way.append((row, play))
        except StopIteration:
            self.look(row)
        except Exception as problem:
            self.problems[row.fault] = problem

    def _finish(self, *, only_provider: bool) -> None:
        waiting, self._under_way = self._under_way, []
        for row, play in waiting:
            if only_provider and not row.fault.startswith("The provider"):
                self._under_way.append((row, play))
            else:
                self._step(row, play)

    def look(self, row: Row) -> None:
        """Record the row's result."""
        case = self.cases[row.fault]
        self.seen[row.fault] = (len(case.texts()), case.shown())


def table(seen: dict[str, tuple[int, str]]) -> str:
    """Return the rows as docs/guarantees.md shows them."""
    return HEAD + "".join(f"| {row.fault} | {seen[row.fault][0]} | {seen[row.fault][1]} |\n" for row in ROWS)
