"""The table of folds is the published data, unchanged."""

from pathlib import Path

import pytest

from scripts.build import folds


@pytest.fixture(autouse=True)
def _icu() -> None:
    pytest.importorskip("icu", reason="pyicu-wheels has no build for this platform")


def test_the_table_is_what_cldr_and_anyascii_publish() -> None:
    assert folds.FILE.read_text() == folds.table(), "run: python -m scripts.build.folds"


def test_a_changed_table_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    changed = folds.FILE.read_text().replace('("N", "Ŋ', '("M", "Ŋ')
    copy = tmp_path / "folds.py"
    copy.write_text(changed)
    monkeypatch.setattr(folds, "FILE", copy)
    monkeypatch.setattr("sys.argv", ["folds", "--check"])
    assert folds.main() == 1
    monkeypatch.setattr("sys.argv", ["folds"])
    assert folds.main() == 0
    monkeypatch.setattr("sys.argv", ["folds", "--check"])
    assert folds.main() == 0
