"""Create or update the stack of a stage; `make deploy` runs it.

A new stack gets every parameter: it asks for those without a default, and shows all. An update gives only the parameters
that stages.toml, `.env.<stage>`, PARAMETERS and the environment name, and prints old and new value of those that change; all
others keep their value. Before anything is created or changed it checks what the deployment needs. Without a terminal it
asks nothing and offers nothing.

  python -m scripts.operate.deploy [--stage prod] [--built] [--template FILE]
"""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.session import Session

from deployment import ROOT
from deployment.parameters import Parameter, read_parameters
from deployment.stages import STAGES, Stage, longest_stack_name
from scripts.operate import sam
from scripts.operate.planning import Plan, given_parameters
from scripts.operate.preflight import Result, check_account, check_plan, check_state
from scripts.operate.rollback import functions_of
from scripts.operate.rotate_secret import WEBHOOKS
from scripts.operate.stack import Stack, describe, find, parser, resources

TEMPLATE = ROOT / "template.yaml"
BUILT = ROOT / ".aws-sam/build"
# Lambda's names of architectures, by the names that processors have for themselves.
ARCHITECTURES = {"aarch64": "arm64", "arm64": "arm64", "x86_64": "x86_64", "amd64": "x86_64"}


class DeployError(Exception):
    """The deployment must not begin; the text says why. Nothing has been created or changed."""


