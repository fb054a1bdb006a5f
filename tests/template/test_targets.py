"""What the Makefile's targets do to which stack, as `make -n` says it."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.template.deployed import TEMPLATE, Deployed

ROOT = TEMPLATE.parent
TARGETS = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
STAGES = {stage: config["global"]["parameters"]["stack_name"] for stage, config in
          tomllib.loads((ROOT / "samconfig.toml").read_text()).items() if stage in {"dev", "prod"}}  # fmt: skip
OPERATED = {
    "smoke", "rollback", "prune", "replay-failed", "replay-orders", "restore", "rotate-webhook-secret", "set-sms-key",
}  # fmt: skip
ON_AWS_ONLY = {"rollback", "prune"}


# Without what a make around this one, or somebody's shell, says of the same.
MADE_IN = {
    name: value
    for name, value in os.environ.items()
    if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "STAGE", "STACK", "LOCAL", "TO", "DRY_RUN", "URL", "PARAMETERS"}
}


def made(target: str, *given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-n", target, *given], cwd=ROOT, env=MADE_IN, capture_output=True, text=True, check=False, timeout=30
    )


def stacks(target: str, *given: str) -> list[str]:
    return re.findall(r"--stack (\S+)", made(target, *given).stdout)


def test_what_is_listed_here_is_what_names_a_stack() -> None:
    assert {target for target in TARGETS if stacks(target)} == OPERATED


@pytest.mark.parametrize("target", sorted(OPERATED))
def test_a_target_asks_the_stage_s_own_stack_and_never_another(target: str) -> None:
    for stage, stack in STAGES.items():
        assert stacks(target, f"STAGE={stage}") == [stack]
    assert stacks(target, "STACK=shop", "STAGE=dev") == ["shop"]
    assert stacks(target) == [STAGES["prod"]]


@pytest.mark.parametrize("target", sorted(OPERATED | {"deploy"}))
def test_a_stage_that_there_is_not_is_refused_and_means_no_stack(target: str) -> None:
    done = made(target, "STAGE=develop")
    assert done.returncode != 0
    assert "STAGE is dev or prod, not develop" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("target", sorted(OPERATED))
def test_local_means_this_machine_or_is_refused(target: str) -> None:
    done = made(target, "LOCAL=1")
    if target in ON_AWS_ONLY:
        assert done.returncode != 0
        assert "no versions" in done.stderr
    else:
        assert re.search(r"-m scripts\.operate\.\w+ .*--local", done.stdout)
    assert "--stack" not in done.stdout


@pytest.mark.parametrize("stage", STAGES)
def test_a_deployment_takes_the_stage_s_settings_and_secrets_of_its_own(stage: str) -> None:
    [command] = re.findall(r"sam deploy .*\\\n.*", made("deploy", f"STAGE={stage}").stdout)
    assert f"--config-env {stage} " in command
    names = {"SmsSecretName", "WebhookSecretName"}
    defaults = {name: Deployed().source["Parameters"][name]["Default"] for name in names}
    given = defaults | {name: value for name, value in re.findall(r"(\w+)=(\S+)", command) if name in names}
    assert all(value.startswith(f"{STAGES[stage]}/") for value in given.values()), given


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_s_role_is_made_for_its_stack_and_its_environment(stage: str) -> None:
    [command] = re.findall(
        r"sam deploy .*\\\n.*", made("deploy-role", f"STAGE={stage}", "REPOSITORY=owner/name").stdout
    )
    assert f"--template-file .github/aws-role.yaml --stack-name deploy-{STAGES[stage]} " in command
    assert f"Repository=owner/name Stage={stage} StackName={STAGES[stage]}" in command


def test_no_two_stages_share_a_secret_a_stack_or_a_place_for_what_is_built() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    assert len(set(STAGES.values())) == len(STAGES)
    assert len({config[stage]["deploy"]["parameters"]["s3_prefix"] for stage in STAGES}) == len(STAGES)


@pytest.mark.parametrize("release", ["$(shell touch made)", "`touch made`", '"; touch made; "'])
def test_whoever_names_the_release_to_go_back_to_runs_nothing(release: str, tmp_path: Path) -> None:
    # The workflow hands on what somebody typed; the stand-in for Python says what it was given.
    told = tmp_path / "told"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {told}\n')
    python.chmod(0o700)
    command = ["make", "-s", "-f", str(ROOT / "Makefile"), "-o", "environment", "rollback", f"PY={python}"]
    done = subprocess.run(command, cwd=tmp_path, env=MADE_IN | {"TO": release}, check=False, timeout=30)
    assert done.returncode == 0
    assert told.read_text().splitlines()[-2:] == ["--to", release]
    assert not (tmp_path / "made").exists()
