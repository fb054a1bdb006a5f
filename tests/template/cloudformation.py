"""The calls that CloudFormation makes to create, change and delete the stack, by AWS's own schemas of resource types (in cfn-lint)."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint

from tests.template.deployed import Deployed

SCHEMAS = Path(cfnlint.__file__).parent / "data/schemas/resources"
STACK, REGION, ACCOUNT = "sales-dev", "eu-west-1", "123456789012"
SAM_BUCKET = "arn:aws:s3:::aws-sam-cli-managed-default-samclisourcebucket-1a2b3c"
# Where CloudFormation lists an action for a property that no resource of ours sets. The action begins with one of these.
FOR_UNSET_PROPERTIES: dict[str, dict[str, set[str]]] = {
    "AWS::CodeDeploy::DeploymentGroup": {"OnPremisesInstanceTagFilters": {"codedeploy:RegisterOnPremisesInstance"}},
    "AWS::DynamoDB::Table": {
        "ContributorInsightsSpecification": {"dynamodb:UpdateContributorInsights"},
        "ImportSourceSpecification": {
            "dynamodb:ImportTable", "s3:GetObject", "s3:ListBucket",
            "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents",
        },
        "KinesisStreamSpecification": {
            "kinesis:", "dynamodb:EnableKinesis", "dynamodb:DisableKinesis", "dynamodb:UpdateKinesis",
        },
        "ResourcePolicy": {"dynamodb:PutResourcePolicy", "dynamodb:DeleteResourcePolicy"},
        "SSESpecification": {"kms:"},
    },
    "AWS::Lambda::Alias": {
        "ProvisionedConcurrencyConfig": {
            "lambda:PutProvisionedConcurrencyConfig", "lambda:DeleteProvisionedConcurrencyConfig",
        },
    },
    "AWS::Lambda::EventSourceMapping": {"KmsKeyArn": {"kms:"}},
    "AWS::Lambda::Function": {
        "CapacityProviderConfig": {"lambda:PassCapacityProvider"},
        "Code.S3ObjectVersion": {"s3:GetObjectVersion"},
        "CodeSigningConfigArn": {"lambda:PutFunctionCodeSigningConfig", "lambda:DeleteFunctionCodeSigningConfig"},
        "FileSystemConfigs": {"elasticfilesystem:", "s3files:"},
        "FunctionScalingConfig": {"lambda:PutFunctionScalingConfig"},
        "KmsKeyArn": {"kms:"},
        "RecursiveLoop": {"lambda:PutFunctionRecursionConfig"},
        "RuntimeManagementConfig": {"lambda:PutRuntimeManagementConfig", "lambda:AssociateRuntimeAlias"},
        "VpcConfig": {"ec2:"},
    },
    "AWS::Lambda::LayerVersion": {"Content.S3ObjectVersion": {"s3:GetObjectVersion"}},
    "AWS::Lambda::Version": {
        "FunctionScalingConfig": {"lambda:PutFunctionScalingConfig"},
        "ProvisionedConcurrencyConfig": {"lambda:PutProvisionedConcurrencyConfig"},
        "RuntimePolicy": {"lambda:PutRuntimeManagementConfig"},
    },
    "AWS::Logs::LogGroup": {
        "BearerTokenAuthenticationEnabled": {"logs:PutBearerTokenAuthentication"},
        "DataProtectionPolicy": {
            "logs:PutDataProtectionPolicy", "logs:DeleteDataProtectionPolicy", "firehose:", "s3:REST.PUT.OBJECT",
        },
        "DeletionProtectionEnabled": {"logs:PutLogGroupDeletionProtection"},
        "FieldIndexPolicies": {"logs:PutIndexPolicy", "logs:DeleteIndexPolicy"},
        "KmsKeyId": {"logs:AssociateKmsKey", "logs:DisassociateKmsKey"},
        "ResourcePolicyDocument": {"logs:DeleteResourcePolicy"},
    },
    "AWS::S3::Bucket": {
        "AbacStatus": {"s3:PutBucketAbac"},
        "AccelerateConfiguration": {"s3:PutAccelerateConfiguration"},
        "AccessControl": {"s3:PutBucketAcl", "s3:PutObjectAcl"},
        "AnalyticsConfigurations": {"s3:PutAnalyticsConfiguration", "s3:DeleteBucketAnalyticsConfiguration"},
        "CorsConfiguration": {"s3:PutBucketCORS", "s3:DeleteBucketCors"},
        "IntelligentTieringConfigurations": {"s3:PutIntelligentTieringConfiguration"},
        "InventoryConfigurations": {"s3:PutInventoryConfiguration"},
        "LoggingConfiguration": {"s3:PutBucketLogging"},
        "MetadataConfiguration": {
            "s3:CreateBucketMetadata", "s3:DeleteBucketMetadata", "s3:UpdateBucketMetadata", "s3tables:",
        },
        "MetricsConfigurations": {"s3:PutMetricsConfiguration", "s3:DeleteBucketMetricsConfiguration"},
        "NotificationConfiguration": {"s3:PutBucketNotification"},
        "ObjectLockConfiguration": {"s3:PutBucketObjectLockConfiguration", "s3:PutObjectLockConfiguration"},
        "ReplicationConfiguration": {
            "s3:PutBucketReplication", "s3:PutReplicationConfiguration", "s3:DeleteBucketReplication",
        },
        "VersioningConfiguration": {"s3:PutBucketVersioning"},
        "WebsiteConfiguration": {"s3:PutBucketWebsite", "s3:DeleteBucketWebsite"},
    },
    "AWS::SNS::Topic": {"DataProtectionPolicy": {"sns:PutDataProtectionPolicy"}},
}  # fmt: skip
# Never allowed to a deployment, though CloudFormation lists it.
NEVER = {
    # Read or change what tables and bucket hold, or copy it to another region.
    "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query",
    "dynamodb:Scan", "dynamodb:UpdateItem", "dynamodb:AssociateTableReplica", "dynamodb:CreateTableReplica",
    "iam:CreateServiceLinkedRole", "s3:DeleteObject", "s3:GetObjectMetadata",
    # Take a role's boundary away.
    "iam:DeleteRolePermissionsBoundary",
}  # fmt: skip
# AWS asks for these, also where a schema leaves them out or IAM's reference has no such action: a stage is tagged by SAM.
ASKED_ALL_THE_SAME = {
    "AWS::ApiGatewayV2::Stage": {"apigateway:TagResource", "apigateway:UntagResource"},
    # The delivery of the access log: docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
    "AWS::ApiGatewayV2::Api": {
        "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
    },
}  # fmt: skip


@cache
def stack() -> Deployed:
    """Return the stack with every parameter that adds a resource or a property."""
    return Deployed(
        CanaryDeployment="true",
        AlarmEmail="operations@example.com",
        PermissionsBoundary=f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    )


@cache
def schemas() -> dict[str, dict[str, Any]]:
    """Return the schema of each of the stack's resource types."""
    types = {resource["Type"] for resource in stack().resources.values()}
    read = (json.loads(path.read_text()) for path in SCHEMAS.glob("*.json"))
    found = {schema["typeName"]: schema for schema in read if schema.get("typeName") in types}
    assert found.keys() == types
    return found


