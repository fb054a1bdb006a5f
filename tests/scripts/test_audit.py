"""`make audit`: what it asks about, and that it fails where it can look nothing up. pip-audit and npm are stand-ins."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = subprocess.run(
    ["git", "ls-files", "*requirements*.txt"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.split()
type Audit = Callable[[str, str], tuple[int, str, list[str]]]


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    """Audits with stand-ins that run these lines of shell; exit status, what it said and what the stand-ins were given."""

    def run(pip_audit: str, npm: str) -> tuple[int, str, list[str]]:
        told = tmp_path / "told"
        for name, does in (("pip-audit", pip_audit), ("npm", npm)):
            program = tmp_path / name
            program.write_text(f'#!/bin/sh\necho "{name} $*" >> {told}\n{does}\n')
            program.chmod(0o700)
        environment = os.environ | {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "PIP_AUDIT": str(tmp_path / "pip-audit"),
        }
        done = subprocess.run(
            ["sh", ROOT / "scripts/audit.sh"], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        return done.returncode, done.stdout + done.stderr, told.read_text().splitlines()

    return run


def test_everything_that_is_pinned_is_asked_about_and_what_only_tests_use_too(audit: Audit) -> None:
    status, said, told = audit("exit 0", "exit 0")
    assert status == 0, said
    asked = [line for line in told if line.startswith("pip-audit ")]
    assert sorted(line.split("--requirement ")[1] for line in asked) == sorted(LOCKS)
    assert {"bench/requirements.txt", "shared/requirements.txt"} <= set(LOCKS)
    # --strict fails for what could not be looked up, which it would pass over otherwise.
    assert all("--strict --require-hashes" in line for line in asked)
    assert [line for line in told if line.startswith("npm ")] == ["npm audit"]


@pytest.mark.parametrize(
    ("pip_audit", "npm"),
    [
        ("echo 'ConnectionError: no route to the service' >&2; exit 1", "exit 0"),
        ("exit 0", "echo 'npm error audit endpoint returned an error' >&2; exit 1"),
        # One lock of many.
        ('case "$*" in *bench/*) exit 1;; esac', "exit 0"),
        ("echo 'Found 1 known vulnerability'; exit 1", "exit 0"),
    ],
    ids=["no index", "no npm registry", "one lock", "a vulnerability"],
)
def test_it_fails_where_something_is_found_or_cannot_be_looked_up_and_looks_at_the_rest_all_the_same(
    audit: Audit, pip_audit: str, npm: str
) -> None:
    status, said, told = audit(pip_audit, npm)
    assert status == 1
    assert "not all could be looked up" in said
    assert len(told) == len(LOCKS) + 1


def test_it_fails_where_pip_audit_is_not_there(audit: Audit) -> None:
    status, said, told = audit('rm "$0"; exit 0', "exit 0")
    assert status == 1
    assert said.count("not found") == len(LOCKS) - 1
    assert told[-1] == "npm audit"
