"""Go back to an earlier release of a stack by moving every function's alias to its version; `make rollback` runs it.

It builds nothing and avoids CodeDeploy, which would stop at the very alarm that is the reason to go back. If a
deployment's canary is running, it stops the canary, which takes back the whole deployment. Without --to it goes to the
release before the one in use. Either every function can go there or none moves; functions that the later release added
stay.

  python -m scripts.operate.rollback [--stage prod | --stack sales] [--to 2611232035-0a1b2c3] [--dry-run]
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.session import Session

from sales.api.unmatched import ALIAS
from scripts.operate.stack import add_stack, parser, releases, resources

UNDER_WAY = ["Created", "Queued", "InProgress", "Baking", "Ready"]


class RollbackError(Exception):
    """The stack cannot go back; the text says why. Nothing has changed."""


@dataclass(frozen=True)
class Function:
    """A function, its versions by release, and the version that its alias names."""

    name: str
    versions: dict[str, int]
    live: int

    @property
    def release(self) -> str:
        """Return the release in use."""
        return next((release for release, version in self.versions.items() if version == self.live), "")


def functions_of(cloudformation: Any, lambda_: Any, stack: str) -> Iterator[Function]:
    """Yield the stack's functions as they are."""
    for name in resources(cloudformation, stack, "AWS::Lambda::Function"):
        # If a release has two versions, the later one counts: that deployment ended with it.
        versions = {release: version for version, release in sorted(releases(lambda_, name).items())}
        alias = lambda_.get_alias(FunctionName=name, Name=ALIAS)
        yield Function(name, versions, int(alias["FunctionVersion"]))


def choose(functions: list[Function], to: str) -> str:
    """Return the release to go to: `to`, or the one before the release in use. Raise `RollbackError` if there is none."""
    # A release begins with its time, so sorting orders them.
    known = sorted({release for function in functions for release in function.versions})
    current = max(function.release for function in functions)
    if to:
        if to not in known:
            raise RollbackError(f"Release {to} no longer exists. Choose one of {', '.join(known)}.")
        return to
    earlier = [release for release in known if release < current]
    if not earlier:
        raise RollbackError(f"No release before {current} exists. Releases: {', '.join(known)}.")
    return earlier[-1]


def moves(functions: list[Function], release: str) -> list[tuple[Function, int]]:
    """Return the functions whose alias must move, each with its version. Raise `RollbackError` if one has lost it."""
    planned = []
    for function in functions:
        if release in function.versions:
            if function.versions[release] != function.live:
                planned.append((function, function.versions[release]))
        elif any(other < release for other in function.versions):
            raise RollbackError(f"{function.name} has no version of {release}. Nothing has changed.")
        else:
            print(f"{function.name} stays: {release} did not have it.")
    return planned


def stop_canaries(cloudformation: Any, codedeploy: Any, stack: str, *, dry_run: bool) -> int:
    """Stop running deployments and have them taken back; return how many."""
    stopped = 0
    for application in resources(cloudformation, stack, "AWS::CodeDeploy::Application"):
        for group in resources(cloudformation, stack, "AWS::CodeDeploy::DeploymentGroup"):
            listed = codedeploy.list_deployments(
                applicationName=application, deploymentGroupName=group, includeOnlyStatuses=UNDER_WAY
            )
            for deployment in listed["deployments"]:
                print(f"{'Would stop' if dry_run else 'Stopping'} {deployment} of {group}.")
                if not dry_run:
                    codedeploy.stop_deployment(deploymentId=deployment, autoRollbackEnabled=True)
                stopped += 1
    return stopped


def roll_back(cloudformation: Any, lambda_: Any, codedeploy: Any, stack: str, to: str = "", *, dry_run: bool) -> None:
    """Go back, or with `dry_run` print what would happen. Raise `RollbackError` if the stack cannot go back."""
    if stop_canaries(cloudformation, codedeploy, stack, dry_run=dry_run):
        print("A deployment was running. CodeDeploy takes it back, and the stack with it, within minutes.")
        return
    functions = list(functions_of(cloudformation, lambda_, stack))
    if not functions:
        raise RollbackError(f"The stack {stack} has no functions.")
    release = choose(functions, to)
    planned = moves(functions, release)
    for function, version in planned:
        print(f"{'Would move' if dry_run else 'Moving'} {function.name} from {function.live} to {version}.")
        if not dry_run:
            lambda_.update_alias(
                FunctionName=function.name,
                Name=ALIAS,
                FunctionVersion=str(version),
                RoutingConfig={"AdditionalVersionWeights": {}},
            )
    print(f"{stack} {'would be' if dry_run else 'is'} at {release}. Functions moved: {0 if dry_run else len(planned)}.")


def main() -> int:
    """Go back with the credentials and region of the environment."""
    arguments = parser(__doc__)
    add_stack(arguments)
    arguments.add_argument("--to", default="", help="the release to go to, as in the versions' descriptions")
    arguments.add_argument("--dry-run", action="store_true", help="only print what would happen")
    options = arguments.parse_args()
    session = Session()
    cloudformation, lambda_, codedeploy = map(session.create_client, ("cloudformation", "lambda", "codedeploy"))
    try:
        roll_back(cloudformation, lambda_, codedeploy, options.stack, options.to, dry_run=options.dry_run)
    except RollbackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
