"""The role that workflows deploy with: who may assume it, and that it allows what the stack needs and no more."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint
import pytest
from samtranslator.yaml_helper import yaml_parse

from tests.template.deployed import TEMPLATE, Deployed

SOURCE = yaml_parse((TEMPLATE.parent / ".github/aws-role.yaml").read_text())
ROLE = SOURCE["Resources"]["DeployRole"]["Properties"]
GITHUB = "token.actions.githubusercontent.com"
SCHEMAS = Path(cfnlint.__file__).parent / "data/schemas/resources"
# Actions (by prefix) that CloudFormation lists but this stack does not need.
UNUSED = {
    "ec2:", "elasticfilesystem:", "firehose:", "kinesis:", "kms:", "s3files:", "s3tables:",
    # Tables from imports or with replicas in other regions; a deployment never reads or writes a table's items.
    "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query",
    "dynamodb:Scan", "dynamodb:UpdateItem", "dynamodb:ImportTable", "dynamodb:AssociateTableReplica",
    "dynamodb:CreateTableReplica", "iam:CreateServiceLinkedRole",
    # Properties that the template does not set.
    "dynamodb:UpdateContributorInsights", "dynamodb:EnableKinesis", "dynamodb:DisableKinesis",
    "dynamodb:UpdateKinesis", "dynamodb:PutResourcePolicy", "dynamodb:DeleteResourcePolicy",
    "lambda:AssociateRuntimeAlias", "lambda:DeleteFunctionCodeSigningConfig", "lambda:DeleteFunctionConcurrency",
    "lambda:DeleteProvisionedConcurrencyConfig", "lambda:PassCapacityProvider", "lambda:PutFunctionCodeSigningConfig",
    "lambda:PutFunctionConcurrency", "lambda:PutFunctionRecursionConfig", "lambda:PutFunctionScalingConfig",
    "lambda:PutProvisionedConcurrencyConfig", "lambda:PutRuntimeManagementConfig",
    "iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary", "iam:UpdateRoleDescription",
    "logs:AssociateKmsKey", "logs:CreateLogStream", "logs:DeleteDataProtectionPolicy", "logs:DeleteIndexPolicy",
    "logs:DeleteResourcePolicy", "logs:DescribeLogStreams", "logs:DisassociateKmsKey", "logs:PutBearerToken",
    "logs:PutDataProtectionPolicy", "logs:PutIndexPolicy", "logs:PutLogEvents", "logs:PutLogGroupDeletionProtection",
    "sns:PutDataProtectionPolicy", "codedeploy:RegisterOnPremisesInstance",
    "s3:REST", "s3:CreateBucketMetadata", "s3:DeleteBucketMetadata", "s3:UpdateBucketMetadata", "s3:DeleteObject",
    "s3:DeleteBucketAnalytics", "s3:DeleteBucketCors", "s3:DeleteBucketEncryption", "s3:DeleteBucketLifecycle",
    "s3:DeleteBucketMetrics", "s3:DeleteBucketReplication", "s3:DeleteBucketWebsite", "s3:GetObjectMetadata",
    "s3:PutAccelerate", "s3:PutAnalytics", "s3:PutBucketAbac", "s3:PutBucketAcl", "s3:PutBucketCORS",
    "s3:PutBucketLogging", "s3:PutBucketNotification", "s3:PutBucketObjectLock", "s3:PutBucketReplication",
    "s3:PutBucketVersioning", "s3:PutBucketWebsite", "s3:PutIntelligentTiering", "s3:PutInventory",
    "s3:PutMetrics", "s3:PutObjectAcl", "s3:PutObjectLock", "s3:PutReplication",
    # Actions that IAM does not have.
    "apigateway:TagResource", "apigateway:UntagResource", "s3:GetBucketAbac",
    # Artefacts have one version.
    "s3:GetObjectVersion",
}  # fmt: skip
# Needed besides CloudFormation's resources: by sam, `make smoke`, `make prune` and `make rollback`, and for the delivery
# of the access log (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html).
ASKED = {
    "cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet", "cloudformation:DescribeChangeSet",
    "cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks", "cloudformation:ExecuteChangeSet",
    "cloudformation:GetTemplate", "cloudformation:GetTemplateSummary", "cloudformation:ListStackResources",
    "s3:PutObject", "lambda:ListAliases",
    "logs:DeleteLogDelivery", "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:UpdateLogDelivery",
}  # fmt: skip


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(*policies: str) -> Iterator[dict[str, Any]]:
    for policy in ROLE["Policies"]:
        if not policies or policy["PolicyName"] in policies:
            yield from policy["PolicyDocument"]["Statement"]


def allowed() -> set[str]:
    return {action for each in statements() for action in listed(each["Action"])}


@cache
def needed() -> frozenset[str]:
    """Return the actions of CloudFormation's handlers for all types of the stack, with every parameter set."""
    stack = Deployed(CanaryDeployment="true", AlarmEmail="operations@example.com")
    types = {each["Type"] for each in stack.resources.values()}
    schemas = (json.loads(path.read_text()) for path in SCHEMAS.glob("*.json"))
    handlers = {each["typeName"]: each["handlers"] for each in schemas if each.get("typeName") in types}
    assert handlers.keys() == types
    called = (
        action for each in handlers.values() for name in each if name != "list" for action in each[name]["permissions"]
    )
    return frozenset(action.replace("s3:getObject", "s3:GetObject") for action in called)


