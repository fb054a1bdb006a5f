"""Which stage or stack each of the Makefile's targets uses, according to `make -n`."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deployment.stages import STAGES, Stage
from scripts.operate import deploy_role, sam
from scripts.operate.stack import add_target, parser
from tests.template.deployed import TEMPLATE

ROOT = TEMPLATE.parent
TARGETS = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
OPERATED = {
    "smoke", "rollback", "prune", "replay-failed", "replay-orders", "restore", "rotate-webhook-secret", "set-sms-key",
}  # fmt: skip
ON_AWS_ONLY = {"rollback", "prune"}


# Without the variables of an outer make or shell.
MADE_IN = {
    name: value
    for name, value in os.environ.items()
    if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "STAGE", "STACK", "LOCAL", "TO", "DRY_RUN", "URL", "PARAMETERS"}
}


def made(target: str, *given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-n", target, *given], cwd=ROOT, env=MADE_IN, capture_output=True, text=True, check=False, timeout=30
    )


def addressed(target: str, *given: str) -> list[str]:
    return re.findall(r"-m scripts\.operate\.\w+ .*(--(?:stack|stage) \S+)", made(target, *given).stdout)


def test_doctor_looks_at_a_stack_only_if_it_is_named() -> None:
    assert addressed("doctor") == []
    assert addressed("doctor", "STAGE=dev") == ["--stage dev"]
    assert addressed("doctor", "STACK=shop") == ["--stack shop"]


def test_these_are_all_targets_that_name_a_stack() -> None:
    assert {target for target in TARGETS if addressed(target)} == OPERATED | {"deploy", "deploy-role"}


@pytest.mark.parametrize("target", sorted(OPERATED | {"deploy", "deploy-role"}))
def test_a_target_uses_only_the_stage_that_it_is_given(target: str) -> None:
    for stage in STAGES:
        assert addressed(target, f"STAGE={stage}") == [f"--stage {stage}"]
    assert addressed(target) == ["--stage prod"]


@pytest.mark.parametrize("target", sorted(OPERATED))
def test_a_named_stack_wins_over_the_stage(target: str) -> None:
    assert addressed(target, "STACK=shop", "STAGE=dev") == ["--stack shop"]


@pytest.mark.parametrize("command", ["smoke", "rollback", "prune_versions", "replay_failed", "deploy", "deploy_role"])
def test_an_unknown_stage_is_refused(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [command, "--stage", "develop"])
    with pytest.raises(SystemExit):
        importlib.import_module(f"scripts.operate.{command}").main()
    assert "invalid choice: 'develop'" in capsys.readouterr().err


def test_a_stage_means_its_stack() -> None:
    options = parser("")
    add_target(options)
    for name, stage in STAGES.items():
        assert options.parse_args(["--stage", name]).stack == stage.stack
    assert options.parse_args([]).stack == STAGES["prod"].stack


@pytest.mark.parametrize("target", sorted(OPERATED))
def test_local_means_this_machine_or_is_refused(target: str) -> None:
    done = made(target, "LOCAL=1")
    if target in ON_AWS_ONLY:
        assert done.returncode != 0
        assert "no versions" in done.stderr
    else:
        assert re.search(r"-m scripts\.operate\.\w+ .*--local", done.stdout)
    assert addressed(target, "LOCAL=1") == []


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_a_stages_role_is_for_its_stack_and_environment(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    monkeypatch.setattr(sam, "deploy", lambda *given, **named: called.append((given, named)) or 0)
    monkeypatch.setattr(sys, "argv", ["deploy_role", "--stage", stage.name])
    monkeypatch.setenv("REPOSITORY", "owner/name")
    assert deploy_role.main() == 0
    [((template, stack, parameters, _), named)] = called
    assert (template, stack, named) == (ROOT / ".github/aws-role.yaml", f"deploy-{stage.stack}", {"named_iam": True})
    assert parameters == {"Repository": "owner/name", "Stage": stage.name, "StackName": stage.stack, "ProviderArn": ""}


def test_a_role_for_no_repository_is_not_deployed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["deploy_role"])
    monkeypatch.delenv("REPOSITORY", raising=False)
    assert deploy_role.main() == 1
    assert "Repository must be owner/name; it is ''." in capsys.readouterr().err


@pytest.mark.parametrize("release", ["$(shell touch made)", "`touch made`", '"; touch made; "'])
def test_the_name_of_a_release_is_never_run(release: str, tmp_path: Path) -> None:
    # The workflow passes on what a person typed; the stand-in for Python prints its arguments.
    told = tmp_path / "told"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {told}\n')
    python.chmod(0o700)
    command = ["make", "-s", "-f", str(ROOT / "Makefile"), "-o", "environment", "rollback", f"PY={python}"]
    done = subprocess.run(command, cwd=tmp_path, env=MADE_IN | {"TO": release}, check=False, timeout=30)
    assert done.returncode == 0
    assert told.read_text().splitlines()[-2:] == ["--to", release]
    assert not (tmp_path / "made").exists()
