"""Say how old a stack's secrets are; `make doctor STAGE=prod` runs it after its checks of this machine.

python -m scripts.operate.secret_ages [--stage prod | --stack sales]
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError
from botocore.session import Session

from local.commands.doctor.finding import Finding
from scripts.operate.rotate_secret import PARAMETERS, TARGETS
from scripts.operate.stack import add_stack, find, parser

# A secret gets worse with the people who have seen it, and within a year some of them leave.
DAYS = 365


def ages(session: Session, name: str, now: datetime) -> Iterator[Finding]:
    """Yield a finding about the current version of each secret of the stack: a warning if it is older than a year."""
    stack = find(session.create_client("cloudformation"), name)
    if stack is None:
        yield Finding("secrets", f"the stack {name} does not exist", checked=False)
        return
    client = session.create_client("secretsmanager")
    for kind, parameter in PARAMETERS.items():
        secret = stack.parameters[parameter]
        command = f"make {TARGETS[kind]} STACK={name}"
        try:
            versions = client.list_secret_version_ids(SecretId=secret)["Versions"]
        except client.exceptions.ResourceNotFoundException:
            yield Finding("secret", f"{secret} does not exist", command)
            continue
        [created] = [each["CreatedDate"] for each in versions if "AWSCURRENT" in each["VersionStages"]]
        days = (now - created).days
        advice = f"Replace it once a year: {command}" if days > DAYS else ""
        yield Finding("secret", f"{secret} is {days} days old", advice, warning=True)


def main() -> None:
    """Print a line for each finding."""
    arguments = parser(__doc__)
    add_stack(arguments)
    options = arguments.parse_args()
    problems = 0
    try:
        for finding in ages(Session(), options.stack, datetime.now(UTC)):
            print(finding)
            problems += finding.problem
    except NoRegionError:
        sys.exit("No region is set: export AWS_DEFAULT_REGION=eu-west-1, or another region.")
    except (ClientError, NoCredentialsError) as error:
        sys.exit(f"The secrets' ages were not looked up: {error}")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
