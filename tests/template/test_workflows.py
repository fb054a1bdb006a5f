"""Workflows, stages and Makefile agree."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.template.deployed import TEMPLATE

ROOT = TEMPLATE.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
STAGES = ("dev", "prod")
MAKEFILE = (ROOT / "Makefile").read_text()


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(path.read_text(), Loader=yaml.BaseLoader)
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job.get("steps", [])]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_only_its_jobs_permissions_and_pinned_actions(path: Path) -> None:
    assert read(path)["permissions"] == {}
    for job in read(path)["jobs"].values():
        assert set(job["permissions"].items()) <= {("contents", "read"), ("id-token", "write")}
    for use in re.findall(r"uses: (\S+.*)", path.read_text()):
        assert re.fullmatch(r"\./\.github/workflows/\w+\.yml|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use), use
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            # Only the scan for secrets needs the whole history.
            whole = {"fetch-depth": "0"} if path.stem == "test" else {}
            assert step["with"] == {"persist-credentials": "false"} | whole


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["needs: [nobody]", "runs-on: ubuntu-nought", "if: ${{ vars.x && nothing.y }}"])
def test_actionlint_finds_faults(tmp_path: Path, fault: str) -> None:
    [command] = re.findall(r"^ACTIONLINT := (\S+)$", MAKEFILE, re.MULTILINE)
    if not (ROOT / command).exists():
        pytest.skip("actionlint is not installed: scripts/setup.sh npm")
    job = {"runs-on": "runs-on: ubuntu-24.04-arm", "steps": "steps: [{run: make}]"}

    def lint(name: str, lines: dict[str, str]) -> tuple[int, str]:
        text = "on: push\njobs:\n  one:\n" + "".join(f"    {line}\n" for line in lines.values())
        (tmp_path / name).write_text(text)
        done = subprocess.run(
            [ROOT / command, name], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )
        return done.returncode, done.stdout + done.stderr

    assert lint("good.yml", job)[0] == 0
    status, said = lint("bad.yml", job | {fault.partition(":")[0]: fault})
    assert status == 1, said
    assert "bad.yml:" in said


def test_no_workflow_has_an_aws_key() -> None:
    roles = [step for path in WORKFLOWS for step in steps(path) if "configure-aws-credentials" in step.get("uses", "")]
    assert len(roles) == 2
    for role in roles:
        assert role["with"] == {"role-to-assume": "${{ vars.AWS_ROLE }}", "aws-region": "${{ vars.AWS_REGION }}"}
    secrets = {name for path in WORKFLOWS for name in re.findall(r"secrets\.(\w+)", path.read_text())}
    assert secrets == {"OKTA_CLIENT_SECRET"}


def test_a_merge_is_tested_then_deployed_to_dev_then_to_prod() -> None:
    jobs = read(ROOT / ".github/workflows/main.yml")["jobs"]
    assert [(name, job.get("needs"), job.get("with", {}).get("stage")) for name, job in jobs.items()] == [
        ("test", None, None), ("dev", "test", "dev"), ("prod", "dev", "prod"),
    ]  # fmt: skip
    [deploy] = read(ROOT / ".github/workflows/deploy.yml")["jobs"].values()
    # The environment of this name lists who must approve.
    assert deploy["environment"] == deploy["env"]["STAGE"] == "${{ inputs.stage }}"
    # Nothing is installed or built with the role's permissions, and only what works makes what was before it needless.
    steps = [step.get("run") or step["uses"].partition("@")[0] for step in deploy["steps"]]
    assert steps[:5] == [
        "actions/checkout", "actions/setup-python", "make build", "aws-actions/configure-aws-credentials",
        "make deploy BUILT=1",
    ]  # fmt: skip
    assert "make -s smoke" in steps[5]
    assert steps[6:] == ["make -s prune"]


def test_values_reach_a_deployment_as_variables_and_never_through_a_shell() -> None:
    [deploy] = [step for step in steps(ROOT / ".github/workflows/deploy.yml") if step.get("name") == "Deploy"]
    assert deploy["env"] == {"OktaIssuer": "${{ vars.OKTA_ISSUER }}", "PARAMETERS": "${{ vars.PARAMETERS }}"}
    for path in WORKFLOWS:
        for step in steps(path):
            assert "${{" not in step.get("run", "")


def test_images_are_named_by_digest() -> None:
    assert not re.search(r"docker (pull|run)", "".join(path.read_text() for path in WORKFLOWS))
    files = list((ROOT / ".github").rglob("Dockerfile"))
    assert files
    for file in files:
        for image in re.findall(r"^FROM (.+)$", file.read_text(), re.MULTILINE):
            assert re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", image)
        folder = f"/{file.parent.relative_to(ROOT)}"
        updates = read(ROOT / ".github/dependabot.yml")["updates"]
        assert [each["package-ecosystem"] for each in updates if each.get("directory") == folder] == ["docker"]


def test_a_rollback_is_one_manual_action_and_does_not_wait() -> None:
    workflow = read(ROOT / ".github/workflows/rollback.yml")
    given = workflow["on"]["workflow_dispatch"]["inputs"]
    assert given["stage"]["options"] == ["prod", "dev"]
    assert workflow["concurrency"]["group"] != read(ROOT / ".github/workflows/deploy.yml")["concurrency"]["group"]
    [job] = workflow["jobs"].values()
    assert job["environment"] == "${{ inputs.stage }}"
    assert job["steps"][-1] == {
        "run": "make -s rollback",
        "env": {"STAGE": "${{ inputs.stage }}", "TO": "${{ inputs.to }}"},
    }


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_uses_only_existing_targets(path: Path) -> None:
    for step in steps(path):
        for target in re.findall(r"\bmake (?:-s )?([\w-]+)", step.get("run", "")):
            assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target
