"""Goes back to an earlier release of a stack: the alias of every function to that release's version; `make rollback` runs it.

Nothing is built and nothing goes through CodeDeploy, which would stop at the very alarm that is the reason. Where a
deployment's canary is under way it is stopped, which takes all of it back. Without --to the release before the one in use
is taken. Either all functions can go there, or none is touched; a function that the later release brought stays.

  python -m scripts.operate.rollback [--stack sales] [--to 2611232035-0a1b2c3] [--dry-run]
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.session import Session

from sales.api.unmatched import ALIAS
from scripts.operate.prune_versions import releases, resources

UNDER_WAY = ["Created", "Queued", "InProgress", "Baking", "Ready"]


class RollbackError(Exception):
    """It cannot be gone back; the text says why. Nothing was changed."""


@dataclass(frozen=True)
class Function:
    """A function with its versions, by release, and the version that the alias names."""

    name: str
    versions: dict[str, int]
    live: int

    @property
    def release(self) -> str:
        """The release in use."""
        return next((release for release, version in self.versions.items() if version == self.live), "")


def functions(cloudformation: Any, lambda_: Any, stack: str) -> Iterator[Function]:
    """The stack's functions as they are."""
    for name in resources(cloudformation, stack, "AWS::Lambda::Function"):
        # Of two versions of one release the later one: it is what that deployment ended with.
        versions = {release: version for version, release in sorted(releases(lambda_, name).items())}
        alias = lambda_.get_alias(FunctionName=name, Name=ALIAS)
        yield Function(name, versions, int(alias["FunctionVersion"]))


def chosen(found: list[Function], to: str) -> str:
    """The release to go to: this one, or the one before what is in use. Raises RollbackError."""
    # A release begins with its time.
    known = sorted({release for each in found for release in each.versions})
    current = max(each.release for each in found)
    if to:
        if to not in known:
            raise RollbackError(f"There is no release {to} any more. There are: {', '.join(known)}.")
        return to
    earlier = [release for release in known if release < current]
    if not earlier:
        raise RollbackError(f"There is no release before {current}. There are: {', '.join(known)}.")
    return earlier[-1]


def moves(found: list[Function], release: str) -> list[tuple[Function, int]]:
    """The functions whose alias must move, each with the version. Raises RollbackError where one has lost it."""
    planned = []
    for each in found:
        if release in each.versions:
            if each.versions[release] != each.live:
                planned.append((each, each.versions[release]))
        elif any(other < release for other in each.versions):
            raise RollbackError(f"{each.name} has no version of {release}. Nothing was changed.")
        else:
            print(f"{each.name} stays: it was not there yet")
    return planned


def stop_canaries(cloudformation: Any, codedeploy: Any, stack: str, *, dry_run: bool) -> int:
    """Stops the deployments that are under way and has them taken back; how many."""
    stopped = 0
    for application in resources(cloudformation, stack, "AWS::CodeDeploy::Application"):
        for group in resources(cloudformation, stack, "AWS::CodeDeploy::DeploymentGroup"):
            listed = codedeploy.list_deployments(
                applicationName=application, deploymentGroupName=group, includeOnlyStatuses=UNDER_WAY
            )
            for deployment in listed["deployments"]:
                print(f"{'would stop' if dry_run else 'stopping'} {deployment} of {group}")
                if not dry_run:
                    codedeploy.stop_deployment(deploymentId=deployment, autoRollbackEnabled=True)
                stopped += 1
    return stopped


def roll_back(cloudformation: Any, lambda_: Any, codedeploy: Any, stack: str, to: str = "", *, dry_run: bool) -> None:
    """Goes back, or with `dry_run` says what would be done. Raises RollbackError."""
    if stop_canaries(cloudformation, codedeploy, stack, dry_run=dry_run):
        print("A deployment was under way. It goes back by itself, and the stack with it, within minutes.")
        return
    found = list(functions(cloudformation, lambda_, stack))
    if not found:
        raise RollbackError(f"The stack {stack} has no functions.")
    release = chosen(found, to)
    planned = moves(found, release)
    for each, version in planned:
        print(f"{'would move' if dry_run else 'moving'} {each.name} from {each.live} to {version}")
        if not dry_run:
            lambda_.update_alias(
                FunctionName=each.name,
                Name=ALIAS,
                FunctionVersion=str(version),
                RoutingConfig={"AdditionalVersionWeights": {}},
            )
    print(f"{stack} {'would be' if dry_run else 'is'} at {release}: {len(planned)} functions moved")


def main() -> int:
    """Goes back with the credentials and region of the environment."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--stack", default="sales")
    parser.add_argument("--to", default="", help="the release to go to, as the versions' descriptions name it")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    options = parser.parse_args()
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