def test_only_jobs_of_this_repositorys_environment_assume_the_role() -> None:
    [statement] = ROLE["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Principal"] == {
        "Federated": {"Fn::If": ["MakesProvider", {"Ref": "GitHub"}, {"Ref": "ProviderArn"}]}
    }
    # Equals, not Like: no branch, fork, pull request or other repository matches.
    assert statement["Condition"] == {
        "StringEquals": {
            f"{GITHUB}:aud": "sts.amazonaws.com",
            f"{GITHUB}:sub": {"Fn::Sub": "repo:${Repository}:environment:${Stage}"},
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


def test_the_role_allows_everything_the_stack_needs() -> None:
    missing = {
        action
        for action in needed()
        if not any(fnmatchcase(action, pattern) for pattern in allowed()) and not action.startswith(tuple(UNUSED))
    }
    assert missing == set()


def test_the_role_allows_nothing_unneeded() -> None:
    used = needed() | ASKED
    assert {pattern for pattern in allowed() if not any(fnmatchcase(each, pattern) for each in used)} == set()
    assert {each for each in UNUSED if not any(action.startswith(each) for action in needed())} == set()


def test_the_role_reads_no_table_secret_or_log() -> None:
    for action in (
        "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:PutItem", "secretsmanager:GetSecretValue",
        "logs:GetLogEvents", "logs:StartQuery", "lambda:InvokeFunction", "s3:DeleteObject", "iam:CreateUser",
        "iam:CreateAccessKey", "sts:AssumeRole",
    ):  # fmt: skip
        assert not any(fnmatchcase(action, pattern) for pattern in allowed()), action


def test_only_cloudformation_may_change_resources() -> None:
    for statement in statements("deploy"):
        assert statement["Condition"]["ForAnyValue:StringEquals"] == {"aws:CalledVia": "cloudformation.amazonaws.com"}
    for statement in statements("ask"):
        for action in listed(statement["Action"]):
            assert not re.match(r"(iam|dynamodb|sns|events|apigateway|cloudwatch|logs):", action), action


def test_every_named_resource_belongs_to_the_stack() -> None:
    unnamed = set()
    for statement in statements():
        for resource in listed(statement["Resource"]):
            if resource == "*":
                unnamed |= set(listed(statement["Action"]))
            elif not re.search(
                r":::?(aws-sam-cli-managed-default|apis?\b)|stack/aws-sam|/(apis|tags)|CodeDeployDefault|transform/",
                resource["Fn::Sub"],
            ):
                assert "${StackName}" in resource["Fn::Sub"], resource
    assert {action.split(":")[0] for action in unnamed} == {"lambda", "logs"}
    assert all(
        "EventSourceMapping" in each or each.endswith(("Resource", "ListTags"))
        for each in unnamed
        if each.startswith("lambda")
    )


def test_its_new_roles_are_for_two_services_and_two_aws_policies() -> None:
    stack = Deployed(CanaryDeployment="true").of_type("AWS::IAM::Role").values()
    services = {
        service
        for role in stack
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for service in statement["Principal"]["Service"]
    }
    [passed] = [each for each in statements() if each["Action"] == "iam:PassRole"]
    assert set(passed["Condition"]["StringEquals"]["iam:PassedToService"]) == services
    managed = {arn.partition(":policy/")[2] for role in stack for arn in role["Properties"]["ManagedPolicyArns"]}
    [attached] = [each for each in statements() if "iam:AttachRolePolicy" in each["Action"]]
    arns = attached["Condition"]["ArnEquals"]["iam:PolicyARN"]
    assert {arn["Fn::Sub"].partition(":policy/")[2] for arn in arns} == managed
    # It may not change itself.
    assert ROLE["RoleName"] == {"Fn::Sub": "deploy-${StackName}"}


@pytest.mark.parametrize("stack", ["sales", "sales-dev"])
def test_the_policies_fit_iams_limits(stack: str) -> None:
    values = {"Partition": "aws", "Region": "ap-southeast-1", "AccountId": "123456789012"}
    text = re.sub(r'\{"Fn::Sub": ("[^"]*")\}', r"\1", json.dumps([each["PolicyDocument"] for each in ROLE["Policies"]]))
    text = re.sub(r"\$\{AWS::(\w+)\}", lambda found: values[found[1]], text).replace("${StackName}", stack)
    assert len(re.sub(r"\s", "", text)) <= 10240