def release() -> str:
    """Return the name of this release: RELEASE, or else the time and the commit."""
    if named := os.environ.get("RELEASE"):
        return named
    done = subprocess.run(
        ["git", "rev-parse", "--short=7", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return f"{datetime.now(UTC):%y%m%d%H%M}-{done.stdout.strip() or '0000000'}"


def plan(stage: Stage, template: Mapping[str, Parameter], stack: Stack | None, environ: Mapping[str, str]) -> Plan:
    """Return what this deployment gives the stack. Raise ValueError for a line that cannot be read."""
    given = given_parameters(stage, template, environ)
    if not stack:
        # The first deployment decides; later ones keep it, also from a machine of another architecture.
        given.setdefault("Architecture", ARCHITECTURES.get(platform.machine().lower(), "x86_64"))
    return Plan(stage, template, given, stack.parameters if stack else None)


def without_canary(session: Session, planned: Plan) -> str:
    """Return why this deployment must go without a canary, or an empty string.

    CodeDeploy refuses to move an alias from a version that CloudFormation did not give it ("The Lambda function alias
    version does not match", serverless-application-model #291), which is how `make rollback` leaves them.
    """
    if planned.current is None or planned.values.get("CanaryDeployment") != "true":
        return ""
    cloudformation, lambda_ = session.create_client("cloudformation"), session.create_client("lambda")
    versions = set(resources(cloudformation, planned.stage.stack, "AWS::Lambda::Version"))
    moved = [
        function.name
        for function in functions_of(cloudformation, lambda_, planned.stage.stack)
        if not any(version.endswith(f":function:{function.name}:{function.live}") for version in versions)
    ]
    if not moved:
        return ""
    return (
        f"{len(moved)} aliases are not where the last deployment put them, as after `make rollback`, so this deployment goes "
        "without a canary."
    )


def architecture_of(build: Path) -> str:
    """Return the architecture that a finished build is for, by its compiled libraries; empty if it has none."""
    names = (file.name for file in build.glob("SharedLayer/**/*.so"))
    found = (match[1] for name in names if (match := re.search(r"-(x86_64|aarch64)-linux-gnu", name)))
    return ARCHITECTURES.get(next(found, ""), "")


def build(architecture: str, *, built: bool) -> None:
    """Build for this architecture, or check that what is built is for it. Raise DeployError if it cannot be deployed."""
    if not built:
        command = ["make", "--no-print-directory", "build", f"ARCHITECTURE={architecture}"]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            raise DeployError("The build failed.")
    elif (present := architecture_of(BUILT)) != architecture:
        state = f"for {present}" if present else "missing"
        raise DeployError(
            f"The build is {state}, and the stack runs on {architecture}: make build ARCHITECTURE={architecture}"
        )


def ask(question: str) -> bool:
    """Ask on the terminal; False without one."""
    return sys.stdin.isatty() and input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}


def passed(results: Iterable[Result]) -> bool:
    """Print each result, offer what can be offered, and return whether no problem is left."""
    problems = 0
    for result in results:
        print(result.finding, flush=True)
        if result.finding.problem:
            if result.offer and ask(result.offer.question):
                result.offer.act()
            else:
                problems += 1
    return not problems


def complete(planned: Plan) -> Plan:
    """Ask for the parameters that have no default. Raise DeployError without a terminal, or for values that cannot be."""
    given = dict(planned.given)
    for name in planned.missing:
        parameter = planned.template[name]
        if not sys.stdin.isatty():
            raise DeployError(f"{name} has no value: {parameter.description} Set it in .env.{planned.stage.name}.")
        given[name] = input(f"{name} ({parameter.description}): ").strip()
    completed = Plan(planned.stage, planned.template, given, planned.current)
    if wrong := "\n".join(completed.faults()):
        raise DeployError(wrong)
    return completed


def deploy(stage: Stage, template: Path | None, *, built: bool) -> int:
    """Deploy with the credentials and region of the environment; return the exit status. Raise DeployError.

    `template` is deployed instead of the built one.
    """
    session = Session()
    longest = longest_stack_name(TEMPLATE)
    if len(stage.stack) > longest:
        raise DeployError(f"{stage.stack} is too long for a stack: its functions' names allow {longest} characters.")
    if not passed(check_account(session)):
        raise DeployError("")
    cloudformation = session.create_client("cloudformation")
    if not passed(check_state(session, stage.stack, find(cloudformation, stage.stack))):
        raise DeployError("")
    # Again: what was offered may have deleted it.
    stack = find(cloudformation, stage.stack)
    planned = complete(plan(stage, read_parameters(template or TEMPLATE), stack, os.environ))
    if not passed(check_plan(session, planned)):
        raise DeployError("")
    given = {**planned.given, "Release": release()}
    if reason := without_canary(session, planned):
        print(reason)
        given["CanaryDeployment"] = "false"
    lines = list(planned.lines())
    print("Parameters:" if stack is None else "Parameters that change:" if lines else "No parameter changes.")
    print("\n".join(lines))
    if sys.stdin.isatty() and not ask(f"{'Update' if stack else 'Create'} {stage.stack}?"):
        raise DeployError("")
    build(planned.values["Architecture"], built=built)
    status = sam.deploy(
        template or BUILT / "template.yaml", stage.stack, given, {"application": "sales", "stage": stage.name}
    )
    if status:
        where = "Continue a rollback" if stack else "The first deployment failed"
        print(f"The deployment failed: docs/operations.md, {where}.", file=sys.stderr)
    elif stack is None:
        show_callbacks(session, describe(cloudformation, stage.stack))
    return status


def show_callbacks(session: Session, stack: Stack) -> None:
    """Print what to enter at Africa's Talking; with the secret on a terminal only, because logs are kept."""
    secret = "<secret>"  # noqa: S105 - a placeholder
    if sys.stdin.isatty():
        client = session.create_client("secretsmanager")
        secret = client.get_secret_value(SecretId=stack.parameters["WebhookSecretName"])["SecretString"]
    print("Enter these callbacks at Africa's Talking:")
    for webhook in WEBHOOKS:
        print(f"{stack.outputs['ApiUrl']}/webhooks/africastalking/{webhook}/{secret}")


def main() -> int:
    """Deploy a stage."""
    arguments = parser(__doc__)
    arguments.add_argument("--stage", choices=STAGES, default="prod")
    arguments.add_argument("--built", action="store_true", help="deploy what is built, and build nothing")
    arguments.add_argument("--template", type=Path, help="a template to deploy instead of the built one")
    options: Any = arguments.parse_args()
    try:
        return deploy(STAGES[options.stage], options.template, built=options.built)
    except (DeployError, ValueError) as error:
        print(f"{error}\nNothing was created or changed.".lstrip(), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
