"""Rewrite the built template into one that the emulator (ministack) can deploy.

Each rewriting stands for something that the emulator cannot do, and that only AWS shows: docs/operations.md lists them all
under "Seen only on AWS". The rest of the template goes through unchanged.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from deployment.template import transform

__all__ = ["REWRITINGS", "Document", "Places", "rewrite"]

type Document = dict[str, Any]

API_ADDRESS = "https://${HttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
# An issuer on this machine has a port and no certificate.
ISSUER = "https?://[A-Za-z0-9.:-]+/oauth2/[A-Za-z0-9]+"


@dataclass(frozen=True)
class Places:
    """The folder that `sam build` made, and the addresses of the emulator and of the SMS sandbox."""

    build: Path
    emulator: str
    sandbox: str


def rewrite(parameters: Mapping[str, str], places: Places) -> Document:
    """Return the built template as CloudFormation sees it with these parameters, after every rewriting."""
    raw = (places.build / "template.yaml").read_bytes()
    # The emulator has no CodeDeploy. Without a canary SAM makes none of its resources.
    document = transform(raw, {**parameters, "CanaryDeployment": "false"})
    for rewriting in REWRITINGS:
        rewriting(document, places)
    return document


def local_code(document: Document, places: Places) -> None:
    """Put the folders of the build back as the code, so that `sam deploy` packages and uploads them.

    SAM's translator accepts only addresses in S3.
    """
    built = yaml_parse((places.build / "template.yaml").read_text())["Resources"]
    for name, function in of_type(document, "AWS::Lambda::Function").items():
        function["Properties"]["Code"] = str(places.build / built[name]["Properties"]["CodeUri"])
    for name, layer in of_type(document, "AWS::Lambda::LayerVersion").items():
        # SAM adds a digest to a layer's name.
        [folder] = [
            resource["Properties"]["ContentUri"]
            for given, resource in built.items()
            if re.fullmatch(f"{given}[0-9a-f]{{10}}", name)
        ]
        layer["Properties"]["Content"] = str(places.build / folder)


def api_routes(document: Document, places: Places) -> None:
    """Turn an API's OpenAPI document into routes, integrations and authorizers: the emulator imports none."""
    for api, resource in of_type(document, "AWS::ApiGatewayV2::Api").items():
        body = resource["Properties"].pop("Body")
        resource["Properties"].pop("FailOnWarnings", None)
        # The document's title is the API's name; an API without a document has neither tags nor name from it.
        resource["Properties"] |= {"Name": body["info"]["title"], "ProtocolType": "HTTP"}
        for name, scheme in body.get("components", {}).get("securitySchemes", {}).items():
            _add(document, f"{api}{name}Authorizer", "AWS::ApiGatewayV2::Authorizer", _authorizer(api, name, scheme))
        for path, methods in body["paths"].items():
            for method, operation in methods.items():
                _add_route(document, api, path, method, operation)


def _authorizer(api: str, name: str, scheme: Mapping[str, Any]) -> Document:
    given = scheme["x-amazon-apigateway-authorizer"]
    jwt = given["jwtConfiguration"]
    return {
        "ApiId": {"Ref": api},
        "Name": name,
        "AuthorizerType": "JWT",
        "IdentitySource": [given["identitySource"]],
        "JwtConfiguration": {"Issuer": jwt["issuer"], "Audience": jwt["audience"]},
    }


def _add_route(document: Document, api: str, path: str, method: str, operation: Mapping[str, Any]) -> None:
    key = "$default" if operation.get("isDefaultRoute") else f"{method.upper()} {path}"
    given = operation["x-amazon-apigateway-integration"]
    uri = given["uri"]["Fn::Sub"]
    [alias] = re.findall(r"\$\{(\w+)\}/invocations", uri)
    integration = f"{api}{alias}Integration"
    document["Resources"][integration] = {
        "Type": "AWS::ApiGatewayV2::Integration",
        "Properties": {
            "ApiId": {"Ref": api},
            "IntegrationType": "AWS_PROXY",
            "IntegrationUri": given["uri"],
            "PayloadFormatVersion": given["payloadFormatVersion"],
        },
    }
    route = {"ApiId": {"Ref": api}, "RouteKey": key, "Target": {"Fn::Sub": f"integrations/${{{integration}}}"}}
    # SAM names the authorizer of an open route NONE, or none at all.
    for required in operation.get("security", []):
        for name, scopes in required.items():
            if name != "NONE":
                route |= {
                    "AuthorizationType": "JWT",
                    "AuthorizerId": {"Ref": f"{api}{name}Authorizer"},
                    "AuthorizationScopes": scopes,
                }
    words = re.findall(r"\w+", key)
    _add(document, f"{api}Route{''.join(word.title() for word in words)}", "AWS::ApiGatewayV2::Route", route)


def alarms(document: Document, places: Places) -> None:
    """Leave out alarms on an expression over several metrics: the emulator refuses them."""
    for name, resource in of_type(document, "AWS::CloudWatch::Alarm").items():
        if "Metrics" in resource["Properties"]:
            del document["Resources"][name]


def qualified_invocations(document: Document, places: Places) -> None:
    """Let a role that may invoke an alias invoke its function: the emulator asks IAM for the function alone."""
    for role in of_type(document, "AWS::IAM::Role").values():
        for policy in role["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement["Action"] == "lambda:InvokeFunction":
                    aliases = [document["Resources"][resource["Ref"]] for resource in statement["Resource"]]
                    statement["Resource"] += [
                        {"Fn::GetAtt": [alias["Properties"]["FunctionName"]["Ref"], "Arn"]} for alias in aliases
                    ]


def local_addresses(document: Document, places: Places) -> None:
    """Replace AWS's, Okta's and Africa's Talking's addresses by those on this machine."""
    address = f"{places.emulator}/_aws/execute-api/${{HttpApi}}/%24default"
    for output in document["Outputs"].values():
        if isinstance(output["Value"], dict) and "Fn::Sub" in output["Value"]:
            output["Value"] = {"Fn::Sub": output["Value"]["Fn::Sub"].replace(API_ADDRESS, address)}
    document["Parameters"]["OktaIssuer"]["AllowedPattern"] = ISSUER
    for function in of_type(document, "AWS::Lambda::Function").values():
        function["Properties"]["Environment"]["Variables"]["SMS_ENDPOINT"] = places.sandbox


REWRITINGS = (local_code, api_routes, alarms, qualified_invocations, local_addresses)


def of_type(document: Document, kind: str) -> dict[str, dict[str, Any]]:
    """Return the resources of a type by logical id."""
    return {name: resource for name, resource in document["Resources"].items() if resource["Type"] == kind}


def _add(document: Document, name: str, kind: str, properties: Document) -> None:
    if name in document["Resources"]:
        raise ValueError(f"two resources of the rewritten template would be {name}")
    document["Resources"][name] = {"Type": kind, "Properties": properties}
