"""Deletes the versions of a stack's functions that nobody needs any more; `make prune` runs it, and so does each deployment.

With SnapStart each version's snapshot is paid for as long as the version is there, and Lambda deletes idle ones for Java
only, so a stack that is deployed daily collects hundreds. Kept are what an alias names (both sides of a canary) and, of
the rest, the newest two: what `make rollback` goes back to is there also when the newest of them was itself taken back.

  python -m scripts.operate.prune_versions [--stack sales] [--keep 2] [--dry-run]
"""

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from botocore.session import Session

ALL = "$LATEST"
KEEP = 2


def needless(versions: list[int], aliased: set[int], keep: int) -> list[int]:
    """Of these versions those to be deleted: neither named by an alias nor among the `keep` newest of the others."""
    others = sorted(version for version in versions if version not in aliased)
    return others[: max(len(others) - keep, 0)]


def pages(client: Any, operation: str, key: str, **parameters: Any) -> list[Any]:
    """All that an operation lists."""
    return [each for page in client.get_paginator(operation).paginate(**parameters) for each in page[key]]


def resources(cloudformation: Any, stack: str, kind: str) -> Iterator[str]:
    """The names of the stack's resources of a type."""
    for resource in pages(cloudformation, "list_stack_resources", "StackResourceSummaries", StackName=stack):
        if resource["ResourceType"] == kind:
            yield resource["PhysicalResourceId"]


def releases(client: Any, function: str) -> dict[int, str]:
    """The versions of a function, each with the release that made it."""
    listed = pages(client, "list_versions_by_function", "Versions", FunctionName=function)
    return {int(each["Version"]): each.get("Description", "") for each in listed if each["Version"] != ALL}


def aliased(client: Any, function: str) -> set[int]:
    """The versions that an alias sends requests to, the smaller part of a canary included."""
    found = set()
    for alias in pages(client, "list_aliases", "Aliases", FunctionName=function):
        weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        found |= {int(version) for version in (alias["FunctionVersion"], *weights) if version != ALL}
    return found


def prune(cloudformation: Any, lambda_: Any, stack: str, *, keep: int, dry_run: bool) -> int:
    """Deletes what is needless of all functions of the stack; how many versions."""
    deleted = 0
    for function in resources(cloudformation, stack, "AWS::Lambda::Function"):
        for version in needless(list(releases(lambda_, function)), aliased(lambda_, function), keep):
            print(f"{'would delete' if dry_run else 'deleting'} {function}:{version}")
            if not dry_run:
                lambda_.delete_function(FunctionName=function, Qualifier=str(version))
            deleted += 1
    return deleted


def main() -> int:
    """Prunes with the credentials and region of the environment."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--stack", default="sales")
    parser.add_argument("--keep", type=int, default=KEEP, help="how many versions to keep besides those in use")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    options = parser.parse_args()
    session = Session()
    clients = (session.create_client("cloudformation"), session.create_client("lambda"))
    count = prune(*clients, options.stack, keep=max(options.keep, 0), dry_run=options.dry_run)
    print(f"{count} versions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
