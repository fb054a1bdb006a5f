"""Look up what the commands operate: a deployed stack, or the system that `make run` started on this machine."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.config import Config as ClientConfig
from botocore.exceptions import ClientError
from botocore.session import Session

from deployment import REGION
from deployment.stages import STAGES
from deployment.template import load
from local.aws.credentials import session_token
from local.config import Config
from sales.api.unmatched import ALIAS
from sales.domain.clock import parse_time

# Longer than send_sms may run, and without retries: the client must not send a second invocation.
INVOKE = ClientConfig(read_timeout=120, retries={"total_max_attempts": 1})
LATEST = "$LATEST"


@dataclass(frozen=True)
class Stack:
    """A deployed stack: its name, outputs and parameters, and CloudFormation's word for its state."""

    name: str
    outputs: dict[str, str]
    parameters: dict[str, str]
    status: str = "CREATE_COMPLETE"


@dataclass(frozen=True)
class Sender:
    """send_sms, deployed or on this machine."""

    client: Any
    function: str

    def accepts(self, event: bytes) -> bool:
        """Invoke send_sms with a stream event; return whether it accepted every record."""
        response = self.client.invoke(FunctionName=self.function, Qualifier=ALIAS, Payload=event)
        payload = response["Payload"].read()
        return not response.get("FunctionError") and json.loads(payload) == {"batchItemFailures": []}


def describe(cloudformation: Any, name: str) -> Stack:
    """Return the stack with this name."""
    [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}
    parameters = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack.get("Parameters", ())}
    return Stack(name, outputs, parameters, stack["StackStatus"])


def find(cloudformation: Any, name: str) -> Stack | None:
    """Return the stack with this name, or None; a stack that has only been planned (a change set) does not exist."""
    try:
        stack = describe(cloudformation, name)
    except ClientError as error:
        # CloudFormation reports this as a general ValidationError: https://github.com/aws/aws-cli/issues/1844
        if error.response["Error"]["Code"] == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    return None if stack.status == "REVIEW_IN_PROGRESS" else stack


def local_client(config: Config, service: str, url: str, /, **options: Any) -> Any:
    """Return a client for a stand-in of the system on this machine, with that system's session token."""
    session = Session()
    session.set_credentials("local", "local", session_token(config.state))
    return session.create_client(service, endpoint_url=url, region_name=REGION, **options)


def local_sender(config: Config) -> Sender:
    """Return send_sms of the system on this machine."""
    return Sender(local_client(config, "lambda", config.runtime_url, config=INVOKE), "send_sms")


def local_environment(config: Config, function: str) -> dict[str, str]:
    """Return the environment variables of a function of the system on this machine."""
    return load(config.template, config.parameters).functions[function].environment


def paginate(client: Any, operation: str, key: str, **parameters: Any) -> list[Any]:
    """Return everything that an operation lists."""
    return [entry for page in client.get_paginator(operation).paginate(**parameters) for entry in page[key]]


def resources(cloudformation: Any, stack: str, kind: str) -> Iterator[str]:
    """Yield the names of the stack's resources of a type, such as "AWS::Lambda::Function"."""
    for resource in paginate(cloudformation, "list_stack_resources", "StackResourceSummaries", StackName=stack):
        if resource["ResourceType"] == kind:
            yield resource["PhysicalResourceId"]


def releases(client: Any, function: str) -> dict[int, str]:
    """Return the versions of a function, each with the release that published it."""
    versions = paginate(client, "list_versions_by_function", "Versions", FunctionName=function)
    return {
        int(version["Version"]): version.get("Description", "") for version in versions if version["Version"] != LATEST
    }


def moment(text: str) -> datetime:
    """Parse a time from the command line: RFC 3339, or a date for its midnight in UTC."""
    try:
        return parse_time(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text} is neither a date nor a time: enter one such as 2026-11-23 or 2026-11-23T18:00:00Z"
        ) from None


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser whose description is the first line of a script's docstring."""
    return argparse.ArgumentParser(description=(description or "").partition("\n")[0])


def add_stack(options: argparse.ArgumentParser | Any) -> None:
    """Add --stage and --stack; `options.stack` is the name of the stack."""
    options.add_argument("--stack", default=STAGES["prod"].stack, help="the name of a deployed stack")
    stacks = {stage.name: stage.stack for stage in STAGES.values()}
    options.add_argument(
        "--stage", action=_StackOfStage, choices=stacks, dest="stack", help="the stage of a deployed stack"
    )


class _StackOfStage(argparse.Action):
    def __call__(self, _: Any, namespace: argparse.Namespace, value: Any, __: Any = None) -> None:
        namespace.stack = STAGES[value].stack


def add_target(options: argparse.ArgumentParser, *, url: bool = False) -> None:
    """Add --stage, --stack and --local, and --url where any address will do."""
    target = options.add_mutually_exclusive_group()
    add_stack(target)
    target.add_argument("--local", action="store_true", help="the system that `make run` started on this machine")
    if url:
        target.add_argument("--url", help="the address of any deployed API")
