"""Check what a deployment needs before anything is created or changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, NoCredentialsError
from botocore.session import Session

from deployment.stages import STAGES
from local.commands.doctor.finding import Finding
from local.commands.doctor.issuer import UnusableIssuerError, check_keys, discover
from scripts.operate.planning import Plan
from scripts.operate.rotate_secret import PARAMETERS as SECRETS
from scripts.operate.rotate_secret import TARGETS, new_webhook_secret, put_version, read_key
from scripts.operate.stack import Stack, paginate

__all__ = ["Offer", "Result", "check_account", "check_plan", "check_state"]

# The services of the template's resources, by botocore's names; CodeDeploy only moves canaries.
SERVICES = (
    "apigateway",
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "events",
    "lambda",
    "logs",
    "s3",
    "secretsmanager",
    "sns",
)
# Readers of the stream, two sweeps, and room for requests: with less, texts alone can use up the account's quota.
SWEEPS, REQUESTS = 2, 10
# Lambda insists on leaving so many to functions without a reservation; an account with fewer can reserve none.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
UNRESERVED = 100
# States in which nothing but a deletion is possible: a first deployment failed, or a deletion did.
DEAD = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
OPERATIONS = "docs/operations.md"
# The part of IAM's refusals that every service shares.
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


@dataclass(frozen=True)
class Offer:
    """Something that the command can do about a problem if its operator agrees."""

    question: str
    act: Callable[[], None]


@dataclass(frozen=True)
class Result:
    """The finding of one check, and what the command can offer about it."""

    finding: Finding
    offer: Offer | None = None


def check_account(session: Session) -> Iterator[Result]:
    """Check that there are credentials and a region; a problem ends the pre-flight."""
    if not session.get_config_variable("region"):
        yield Result(Finding("region", "none is set", "export AWS_DEFAULT_REGION=eu-west-1, or another region"))
        return
    try:
        account = session.create_client("sts").get_caller_identity()["Account"]
    except NoCredentialsError:
        yield Result(Finding("credentials", "there are none", "aws configure sso, then export AWS_PROFILE"))
    except ClientError as error:
        yield Result(Finding("credentials", f"AWS refuses them ({_code(error)})", "aws sso login"))
    else:
        yield Result(Finding("account", f"{account} in {session.get_config_variable('region')}"))


def check_state(session: Session, name: str, stack: Stack | None) -> Iterator[Result]:
    """Check that the stack is in a state from which it can be created or updated."""
    client = session.create_client("cloudformation")
    match stack.status if stack else "":
        case "":
            yield Result(Finding("stack", f"{name} will be created"))
        case status if status in DEAD:
            yield Result(
                Finding(
                    "stack",
                    f"{name} is in {status}: its first deployment or its deletion failed{_retained(client, name)}",
                    f"aws cloudformation delete-stack --stack-name {name} ({OPERATIONS}, The first deployment failed)",
                ),
                Offer(f"Delete the stack {name}? What it retains stays.", lambda: _delete(client, name)),
            )
        case "UPDATE_ROLLBACK_FAILED":
            advice = (
                f"aws cloudformation continue-update-rollback --stack-name {name} ({OPERATIONS}, Continue a rollback)"
            )
            yield Result(Finding("stack", f"{name} is in UPDATE_ROLLBACK_FAILED", advice))
        case status if status.endswith("_IN_PROGRESS"):
            advice = f"Wait for it, or watch it: aws cloudformation describe-stack-events --stack-name {name}"
            yield Result(Finding("stack", f"{name} is in {status}", advice))
        case _:
            yield Result(Finding("stack", f"{name} will be updated"))


def _retained(client: Any, name: str) -> str:
    listed = paginate(client, "list_stack_resources", "StackResourceSummaries", StackName=name)
    kept = [entry["PhysicalResourceId"] for entry in listed if entry["ResourceStatus"] == "DELETE_SKIPPED"]
    return f"; it left {', '.join(kept)}" if kept else ""


def _delete(client: Any, name: str) -> None:
    client.delete_stack(StackName=name)
    print(f"Deleting {name}. This can take minutes.", flush=True)
    client.get_waiter("stack_delete_complete").wait(StackName=name)


def check_plan(session: Session, plan: Plan) -> Iterator[Result]:
    """Check the parameters that change (issuer, secrets) and, for a new stack, the account: region, quota, old log groups."""
    if plan.changes("OktaIssuer"):
        yield from _issuer(plan.values["OktaIssuer"])
    yield from _secrets(session, plan)
    if plan.current is None:
        yield from _region(session, plan)
        yield from _log_groups(session, plan.stage.stack)
    if plan.current is None or plan.changes("StreamParallelism"):
        yield from _quota(session, plan)
    if plan.changes("SenderConcurrency") and plan.values.get("SenderConcurrency", "0") != "0":
        yield from _reservation(session, plan)
    if plan.changes("SnapStart") and plan.values.get("SnapStart") == "PublishedVersions":
        advice = (
            "https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html lists the regions that have it for Python."
        )
        yield Result(Finding("SnapStart", "not every region has it", advice, warning=True))


def _issuer(url: str) -> Iterator[Result]:
    try:
        discovery = discover(url, "OktaIssuer")
    except UnusableIssuerError as error:
        yield Result(error.finding)
        return
    yield Result(Finding("issuer", f"{url} answers"))
    yield Result(check_keys(discovery))


def _secrets(session: Session, plan: Plan) -> Iterator[Result]:
    client = session.create_client("secretsmanager")
    for kind, parameter in SECRETS.items():
        if not plan.changes(parameter):
            continue
        name = plan.values[parameter]
        try:
            secret = client.describe_secret(SecretId=name)
        except client.exceptions.ResourceNotFoundException:
            advice = f"make {TARGETS[kind]} STAGE={plan.stage.name}"
            yield Result(Finding("secret", f"{name} does not exist", advice), _creation(kind, client, name))
        except ClientError as error:
            yield _unchecked("secret", f"{name} was not looked up", error)
        else:
            deleted = "DeletedDate" in secret
            advice = f"aws secretsmanager restore-secret --secret-id {name}" if deleted else ""
            yield Result(Finding("secret", f"{name} {'is marked for deletion' if deleted else 'exists'}", advice))


def _creation(kind: str, client: Any, name: str) -> Offer:
    if kind == "webhook":
        return Offer(f"Create the secret {name}?", lambda: put_version(client, name, new_webhook_secret()))
    return Offer(
        f"Enter the API key of Africa's Talking and create {name}?", lambda: put_version(client, name, read_key())
    )


def _region(session: Session, plan: Plan) -> Iterator[Result]:
    region = session.get_config_variable("region")
    partition = session.get_partition_for_region(region)
    services = SERVICES + (("codedeploy",) if plan.values.get("CanaryDeployment") == "true" else ())
    missing = [name for name in services if region not in session.get_available_regions(name, partition)]
    if missing:
        advice = "Choose another region. If it is newer than this machine's botocore, run `make lock` first."
        yield Result(Finding("region", f"{region} has no {', '.join(missing)} that we know of", advice))
    else:
        yield Result(Finding("region", f"{region} has every service"))


def _log_groups(session: Session, stack: str) -> Iterator[Result]:
    client = session.create_client("logs")
    left: list[str] = []
    try:
        for prefix in (f"/aws/lambda/{stack}-", f"/aws/vendedlogs/{stack}-http-api"):
            listed = paginate(client, "describe_log_groups", "logGroups", logGroupNamePrefix=prefix)
            left += [group["logGroupName"] for group in listed if not _of_other_stage(group["logGroupName"], stack)]
    except ClientError as error:
        yield _unchecked("log groups", "were not looked up", error)
        return
    if left:
        commands = "; ".join(f"aws logs delete-log-group --log-group-name {name}" for name in left)
        yield Result(Finding("log groups", f"an earlier stack {stack} left {len(left)}", commands))


def _of_other_stage(group: str, stack: str) -> bool:
    """Whether the name belongs to a stack whose own name begins with this one's, as sales-dev does with sales."""
    return any(other.stack.startswith(f"{stack}-") and f"/{other.stack}-" in group for other in STAGES.values())