def listed(kind: str) -> set[str]:
    """Return the actions that the schema of a type lists for everything but listing all resources."""
    schema = schemas()[kind]
    handlers = (handler["permissions"] for name, handler in schema["handlers"].items() if name != "list")
    actions = {action for permissions in handlers for action in permissions}
    return {
        action.replace("s3:getObject", "s3:GetObject")
        for action in actions | set(schema["tagging"].get("permissions", []))
    }


def needed() -> Iterator[tuple[str, str]]:
    """Yield each action that deploying the stack needs, with each resource that it needs it for."""
    for kind in schemas():
        unused = tuple(prefix for prefixes in FOR_UNSET_PROPERTIES.get(kind, {}).values() for prefix in prefixes)
        for action in listed(kind) | ASKED_ALL_THE_SAME.get(kind, set()):
            if action not in NEVER and not action.startswith(unused):
                for resource in resources(kind, action):
                    yield action, resource


def resources(kind: str, action: str) -> list[str]:
    """Return examples of the resources that CloudFormation makes a call for, as AWS names them."""
    service = action.partition(":")[0]
    prefix = f"arn:aws:{service}:{REGION}:{ACCOUNT}"
    match service, kind, action:
        case "lambda", "AWS::Lambda::EventSourceMapping", _:
            return [f"{prefix}:event-source-mapping:0a1b2c3d"]
        case ("lambda", "AWS::Lambda::LayerVersion", _) | ("lambda", _, "lambda:GetLayerVersion"):
            return [f"{prefix}:layer:{STACK}-shared:1"]
        case "apigateway", _, _:
            api = f"arn:aws:apigateway:{REGION}::/apis"
            return [api, f"{api}/a1b2", f"{api}/a1b2/stages/$default", f"arn:aws:apigateway:{REGION}::/tags/arn%3Aaws"]
        case "s3", _, "s3:GetObject":
            return [f"{SAM_BUCKET}/{STACK}/0a1b2c3d"]
        case "codedeploy", _, "codedeploy:GetDeploymentConfig":
            return [f"{prefix}:deploymentconfig:CodeDeployDefault.LambdaCanary10Percent10Minutes"]
        case "codedeploy", "AWS::CodeDeploy::Application", _:
            return [f"{prefix}:application:{STACK}-ServerlessDeploymentApplication-1A2B"]
        case "codedeploy", _, ("codedeploy:RegisterApplicationRevision" | "codedeploy:GetApplicationRevision"):
            return [f"{prefix}:application:{STACK}-ServerlessDeploymentApplication-1A2B"]
        case "cloudwatch", "AWS::CloudWatch::Dashboard", _:
            return [f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{STACK}-{REGION}"]
    return {
        "cloudwatch": [f"{prefix}:alarm:{STACK}-api-errors"],
        "codedeploy": [f"{prefix}:deploymentgroup:{STACK}-ServerlessDeploymentApplication-1A2B/{STACK}-SendSms-1A2B"],
        "dynamodb": [f"{prefix}:table/{STACK}-CustomersTable-1A2B"],
        "events": [f"{prefix}:rule/{STACK}-SweepSmsFunctionEachMinute-1A2B"],
        "iam": [f"arn:aws:iam::{ACCOUNT}:role/{STACK}-SendSmsFunctionRole-1A2B"],
        "lambda": [f"{prefix}:function:{STACK}-send_sms"],
        "logs": [
            f"{prefix}:log-group:/aws/lambda/{STACK}-send_sms",
            f"{prefix}:log-group:/aws/vendedlogs/{STACK}-http-api",
        ],
        "s3": [f"arn:aws:s3:::{STACK}-unhandledrecordsbucket-1a2b"],
        "sns": [f"{prefix}:{STACK}-AlarmTopic-1A2B", f"{prefix}:{STACK}-AlarmTopic-1A2B:0a1b2c3d"],
    }[service]
