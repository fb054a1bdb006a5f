"""CI proves everything: a missing tool fails there, and .ci/run and GitHub's workflow install every tool."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.template.deployed import TEMPLATE

ROOT = TEMPLATE.parent
RUN = (ROOT / ".ci/run").read_text()
STORY = """
import pytest

@pytest.mark.samlocal
def test_of_containers():
    pytest.skip("the docker daemon does not answer")

def test_of_a_browser():
    pytest.skip("chromium is not installed")

@pytest.mark.xfail(strict=True)
def test_that_is_known_to_fail():
    raise AssertionError
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "outcomes"),
    [
        ({}, "2 skipped, 1 xfailed"),
        ({"WITHOUT_DOCKER": "none here"}, "2 skipped, 1 xfailed"),
        ({"CI": "true"}, "2 failed, 1 xfailed"),
        ({"CI": "true", "WITHOUT_DOCKER": ""}, "2 failed, 1 xfailed"),
        ({"CI": "true", "WITHOUT_DOCKER": "none here"}, "1 failed, 1 skipped, 1 xfailed"),
    ],
)
def test_a_missing_tool_skips_its_tests_except_in_ci(
    tmp_path: Path, environment: dict[str, str], outcomes: str
) -> None:
    story = tmp_path / "test_story.py"
    story.write_text(STORY)
    given = {name: value for name, value in os.environ.items() if name not in {"CI", "WITHOUT_DOCKER"}}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-c",
        str(ROOT / "pyproject.toml"),
        "-p",
        "tests.conftest",
        str(story),
    ]
    done = subprocess.run(
        command,
        cwd=ROOT, env=given | environment,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert f"{outcomes} in " in done.stdout, done.stdout + done.stderr
    if environment.get("CI"):
        assert "chromium is not installed\nIn CI nothing may be skipped" in done.stdout


def docker_in_ci(folder: Path, docker: str, up: str | None) -> subprocess.CompletedProcess[str]:
    """Return what .ci/run prints and exports about Docker with this docker and this script next to the clone."""
    scripts = {"bin/docker": docker, "shared/samlocal/up.sh": up}
    for name, script in scripts.items():
        if script is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
    clone = folder / "clone"
    (clone / ".ci").mkdir(parents=True)
    # Only this function of it: everything is installed.
    lines = RUN.splitlines()
    steps = lines.index('step "browser" browser')
    here = RUN.replace("\n".join(lines[steps:]), 'containers && echo "CI=$CI WITHOUT_DOCKER=${WITHOUT_DOCKER:-}"')
    (clone / ".ci/run").write_text(here)
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "SAMLOCAL_HOME": str(folder), "HOME": str(folder)}
    return subprocess.run(
        ["bash", ".ci/run"], cwd=clone, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("docker", "up", "why"),
    [
        ("exit 0", None, ""),
        ("[ $1 = pull ]", None, ""),
        ("exit 1", None, "no Docker with .* here, and no .*up.sh that brings it"),
        ("exit 1", "exit 1", "up.sh brings no Docker with"),
        ("[ -e $HOME/up ]", ": > $HOME/up", ""),
    ],
    ids=["has the image", "pulls the image", "nothing brings it", "the script fails", "the script brings it"],
)
def test_without_docker_ci_continues_only_if_nothing_can_start_it(
    tmp_path: Path, docker: str, up: str | None, why: str
) -> None:
    done = docker_in_ci(tmp_path, docker, up)
    assert done.returncode == 0, done.stderr
    said = re.search(r"^CI=true WITHOUT_DOCKER=(.*)$", done.stdout, re.MULTILINE)
    assert said
    assert bool(said[1]) == bool(why)
    assert re.search(why, said[1])
    assert ("may be skipped" in done.stdout) == bool(why)


def test_both_install_everything_that_tests_need() -> None:
    (job,) = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())["jobs"].values()
    github = "\n".join(step.get("run", "") for step in job["steps"])
    # `make check` installs sam; `make test` installs the npm packages, the database and the reference's viewer.
    for part in ("scripts/setup.sh ministack", "make check", "make test-all", "chromium", "lambda/python:3.13-x86_64"):
        assert part in github, part
    for part in ("npm", "store", "docs", "sam", "ministack", "clients"):
        assert re.search(rf"scripts/setup.sh .*\b{part}\b", RUN), part
    assert "chromium chromium-driver" in RUN
