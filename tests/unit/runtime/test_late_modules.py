"""Modules that run when something is first read from them."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from sales.runtime.late_modules import run_late

NAME = "late_package.part"
SOURCE = """
import sys
sys.runs.append(__name__)
from late_package import part  # itself, as some packages do
if sys.fails: raise RuntimeError("not yet")
LIMIT = 3
def double(number):
    return 2 * number
"""


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The runs of a module in a package that can be imported."""
    (tmp_path / "late_package").mkdir()
    (tmp_path / "late_package/__init__.py").touch()
    (tmp_path / "late_package/part.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    runs: list[str] = []
    monkeypatch.setattr(sys, "runs", runs, raising=False)
    monkeypatch.setattr(sys, "fails", False, raising=False)
    yield runs
    for name in ("late_package", NAME):
        sys.modules.pop(name, None)


def imported() -> Any:
    return import_module(NAME)


def taken(function: str) -> Any:
    """Return what a `from ... import` statement takes from the module."""
    names: dict[str, Any] = {}
    exec(f"from {NAME} import {function}", names)
    return names[function]


def test_a_module_runs_once_when_something_is_read(runs: list[str]) -> None:
    run_late(NAME, ())
    module = imported()
    assert runs == []
    assert (module.LIMIT, module.double(4)) == (3, 8)
    assert runs == [NAME]
    assert imported() is module
    with pytest.raises(AttributeError):
        _ = module.missing
    assert runs == [NAME]


def test_a_function_taken_from_it_runs_the_module_when_it_is_called(runs: list[str]) -> None:
    run_late(NAME, ("double",))
    double = taken("double")
    assert runs == []
    assert [double(1), double(number=2), imported().double(3)] == [2, 4, 6]
    assert runs == [NAME]


def test_a_name_that_it_never_has_is_missing_as_in_any_module(runs: list[str]) -> None:
    run_late(NAME, ())
    with pytest.raises(AttributeError, match="missing"):
        _ = imported().missing
    with pytest.raises(ImportError):
        taken("missing")
    assert runs == [NAME]


def test_a_module_that_fails_runs_again_at_the_next_reading(runs: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run_late(NAME, ())
    monkeypatch.setattr(sys, "fails", True)
    with pytest.raises(RuntimeError, match="not yet"):
        _ = imported().LIMIT
    monkeypatch.setattr(sys, "fails", False)
    assert imported().LIMIT == 3
    assert runs == [NAME, NAME]


def test_threads_that_read_at_the_same_time_run_it_once(runs: list[str]) -> None:
    run_late(NAME, ())
    module = imported()
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda number: module.double(number) // 2 - number, range(100))) == {0}
    assert runs == [NAME]


def test_a_module_keeps_its_own_late_names(tmp_path: Path) -> None:
    (tmp_path / "late_package/part.py").write_text("def __getattr__(name):\n    return name.upper()\n")
    run_late(NAME, ())
    assert (imported().one, imported().two) == ("ONE", "TWO")


def test_a_module_that_has_run_stays_and_one_that_is_not_there_is_an_import_error(runs: list[str]) -> None:
    assert imported().LIMIT == 3
    run_late(NAME, ())
    assert imported().LIMIT == 3
    assert runs == [NAME]
    with pytest.raises(ImportError, match="no module late_package"):
        run_late("late_package.absent", ())