def _quota(session: Session, plan: Plan) -> Iterator[Result]:
    try:
        limits = session.create_client("lambda").get_account_settings()["AccountLimit"]
    except ClientError as error:
        yield _unchecked("quota", "was not looked up", error)
        return
    quota, parallel = int(limits["ConcurrentExecutions"]), int(plan.values.get("StreamParallelism", "1"))
    needed = parallel + SWEEPS + REQUESTS
    if quota >= needed:
        yield Result(Finding("quota", f"{quota} functions may run at the same time"))
    elif parallel > 1:
        advice = "Deploy with StreamParallelism=1, and ask for more: " + _MORE
        yield Result(Finding("quota", f"only {quota} functions may run at the same time, {needed} are needed", advice))
    else:
        advice = "Ask for more: " + _MORE
        yield Result(Finding("quota", f"only {quota} functions may run at the same time", advice, warning=True))


def _reservation(session: Session, plan: Plan) -> Iterator[Result]:
    """Check that the account can keep executions for both senders, and that these suffice: more than it keeps they never get."""
    wanted, before = (int(values.get("SenderConcurrency", "0")) for values in (plan.values, plan.current or {}))
    least = max(int(plan.values.get("StreamParallelism", "1")), 2 * SWEEPS)
    if wanted < least:
        result = f"{wanted} executions for each sender would hold texts back: they use up to {least}"
        yield Result(Finding("SenderConcurrency", result, f"Deploy with SenderConcurrency={least} or more, or with 0."))
        return
    try:
        limits = session.create_client("lambda").get_account_settings()["AccountLimit"]
    except ClientError as error:
        yield _unchecked("SenderConcurrency", "was not looked up", error)
        return
    free = int(limits["UnreservedConcurrentExecutions"]) - min(UNRESERVED, int(limits["ConcurrentExecutions"]))
    if 2 * (wanted - before) <= free:
        yield Result(Finding("SenderConcurrency", f"{wanted} executions can be kept for each sender"))
    else:
        result = f"the account has {max(free, 0)} executions to keep, {2 * (wanted - before)} are needed"
        yield Result(Finding("SenderConcurrency", result, "Deploy with SenderConcurrency=0, or ask for more: " + _MORE))


# L-B99A9384 is "Concurrent executions" of Lambda.
_MORE = "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000"


def _unchecked(subject: str, result: str, error: ClientError) -> Result:
    if _code(error) not in DENIED:
        raise error
    return Result(Finding(subject, f"{result}: these credentials may not", checked=False))


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
