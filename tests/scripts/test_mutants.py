"""`make mutants`: which changes it makes, and what it calls killed, hung and survived."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.check import mutants
from scripts.check.mutations import find

ROOT = Path(__file__).parents[2]


def changes(source: str) -> list[str]:
    return [mutant.change for mutant in find("x.py", source.encode())]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", ["a < b -> a <= b"]),
        ("a <= b", ["a <= b -> a < b"]),
        ("a > b", ["a > b -> a >= b"]),
        ("a >= b", ["a >= b -> a > b"]),
        ("a == b", ["a == b -> a != b"]),
        ("a is not b", ["a is not b -> a is b"]),
        ("a in b", ["a in b -> a not in b"]),
        ("a < b < c", ["a < b < c -> a <= b < c", "a < b < c -> a < b <= c"]),
        ("a and b", ["a and b -> a or b"]),
        ("a or b", ["a or b -> a and b"]),
        ("not a", ["not a -> a"]),
        ("-a", ["-a -> a"]),
        ("f(True)", ["f(True) -> f(False)"]),
        ("f(7)", ["f(7) -> f(8)"]),
        ("f(limit=1)", ["limit=1 -> limit=2"]),
        ("a + b", ["a + b -> a - b"]),
        ("a // b", ["a // b -> a * b"]),
        ("a += b", ["a += b -> a -= b"]),
        ("def f():\n    return a", ["return a -> return None"]),
        ("(a < b, a < b)", ["a < b -> a <= b", "a < b -> a <= b (2)"]),
        # These change nothing that is computed, or fail at every call.
        ("'a' + b", []),
        ("f'{a}' + b", []),
        ("x: tuple[int, 3]", []),
        ("def f(a: Literal[1]) -> Literal[2]: ...", []),
        ("@dataclass(frozen=True)\nclass A: ...", []),
        ("def f():\n    return None", []),
        ("f(1_700_000_000)", []),
    ],
)
def test_each_kind_of_expression_has_its_changes(source: str, expected: list[str]) -> None:
    assert changes(source) == expected


def test_a_mutant_names_its_function_and_line() -> None:
    source = b"class A:\n    def f(self):\n        return self.a + 1\n"
    [first, *_] = find("x.py", source)
    assert (first.function, first.line) == ("A.f", 3)


def test_every_mutant_of_the_domain_is_python_and_differs_from_its_source() -> None:
    found = mutants.candidates("domain")
    assert len(found) > 300
    for mutant in found[::5]:
        source = (ROOT / mutant.file).read_bytes()
        assert ast.dump(ast.parse(mutant.apply(source))) != ast.dump(ast.parse(source)), mutant


@pytest.mark.parametrize(
    ("file", "tests"),
    [
        ("shared/sales/domain/sms/states.py", "tests/unit/domain/sms/test_states.py"),
        ("shared/sales/store/__init__.py", "tests/unit/store"),
    ],
)
def test_unit_tests_mirror_the_module(file: str, tests: str) -> None:
    assert mutants.mirror(file) == tests


MODULE = """
def larger(a, b):
    return a if a >= b else b


def count(limit):
    number = 0
    while number < limit:
        number += 1
    return number
"""
TEST = """
from sales.domain.tiny import count, larger


def test_larger():
    assert [larger(1, 2), larger(2, 1)] == [2, 2]


def test_count():
    assert count(3) == 3
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one module and its tests, in place of this one."""
    files = {
        "shared/sales/__init__.py": "",
        "shared/sales/domain/__init__.py": "",
        "shared/sales/domain/tiny.py": MODULE,
        "tests/unit/domain/test_tiny.py": TEST,
        "tests/integration/test_nothing.py": "def test_nothing():\n    pass\n",
        "scripts/__init__.py": "",
        "scripts/check/__init__.py": "",
        "pyproject.toml": '[tool.coverage.run]\nsource = ["shared/sales"]\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    shutil.copy(ROOT / "scripts/check/mutant_server.py", tmp_path / "scripts/check")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text(".venv\n")
    (tmp_path / ".venv/lib").mkdir(parents=True)
    (tmp_path / ".venv/.stamp").touch()
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (tmp_path / ".venv/lib" / python).symlink_to(Path(sys.prefix) / "lib" / python)
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    monkeypatch.setattr(mutants, "GRACE_SECONDS", 20)
    monkeypatch.setattr(mutants, "PATIENCE", 1)
    return tmp_path


@pytest.mark.slow
def test_mutants_are_judged_and_the_tree_stays_unchanged(project: Path) -> None:
    chosen = {
        mutant.change: mutant
        for mutant in mutants.candidates("domain")
        if mutant.change in {"a >= b -> a > b", "number < limit -> number <= limit", "number += 1 -> number -= 1"}
    }
    outcomes = mutants.run(list(chosen.values()), 2)
    assert {outcome.mutant.change: (outcome.status, outcome.by) for outcome in outcomes} == {
        # Of two equal numbers either is the larger.
        "a >= b -> a > b": ("survived", ""),
        "number < limit -> number <= limit": ("killed", "tests/unit/domain/test_tiny.py::test_count"),
        "number += 1 -> number -= 1": ("timeout", ""),
    }
    assert (project / "shared/sales/domain/tiny.py").read_text() == MODULE
    page = mutants.report(outcomes, {mutants.key(chosen["a >= b -> a > b"]): "either is the larger"}, "Three.")
    assert "| domain | 1 | 1 | 1 |" in page
    assert "1 of 3 survive (33.3%)" in page
    assert "| shared/sales/domain/tiny.py:3 | `a >= b -> a > b` | either is the larger |" in page
    assert "**not explained**" in mutants.report(outcomes, {}, "Three.")


@pytest.mark.slow
def test_no_mutant_is_judged_if_the_tests_fail_without_one(project: Path) -> None:
    (project / "tests/integration/test_nothing.py").write_text("def test_fails():\n    assert False\n")
    with pytest.raises(SystemExit, match=r"The tests fail without a mutant: tests/integration/test_nothing\.py"):
        mutants.run(mutants.candidates("domain")[:1], 1)


def test_the_list_of_equivalent_mutants_names_existing_ones() -> None:
    known = mutants.reasons()
    assert known.keys() <= {mutants.key(mutant) for mutant in mutants.candidates("")}
    assert all(len(why) > 10 for why in known.values())
