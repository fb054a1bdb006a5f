"""What was tried, how often, and how often it got through: the table of docs/security.md."""

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
HEAD = "| Attack | Cases | Let in | Test |\n|---|---|---|---|\n"


class Book:
    """One line for each class of attack, in the order of the tests."""

    def __init__(self) -> None:
        self.cases: Counter[tuple[str, str]] = Counter()
        self.let_in: Counter[tuple[str, str]] = Counter()

    def tried(self, attack: str, test: str, *, let_in: bool) -> None:
        """Notes one case."""
        self.cases[attack, test] += 1
        self.let_in[attack, test] += let_in

    def table(self) -> str:
        """The lines as they stand in the page."""
        rows = (
            f"| {attack} | {cases:,} | {self.let_in[attack, test]} | `{test}` |\n"
            for (attack, test), cases in sorted(self.cases.items())
        )
        return HEAD + "".join(rows)
