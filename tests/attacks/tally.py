"""How many cases of each attack ran, and how many succeeded: the table in docs/security.md."""

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
HEAD = "| Attack | Cases | Let in | Test |\n|---|---|---|---|\n"


class Tally:
    """Counts the cases of each attack."""

    def __init__(self) -> None:
        self.cases: Counter[tuple[str, str]] = Counter()
        self.let_in: Counter[tuple[str, str]] = Counter()

    def tried(self, attack: str, test: str, *, let_in: bool) -> None:
        """Count one case."""
        self.cases[attack, test] += 1
        self.let_in[attack, test] += let_in

    def table(self) -> str:
        """Return the table as in the page."""
        rows = (
            f"| {attack} | {cases:,} | {self.let_in[attack, test]} | `{test}` |\n"
            for (attack, test), cases in sorted(self.cases.items())
        )
        return HEAD + "".join(rows)
