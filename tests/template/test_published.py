"""Libraries are shipped as they were published: what `published.verify` lets through, and what it refuses."""

import base64
import hashlib
from pathlib import Path

import pytest

from scripts.build import published
from scripts.build.errors import BuildError


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A layer's python/ with one wheel, as sam leaves it."""
    for name, content in (("thing/__init__.py", "import thing.core\n"), ("thing/core.py", "x = 1\n")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    record = tmp_path / "thing-1.0.dist-info" / "RECORD"
    record.parent.mkdir()
    lines = []
    for path in sorted((tmp_path / "thing").iterdir()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
        lines.append(f"thing/{path.name},sha256={digest},{path.stat().st_size}\n")
    record.write_text("".join(lines) + "thing-1.0.dist-info/RECORD,,\n")
    return tmp_path


def test_a_library_may_lack_files_and_be_compiled(python: Path) -> None:
    published.verify(python, frozenset())
    (python / "thing/core.py").unlink()
    published.verify(python, frozenset())
    (python / "thing/__init__.py").rename(python / "thing/__init__.pyc")
    published.verify(python, frozenset())


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("thing/core.py", "differs from its wheel"),
        ("thing/added.py", "is in no wheel"),
        ("thing/core.pyc", "is in no wheel"),
        ("thing-1.0.dist-info/METADATA", "is in no wheel"),
        ("botocore/data/endpoints.json", "is in no wheel"),
    ],
)
def test_a_file_from_no_published_wheel_is_refused(python: Path, name: str, fault: str) -> None:
    path = python / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x = 2\n")
    with pytest.raises(BuildError, match=f"{name} {fault}"):
        published.verify(python, frozenset())


def test_our_code_and_service_models_are_in_no_wheel(python: Path) -> None:
    for name in ("sales/store.py", "botocore/data/dynamodb/2012-08-10/service-2.json"):
        (python / name).parent.mkdir(parents=True)
        (python / name).write_text("{}")
    published.verify(python, frozenset({"sales"}))


def test_a_wheel_lists_only_files_that_are_left_and_without_any_loses_its_metadata(python: Path) -> None:
    metadata = python / "thing-1.0.dist-info"
    (python / "thing/core.py").unlink()
    (python / "thing/__init__.py").rename(python / "thing/__init__.pyc")
    published.trim_metadata(python)
    assert [line.partition(",")[0] for line in (metadata / "RECORD").read_text().splitlines()] == [
        "thing/__init__.py", "thing-1.0.dist-info/RECORD",
    ]  # fmt: skip
    published.verify(python, frozenset())
    (python / "thing/__init__.pyc").unlink()
    published.trim_metadata(python)
    assert not metadata.exists()
