"""The boundary of a stack's roles covers everything that they are for, and nothing of another stack."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from local.aws.iam import evaluate
from tests.template.cloudformation import ACCOUNT, REGION, stack
from tests.template.test_role import SOURCE, as_list, plain

STAGES = ["sales", "sales-dev"]
# AWS's policies grant more than this to every function and to CodeDeploy; the roles need these
# (docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaBasicExecutionRole.html and
# .../AWSCodeDeployRoleForLambda.html).
OF_AWS = {
    "AWSLambdaBasicExecutionRole": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "AWSCodeDeployRoleForLambda": [
        "cloudwatch:DescribeAlarms", "lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias",
    ],
}  # fmt: skip
ARN = f"{REGION}:{ACCOUNT}"


def boundary(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = plain(SOURCE["Resources"]["Boundary"]["Properties"]["PolicyDocument"], name)[
        "Statement"
    ]
    return found


def arn_of(logical_id: str, attribute: str, name: str) -> str:
    """Return the ARN of a resource as CloudFormation and AWS would name it in a stack of this name."""
    resource = stack().resources[logical_id]
    match resource["Type"]:
        case "AWS::DynamoDB::Table":
            suffix = "/stream/2026-11-29T00:00:00.000" if attribute == "StreamArn" else ""
            return f"arn:aws:dynamodb:{ARN}:table/{name}-{logical_id}-1A2B3C4D5E6F{suffix}"
        case "AWS::S3::Bucket":
            return f"arn:aws:s3:::{name}-{logical_id.lower()}-1a2b3c4d5e6f"
        case "AWS::Lambda::Alias":
            function = stack().functions()[stack().function_behind(logical_id)]["FunctionName"]["Fn::Sub"]
            return f"arn:aws:lambda:{ARN}:function:{function.replace('${AWS::StackName}', name)}:live"
    raise AssertionError(resource["Type"])


def resolved(value: Any, name: str) -> str:
    """Return a statement's resource as IAM sees it."""
    parameters = {
        "AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::StackName": name,
        # Each stage has its own.
        "SmsSecretName": f"{name}/africastalking-api-key", "WebhookSecretName": f"{name}/webhook-secret",
    }  # fmt: skip
    match value:
        case str():
            return value
        case {"Ref": logical_id}:
            return arn_of(logical_id, "", name)
        case {"Fn::GetAtt": [logical_id, attribute]}:
            return arn_of(logical_id, attribute, name)
        case {"Fn::Sub": text}:
            return re.sub(
                r"\$\{([\w:]+)(?:\.(\w+))?\}",
                lambda found: arn_of(found[1], found[2], name) if found[2] else parameters[found[1]],
                text,
            ).replace("??????", "aB3dE6")
    raise AssertionError(value)


def uses(name: str) -> Iterator[tuple[str, str]]:
    """Yield each action of the stack's roles with the resource that they use it for."""
    for role in stack().of_type("AWS::IAM::Role").values():
        for policy in role["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                for action in as_list(statement["Action"]):
                    for resource in as_list(statement["Resource"]):
                        yield action, resolved(resource, name)
    for function in stack().functions().values():
        arn = f"arn:aws:lambda:{ARN}:function:{resolved(function['FunctionName'], name)}"
        group = stack().resources[function["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]["LogGroupName"]
        for action in (action for actions in OF_AWS.values() for action in actions):
            log = f"arn:aws:logs:{ARN}:log-group:{resolved(group, name)}:log-stream:2026/11/29/[1]0a1b"
            yield action, log if action.startswith("logs:") else arn


@pytest.mark.parametrize("name", STAGES)
def test_the_boundary_covers_everything_that_the_roles_are_for(name: str) -> None:
    assert len(set(uses(name))) > 50
    assert [use for use in uses(name) if not evaluate(boundary(name), *use)] == []


def test_devs_boundary_covers_nothing_of_prod() -> None:
    shared = {"dynamodb:ListStreams", "cloudwatch:DescribeAlarms"}
    assert [use for use in uses("sales") if use[0] not in shared and evaluate(boundary("sales-dev"), *use)] == []


def test_prods_boundary_covers_no_data_of_dev() -> None:
    # The names of functions and log groups are matched by their beginning, which sales-dev shares.
    covered = {action for action, resource in uses("sales-dev") if evaluate(boundary("sales"), action, resource)}
    data = {action for action in covered if not action.startswith(("lambda:", "logs:"))}
    assert data == {"dynamodb:ListStreams", "cloudwatch:DescribeAlarms"}


def test_the_boundary_covers_no_more_than_a_stacks_own() -> None:
    for statement in boundary("sales-dev"):
        actions = set(as_list(statement["Action"]))
        assert as_list(statement["Resource"]) == ["*"] or all(
            re.search(r"[:/]sales-dev[-/]", resource) for resource in as_list(statement["Resource"])
        )
        # A statement less, or an action less, is noticed above; wildcards are counted here.
        assert {action for action in actions if "*" in action} <= {"dynamodb:*Item"}
        if as_list(statement["Resource"]) == ["*"]:
            assert actions == {"cloudwatch:DescribeAlarms", "dynamodb:ListStreams"}
    for action in (
        "dynamodb:Scan", "dynamodb:DeleteTable", "dynamodb:UpdateTable", "logs:CreateLogGroup", "logs:GetLogEvents",
        "lambda:UpdateFunctionCode", "lambda:AddPermission", "s3:GetObject", "iam:PassRole", "sts:AssumeRole",
        "secretsmanager:PutSecretValue",
    ):  # fmt: skip
        for _, resource in uses("sales-dev"):
            assert not evaluate(boundary("sales-dev"), action, resource), action


@pytest.mark.parametrize("number", range(len(boundary("sales"))))
def test_an_action_less_in_the_boundary_is_noticed(number: int) -> None:
    for action in as_list(boundary("sales")[number]["Action"]):
        less = boundary("sales")
        less[number]["Action"] = [each for each in as_list(less[number]["Action"]) if each != action]
        assert [use for use in uses("sales") if not evaluate(less, *use)], action


def test_every_role_of_the_stack_has_the_boundary_if_there_is_one() -> None:
    wanted = {"Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundary"}, {"Ref": "AWS::NoValue"}]}
    for name, role in stack().of_type("AWS::IAM::Role").items():
        assert role["Properties"]["PermissionsBoundary"] == wanted, name
    parameter = stack().source["Parameters"]["PermissionsBoundary"]
    assert stack().source["Conditions"]["HasBoundary"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "PermissionsBoundary"}, parameter["Default"]]}]
    }
    for value, accepted in (
        ("", True),
        (f"arn:aws:iam::{ACCOUNT}:policy/boundary-sales-dev-eu-west-1", True),
        (f"arn:aws:iam::{ACCOUNT}:role/sales", False),
        ("boundary-sales-dev-eu-west-1", False),
    ):
        assert bool(re.fullmatch(parameter["AllowedPattern"], value)) is accepted, value
    assert SOURCE["Outputs"]["BoundaryArn"]["Value"] == {"Ref": "Boundary"}


def test_the_managed_policies_are_those_that_this_page_knows() -> None:
    attached = json.dumps(
        [role["Properties"]["ManagedPolicyArns"] for role in stack().of_type("AWS::IAM::Role").values()]
    )
    assert set(re.findall(r"service-role/(\w+)", attached)) == OF_AWS.keys()
    document = json.dumps(plain(SOURCE["Resources"]["Boundary"]["Properties"]["PolicyDocument"], "s" * 17))
    assert len(re.sub(r"\s", "", document)) <= 6144  # IAM's limit for a managed policy
