"""Prints what `make doctor` finds, line by line."""

from collections.abc import Callable, Iterator

from local.commands.cli import run
from local.commands.doctor.configuration import check_env, check_secrets_age, check_sms_key, check_stored
from local.commands.doctor.finding import Finding
from local.commands.doctor.issuer import check_issuer
from local.commands.doctor.machine import check_node_modules, check_tools, check_versions
from local.config import Config

__all__ = ["examine"]


def examine(config: Config) -> Iterator[Finding]:
    """Yield every finding about this configuration."""
    checks: tuple[Callable[[Config], Iterator[Finding]], ...] = (
        check_versions, check_tools, check_node_modules, check_env, check_stored, check_sms_key, check_secrets_age, check_issuer,
    )  # fmt: skip
    for check in checks:
        yield from check(config)


def main() -> int:
    """Print a line for each finding."""
    problems = 0
    for finding in examine(Config.of_running()):
        print(finding, flush=True)
        problems += finding.problem
    print(f"\n{problems} problem{'' if problems == 1 else 's'}." if problems else "\nNo problems found.")
    return 1 if problems else 0


if __name__ == "__main__":
    run(main)
