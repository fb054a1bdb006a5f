"""The deployed system as CloudFormation sees it: template.yaml after SAM's own transform."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
PREFIXES = ("/api/v1/sales", "/ap1/v1/sales")
PAGES = (
    "/healthz",
    "/.well-known/security.txt",
    "/openapi.json",
    "/docs",
    "/docs/{file}",
    "/",
    "/console/{file}",
    "/console/{version}/{file+}",
)
PUBLIC = {
    "POST /webhooks/africastalking/delivery/{secret}",
    "POST /webhooks/africastalking/optout/{secret}",
    *(f"{method} {path}" for method in ("GET", "HEAD") for path in PAGES),
    "$default",
}


@dataclass(frozen=True)
class Route:
    """One route of the HTTP API; `scopes` is None without an authorizer."""

    key: str
    function: str
    authorizer: str | None
    scopes: tuple[str, ...] | None


@dataclass(frozen=True)
class Statement:
    """One statement of a role's own policies, with its actions and resources as lists."""

    role: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[Any, ...]


class Deployed:
    """The transformed template."""

    def __init__(self, **parameters: str) -> None:
        source = yaml_parse(TEMPLATE.read_text())
        for resource in source["Resources"].values():
            for name in ("CodeUri", "ContentUri"):
                if name in resource["Properties"]:
                    resource["Properties"][name] = "s3://bucket/key"
        self.source: dict[str, Any] = yaml_parse(TEMPLATE.read_text())
        given = {"OktaIssuer": "https://example.okta.com/oauth2/default", "ConsoleClientId": "console", **parameters}
        session = boto3.Session(region_name="eu-west-1")
        translated = Translator({}, Parser(), boto_session=session).translate(source, given)
        self.resources: dict[str, dict[str, Any]] = translated["Resources"]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the logical ids and resources of a type."""
        return {name: resource for name, resource in self.resources.items() if resource["Type"] == kind}

    def functions(self) -> dict[str, dict[str, Any]]:
        return {name: resource["Properties"] for name, resource in self.of_type("AWS::Lambda::Function").items()}

    def function_behind(self, alias: str) -> str:
        """Return the function of an alias."""
        name: str = self.of_type("AWS::Lambda::Alias")[alias]["Properties"]["FunctionName"]["Ref"]
        return name

    def routes(self) -> Iterator[Route]:
        (api,) = self.of_type("AWS::ApiGatewayV2::Api").values()
        for path, methods in api["Properties"]["Body"]["paths"].items():
            for method, route in methods.items():
                uri = route["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
                (requirement,) = route.get("security", [{}])
                ((authorizer, scopes),) = requirement.items() or ((None, None),)
                yield Route(
                    key="$default" if route.get("isDefaultRoute") else f"{method.upper()} {path}",
                    function=self.function_behind(uri.split("${")[-1].partition("}")[0]),
                    authorizer=authorizer,
                    scopes=None if scopes is None else tuple(scopes),
                )

    def statements(self) -> Iterator[Statement]:
        for role, resource in self.of_type("AWS::IAM::Role").items():
            for policy in resource["Properties"].get("Policies", []):
                for statement in policy["PolicyDocument"]["Statement"]:
                    actions, resources = statement["Action"], statement["Resource"]
                    yield Statement(
                        role=role,
                        effect=statement["Effect"],
                        actions=tuple(actions if isinstance(actions, list) else [actions]),
                        resources=tuple(resources if isinstance(resources, list) else [resources]),
                    )
