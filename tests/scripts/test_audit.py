"""`make audit` checks everything that is pinned and fails if it cannot look something up. pip-audit and npm are stand-ins."""

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
    """Audit with stand-ins that run these lines of shell; return exit status, output and the stand-ins' arguments."""

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


def test_everything_pinned_is_audited_tools_of_tests_included(audit: Audit) -> None:
    status, said, told = audit("exit 0", "exit 0")
    assert status == 0, said
    asked = [line for line in told if line.startswith("pip-audit ")]
    assert sorted(line.split("--requirement ")[1] for line in asked) == sorted(LOCKS)
    assert {"bench/requirements.txt", "shared/requirements.txt"} <= set(LOCKS)
    # Without --strict, pip-audit passes over packages that it cannot look up.
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
def test_one_failure_fails_the_audit_and_the_rest_still_runs(audit: Audit, pip_audit: str, npm: str) -> None:
    status, said, told = audit(pip_audit, npm)
    assert status == 1
    assert "could not be looked up" in said
    assert len(told) == len(LOCKS) + 1


def test_the_audit_fails_without_pip_audit(audit: Audit) -> None:
    status, said, told = audit('rm "$0"; exit 0', "exit 0")
    assert status == 1
    assert said.count("not found") == len(LOCKS) - 1
    assert told[-1] == "npm audit"
