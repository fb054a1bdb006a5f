"""Which stack each of the Makefile's targets uses, according to `make -n`."""

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


def stacks(target: str, *given: str) -> list[str]:
    return re.findall(r"--stack (\S+)", made(target, *given).stdout)


def test_these_are_all_targets_that_name_a_stack() -> None:
    assert {target for target in TARGETS if stacks(target)} == OPERATED


@pytest.mark.parametrize("target", sorted(OPERATED))
def test_a_target_uses_only_the_stack_of_its_stage(target: str) -> None:
    for stage, stack in STAGES.items():
        assert stacks(target, f"STAGE={stage}") == [stack]
    assert stacks(target, "STACK=shop", "STAGE=dev") == ["shop"]
    assert stacks(target) == [STAGES["prod"]]


@pytest.mark.parametrize("target", sorted(OPERATED | {"deploy"}))
def test_an_unknown_stage_is_refused(target: str) -> None:
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
def test_a_deployment_uses_the_settings_and_secrets_of_its_stage(stage: str) -> None:
    [command] = re.findall(r"sam deploy .*\\\n.*", made("deploy", f"STAGE={stage}").stdout)
    assert f"--config-env {stage} " in command
    names = {"SmsSecretName", "WebhookSecretName"}
    defaults = {name: Deployed().source["Parameters"][name]["Default"] for name in names}
    given = defaults | {name: value for name, value in re.findall(r"(\w+)=(\S+)", command) if name in names}
    assert all(value.startswith(f"{STAGES[stage]}/") for value in given.values()), given


@pytest.mark.parametrize("stage", STAGES)
def test_a_stages_role_is_for_its_stack_and_environment(stage: str) -> None:
    [command] = re.findall(
        r"sam deploy .*\\\n.*", made("deploy-role", f"STAGE={stage}", "REPOSITORY=owner/name").stdout
    )
    assert f"--template-file .github/aws-role.yaml --stack-name deploy-{STAGES[stage]} " in command
    assert f"Repository=owner/name Stage={stage} StackName={STAGES[stage]}" in command


def test_no_two_stages_share_a_secret_stack_or_bucket() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    assert len(set(STAGES.values())) == len(STAGES)
    assert len({config[stage]["deploy"]["parameters"]["s3_prefix"] for stage in STAGES}) == len(STAGES)


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
