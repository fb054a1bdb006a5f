"""The docstrings and comments of the Python code keep to plain English word order."""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
# The contestants are other people's code, or imitate it.
OTHERS = "bench/contestants/"
SUBJECT_CLAUSE = re.compile(r"(What|Who|Whoever) ")
INVERTED = re.compile(r"\b(anew|is\s+no|are\s+none|can\s+be\s+none|nobody|somebody|whoever)\b", re.IGNORECASE)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class Passage(NamedTuple):
    """One docstring, or the comment lines that follow one another."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def _docstrings(path: str, source: str) -> Iterator[Passage]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            yield Passage(path, node.body[0].lineno, text)


def _comments(path: str, source: str) -> Iterator[Passage]:
    start, last, lines = 0, 0, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line = token.start[0]
        if lines and line != last + 1:
            yield Passage(path, start, " ".join(lines))
            lines = []
        start = start if lines else line
        lines.append(token.string.lstrip("#: "))
        last = line
    if lines:
        yield Passage(path, start, " ".join(lines))


@cache
def _passages() -> list[Passage]:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    passages = list[Passage]()
    for path in listed.splitlines():
        if not path.startswith(OTHERS):
            source = (ROOT / path).read_text(encoding="utf-8")
            passages += [*_docstrings(path, source), *_comments(path, source)]
    return passages


def test_all_prose_is_read() -> None:
    assert len(_passages()) >= 1_400


def test_prose_begins_with_a_subject() -> None:
    assert [str(prose) for prose in _passages() if SUBJECT_CLAUSE.match(prose.text)] == []


def test_prose_has_no_inverted_phrases() -> None:
    assert [str(prose) for prose in _passages() if INVERTED.search(prose.text)] == []
