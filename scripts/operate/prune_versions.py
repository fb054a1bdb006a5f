"""Delete function versions that nothing can go back to; `make prune` runs it, and so does every deployment.

With SnapStart AWS charges for the snapshot of every version that exists, and Lambda removes idle ones for Java only, so a
stack deployed daily collects hundreds. This keeps every version that an alias names (both sides of a canary) and the two
newest others: `make rollback` then has a release to go back to, even if it has just taken the newest one back.

  python -m scripts.operate.prune_versions [--stage prod | --stack sales] [--keep 2] [--dry-run]
"""

import sys
from typing import Any

from botocore.session import Session

from scripts.operate.stack import LATEST, add_stack, paginate, parser, releases, resources

KEEP = 2


def superfluous(versions: list[int], aliased: set[int], keep: int) -> list[int]:
    """Return the versions to delete: those no alias names, except the `keep` newest of them."""
    others = sorted(version for version in versions if version not in aliased)
    return others[: max(len(others) - keep, 0)]


def aliased(client: Any, function: str) -> set[int]:
    """Return the versions that an alias sends requests to, including the smaller part of a canary."""
    versions = set()
    for alias in paginate(client, "list_aliases", "Aliases", FunctionName=function):
        weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        versions |= {int(version) for version in (alias["FunctionVersion"], *weights) if version != LATEST}
    return versions


def prune(cloudformation: Any, lambda_: Any, stack: str, *, keep: int, dry_run: bool) -> int:
    """Delete superfluous versions of all functions of the stack; return how many."""
    deleted = 0
    for function in resources(cloudformation, stack, "AWS::Lambda::Function"):
        for version in superfluous(list(releases(lambda_, function)), aliased(lambda_, function), keep):
            print(f"{'Would delete' if dry_run else 'Deleting'} {function}:{version}.")
            if not dry_run:
                lambda_.delete_function(FunctionName=function, Qualifier=str(version))
            deleted += 1
    return deleted


def main() -> int:
    """Prune with the credentials and region of the environment."""
    arguments = parser(__doc__)
    add_stack(arguments)
    arguments.add_argument("--keep", type=int, default=KEEP, help="how many versions to keep besides those in use")
    arguments.add_argument("--dry-run", action="store_true", help="only print what would be deleted")
    options = arguments.parse_args()
    session = Session()
    clients = (session.create_client("cloudformation"), session.create_client("lambda"))
    count = prune(*clients, options.stack, keep=max(options.keep, 0), dry_run=options.dry_run)
    print(f"{'Versions to delete' if options.dry_run else 'Versions deleted'}: {count}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
