"""The role that workflows deploy with: who may assume it, and that it allows what the stack needs and no more."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import pytest
from samtranslator.yaml_helper import yaml_parse

from local.aws.iam import evaluate
from tests.template.cloudformation import (
    ACCOUNT,
    FOR_UNSET_PROPERTIES,
    NEVER,
    REGION,
    SAM_BUCKET,
    STACK,
    listed,
    needed,
    schemas,
    stack,
)
from tests.template.deployed import TEMPLATE

SOURCE = yaml_parse((TEMPLATE.parent / ".github/aws-role.yaml").read_text())
ROLE = SOURCE["Resources"]["DeployRole"]["Properties"]
BOUNDARY = {"Ref": "Boundary"}
GITHUB = "token.actions.githubusercontent.com"
_OF_STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/0a1b2c3d"
_FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-send_sms"
_GROUP = f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup:{STACK}-ServerlessDeploymentApplication-1A2B/x"
# Calls of sam, `make deploy`, `make smoke`, `make prune` and `make rollback` themselves.
ASKED = [
    *((f"cloudformation:{action}", _OF_STACK) for action in (
        "CreateChangeSet", "DeleteChangeSet", "DescribeChangeSet", "DescribeStackEvents", "DescribeStacks",
        "ExecuteChangeSet", "GetTemplate", "GetTemplateSummary", "ListStackResources",
    )),
    ("cloudformation:CreateChangeSet", f"arn:aws:cloudformation:{REGION}:aws:transform/Serverless-2016-10-31"),
    ("cloudformation:DescribeStacks", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/aws-sam-cli-managed-default/0a1b"),
    ("s3:ListBucket", SAM_BUCKET), ("s3:GetObject", f"{SAM_BUCKET}/{STACK}/0a1b"), ("s3:PutObject", f"{SAM_BUCKET}/{STACK}/0a1b"),
    *((f"lambda:{action}", _FUNCTION) for action in (
        "DeleteFunction", "GetAlias", "ListAliases", "ListVersionsByFunction", "UpdateAlias",
    )),
    ("codedeploy:ListDeployments", _GROUP), ("codedeploy:StopDeployment", _GROUP),
    # The pre-flight. A secret that does not exist has no characters after its name.
    ("lambda:GetAccountSettings", "*"), ("logs:DescribeLogGroups", "*"),
    ("secretsmanager:DescribeSecret", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{STACK}/webhook-secret"),
    ("secretsmanager:DescribeSecret", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{STACK}/webhook-secret-aB3dE6"),
]  # fmt: skip


def plain(value: Any, stack: str = STACK) -> Any:
    """Return a part of the template with its Subs filled in."""
    values = {"Partition": "aws", "Region": REGION, "AccountId": ACCOUNT}
    text = re.sub(r'\{"Fn::Sub": ("[^"]*")\}', r"\1", json.dumps(value))
    text = re.sub(r"\$\{AWS::(\w+)\}", lambda found: values[found[1]], text).replace("${StackName}", stack)
    return json.loads(text)


@cache
def statements(policy: str) -> list[dict[str, Any]]:
    (document,) = (each["PolicyDocument"] for each in ROLE["Policies"] if each["PolicyName"] == policy)
    found: list[dict[str, Any]] = plain(document)["Statement"]
    return found


def every_statement() -> Iterator[dict[str, Any]]:
    for policy in ROLE["Policies"]:
        yield from statements(policy["PolicyName"])


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class Part(NamedTuple):
    """One action and one resource of a statement of a policy. Conditions are tested on their own."""

    policy: str
    statement: int
    action: str
    resource: str


PARTS = [
    Part(policy["PolicyName"], number, action, resource)
    for policy in ROLE["Policies"]
    for number, statement in enumerate(statements(policy["PolicyName"]))
    for action in as_list(statement["Action"])
    for resource in as_list(statement["Resource"])
]


@cache
def grants(policy: str) -> dict[tuple[str, str], list[Part]]:
    """Return the calls that this policy is for, each with the parts that allow it."""
    # CloudFormation reads from sam's bucket what sam has put there.
    calls = (call for call in needed() if call[0] != "s3:GetObject") if policy == "deploy" else ASKED
    return {
        call: [
            part
            for part in PARTS
            if part.policy == policy
            and part.action.partition(":")[0] == call[0].partition(":")[0]
            and evaluate([{"Effect": "Allow", "Action": part.action, "Resource": part.resource}], *call)
        ]
        for call in calls
    }


def test_only_this_repositorys_environment_assumes_the_role_and_only_from_main() -> None:
    [statement] = ROLE["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Principal"] == {
        "Federated": {"Fn::If": ["MakesProvider", {"Ref": "GitHub"}, {"Ref": "ProviderArn"}]}
    }
    # Equals, not Like: no other branch, fork, pull request or repository matches.
    assert statement["Condition"] == {
        "StringEquals": {
            f"{GITHUB}:aud": "sts.amazonaws.com",
            f"{GITHUB}:sub": {"Fn::Sub": "repo:${Repository}:environment:${Stage}"},
            f"{GITHUB}:ref": "refs/heads/main",
        }
    }
    pattern = SOURCE["Parameters"]["Repository"]["AllowedPattern"]
    assert re.fullmatch(pattern, "owner/name")
    for wrong in ("owner/*", "*/*", "owner", "owner/name:ref", "owner/name/more"):
        assert not re.fullmatch(pattern, wrong), wrong
    provider = SOURCE["Resources"]["GitHub"]
    assert provider["Properties"] == {"Url": f"https://{GITHUB}", "ClientIdList": ["sts.amazonaws.com"]}
    assert not re.fullmatch(
        SOURCE["Parameters"]["ProviderArn"]["AllowedPattern"], "arn:aws:iam::123456789012:oidc-provider/example.com"
    )


# Its permissions


@pytest.mark.parametrize("policy", ["ask", "deploy"])
def test_the_role_allows_everything_that_is_called(policy: str) -> None:
    assert len(grants(policy)) > 10
    assert [call for call, parts in grants(policy).items() if not parts] == []


@pytest.mark.parametrize("policy", ["ask", "deploy"])
def test_an_action_or_a_resource_less_is_noticed(policy: str) -> None:
    # So the role lacks nothing that CloudFormation's schemas list, and grants nothing that is not called.
    for part in PARTS:
        if part.policy == policy:
            for name in ("action", "resource"):
                without = [
                    call
                    for call, parts in grants(policy).items()
                    if all(each[:2] == part[:2] and getattr(each, name) == getattr(part, name) for each in parts)
                ]
                assert without, (name, part)


def test_an_action_is_left_out_only_for_a_property_that_no_resource_sets() -> None:
    for kind, properties in FOR_UNSET_PROPERTIES.items():
        for path, prefixes in properties.items():
            first, *rest = path.split(".")
            assert first in schemas()[kind]["properties"], (kind, path)
            for name, resource in stack().of_type(kind).items():
                value = resource["Properties"].get(first)
                for part in rest:
                    value = value.get(part) if value else None
                assert value is None, (name, path)
            for prefix in prefixes:
                assert any(action.startswith(prefix) for action in listed(kind)), (kind, prefix)


def test_the_role_reads_no_table_secret_or_log_and_removes_no_boundary() -> None:
    for action in NEVER | {
        "secretsmanager:GetSecretValue", "logs:GetLogEvents", "logs:StartQuery", "lambda:InvokeFunction",
        "iam:CreateUser", "iam:CreateAccessKey", "iam:CreatePolicyVersion", "iam:DeletePolicy",
        "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion", "sts:AssumeRole",
    }:  # fmt: skip
        for statement in every_statement():
            assert not evaluate([{"Effect": "Allow", "Action": statement["Action"], "Resource": "*"}], action, "x"), (
                action
            )


def test_only_cloudformation_may_change_resources() -> None:
    for statement in statements("deploy"):
        assert statement["Condition"]["ForAnyValue:StringEquals"] == {"aws:CalledVia": "cloudformation.amazonaws.com"}
    for statement in statements("ask"):
        for action in as_list(statement["Action"]):
            assert not re.match(r"(iam|dynamodb|sns|events|apigateway|cloudwatch|logs):(?!Describe)", action), action


# Resources whose ARN has no name: sam's stack and bucket, APIs, mappings, AWS's own.
NAMELESS = r":::?(aws-sam-cli-managed-default|apis?\b)|stack/aws-sam|/(apis|tags)|event-source-mapping|CodeDeployDefault|transform/"


def test_every_named_resource_belongs_to_the_stack() -> None:
    unnamed = {part.action for part in PARTS if part.resource == "*"}
    for part in PARTS:
        if part.resource != "*" and not re.search(NAMELESS, part.resource):
            assert re.search(rf"[:/]{STACK}[-/]", part.resource), part
    assert {action for action in unnamed if not action.startswith("logs:")} == {
        "lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping", "lambda:UpdateEventSourceMapping",
        "lambda:GetAccountSettings",
    }  # fmt: skip


def test_a_mapping_belongs_to_a_function_of_the_stack() -> None:
    # The name of a mapping is a number, so a condition says whose it is.
    changing = [each for each in statements("deploy") if "lambda:UpdateEventSourceMapping" in each["Action"]]
    assert [(set(each["Action"]), each["Condition"]["StringLike"]) for each in changing] == [
        (
            {f"lambda:{verb}EventSourceMapping" for verb in ("Create", "Delete", "Update")},
            {"lambda:FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-*"},
        )
    ]


# The roles it makes


def test_its_new_roles_are_for_two_services_and_two_aws_policies() -> None:
    roles = stack().of_type("AWS::IAM::Role").values()
    services = {
        service
        for role in roles
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for service in statement["Principal"]["Service"]
    }
    [passed] = [each for each in statements("deploy") if each["Action"] == "iam:PassRole"]
    assert set(passed["Condition"]["StringEquals"]["iam:PassedToService"]) == services
    managed = {
        re.sub(r".*:policy/", "", arn if isinstance(arn, str) else arn["Fn::Sub"])
        for role in roles
        for arn in role["Properties"]["ManagedPolicyArns"]
    }
    [attached] = [each for each in statements("deploy") if "iam:AttachRolePolicy" in each["Action"]]
    arns = attached["Condition"]["ArnEquals"]["iam:PolicyARN"]
    assert {arn.partition(":policy/")[2] for arn in arns} == managed
    # It may not change itself.
    assert ROLE["RoleName"] == {"Fn::Sub": "deploy-${StackName}-${AWS::Region}"}


# Actions with the condition key iam:PermissionsBoundary, of those for roles (Service Authorization Reference, IAM).
BOUND = {
    "iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy",
}  # fmt: skip


def test_every_role_it_makes_or_changes_has_the_boundary() -> None:
    bound = [
        each for each in statements("deploy") if "iam:PermissionsBoundary" in each["Condition"].get("StringEquals", {})
    ]
    assert {action for each in bound for action in each["Action"]} == BOUND
    assert all(each["Condition"]["StringEquals"] == {"iam:PermissionsBoundary": BOUNDARY} for each in bound)
    for statement in every_statement():
        if statement not in bound:
            for action in BOUND:
                assert not evaluate([{"Effect": "Allow", "Action": statement["Action"], "Resource": "*"}], action, "x")


@pytest.mark.parametrize("name", ["sales", "sales-dev", "x" * SOURCE["Parameters"]["StackName"]["MaxLength"]])
def test_the_policies_fit_iams_limits(name: str) -> None:
    text = json.dumps(plain([each["PolicyDocument"] for each in ROLE["Policies"]], name))
    text = text.replace(REGION, "ap-southeast-1").replace(
        json.dumps(BOUNDARY), json.dumps(f"arn:aws:iam::{ACCOUNT}:policy/boundary-{name}-ap-southeast-1")
    )
    assert len(re.sub(r"\s", "", text)) <= 10240


def test_generated_names_are_not_cut_for_the_longest_stack_name() -> None:
    # CloudFormation cuts <stack>-<logical id>-<up to 13 characters> to the limit, and the patterns would not fit.
    limits = {"AWS::IAM::Role": 64, "AWS::S3::Bucket": 63, "AWS::Events::Rule": 64}
    room = min(
        limit - len(f"--{logical_id}") - 13 for kind, limit in limits.items() for logical_id in stack().of_type(kind)
    )
    assert SOURCE["Parameters"]["StackName"]["MaxLength"] == room
