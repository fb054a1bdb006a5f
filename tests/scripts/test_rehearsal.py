"""The rewritings of the rehearsal: each changes what the emulator cannot do, and nothing else."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from deployment.parameters import read_parameters
from deployment.template import transform
from scripts.check.rehearsal import rewriting, values
from scripts.check.rehearsal.rewriting import REWRITINGS, Document, Places, of_type, rewrite
from tests.template.deployed import TEMPLATE, Deployed

GIVEN = {
    "OktaIssuer": "http://127.0.0.1:8001/oauth2/default",
    "CanaryDeployment": "true",
    "Release": "2601010000-0000000",
}
AWS, SANDBOX = "http://127.0.0.1:9000", "http://127.0.0.1:9002"
PARAMETERS = read_parameters(TEMPLATE)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """A folder as `sam build` makes it; only its template is read."""
    build = tmp_path_factory.mktemp("build")
    (build / "template.yaml").write_text(TEMPLATE.read_text())
    return Places(build, AWS, SANDBOX)


@pytest.fixture(scope="module")
def rewritten(places: Places) -> Document:
    return rewrite(GIVEN, places)


@pytest.fixture
def original() -> Document:
    return transform(TEMPLATE.read_bytes(), GIVEN | {"CanaryDeployment": "false"})


def changed(document: Document, by: str, places: Places) -> Document:
    getattr(rewriting, by)(document, places)
    return document


def test_every_route_keeps_its_function_scopes_and_authorizer(rewritten: Document) -> None:
    resources = rewritten["Resources"]
    routes = {}
    for route in of_type(rewritten, "AWS::ApiGatewayV2::Route").values():
        properties = route["Properties"]
        [integration] = re.fullmatch(r"integrations/\$\{(\w+)\}", properties["Target"]["Fn::Sub"]).groups()  # type: ignore[union-attr]  # None fails the test
        [alias] = re.findall(r"\$\{(\w+)\}/inv", resources[integration]["Properties"]["IntegrationUri"]["Fn::Sub"])
        authorizer = resources[properties["AuthorizerId"]["Ref"]] if "AuthorizerId" in properties else None
        name = authorizer["Properties"]["Name"] if authorizer else None
        scopes = tuple(properties["AuthorizationScopes"]) if authorizer else None
        assert (properties.get("AuthorizationType") == "JWT") == bool(authorizer)
        function = resources[alias]["Properties"]["FunctionName"]["Ref"]
        routes[properties["RouteKey"]] = (function, name, scopes)
    expected = {route.key: (route.function, route.authorizer, route.scopes) for route in Deployed().routes()}
    assert routes == expected


def test_the_authorizer_keeps_its_issuer_and_audience(rewritten: Document) -> None:
    [authorizer] = of_type(rewritten, "AWS::ApiGatewayV2::Authorizer").values()
    assert authorizer["Properties"] == {
        "ApiId": {"Ref": "HttpApi"},
        "Name": "Okta",
        "AuthorizerType": "JWT",
        "IdentitySource": ["$request.header.Authorization"],
        "JwtConfiguration": {"Issuer": {"Ref": "OktaIssuer"}, "Audience": [{"Ref": "OktaAudience"}]},
    }


@pytest.mark.parametrize("security", [{}, {"security": [{"NONE": []}]}, {"security": []}])
def test_an_open_route_is_open_however_sam_writes_it(security: Mapping[str, Any], places: Places) -> None:
    uri = {"Fn::Sub": "arn:x:functions/${Alias}/invocations"}
    operation = {"x-amazon-apigateway-integration": {"uri": uri, "payloadFormatVersion": "2.0"}, **security}
    body = {"info": {"title": "api"}, "paths": {"/open": {"get": operation}}}
    api = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": body, "FailOnWarnings": True}}
    document = changed({"Resources": {"Api": api}}, "api_routes", places)
    [route] = of_type(document, "AWS::ApiGatewayV2::Route").values()
    assert set(route["Properties"]) == {"ApiId", "RouteKey", "Target"}
    assert document["Resources"]["Api"]["Properties"] == {"Name": "api", "ProtocolType": "HTTP"}


def test_two_routes_never_become_one_resource(places: Places) -> None:
    uri = {"Fn::Sub": "arn:x:functions/${Alias}/invocations"}
    operation = {"x-amazon-apigateway-integration": {"uri": uri, "payloadFormatVersion": "2.0"}}
    body = {"info": {"title": "api"}, "paths": {"/a/{b}": {"get": operation}, "/a/b": {"get": operation}}}
    api = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": body}}
    with pytest.raises(ValueError, match="two resources"):
        changed({"Resources": {"Api": api}}, "api_routes", places)


def test_only_alarms_on_several_metrics_are_left_out(original: Document, places: Places) -> None:
    before = of_type(original, "AWS::CloudWatch::Alarm")
    kept = {name for name, alarm in before.items() if "MetricName" in alarm["Properties"]}
    assert set(of_type(changed(original, "alarms", places), "AWS::CloudWatch::Alarm")) == kept
    assert 0 < len(kept) < len(before)


def test_a_role_that_invokes_an_alias_may_invoke_its_function(original: Document, places: Places) -> None:
    statement = _invoking(original)
    aliases = [resource["Ref"] for resource in statement["Resource"]]
    changed(original, "qualified_invocations", places)
    functions = [original["Resources"][alias]["Properties"]["FunctionName"]["Ref"] for alias in aliases]
    assert statement["Resource"] == [
        *({"Ref": alias} for alias in aliases),
        *({"Fn::GetAtt": [function, "Arn"]} for function in functions),
    ]


def _invoking(document: Document) -> dict[str, Any]:
    """Return the only statement that allows invocations."""
    statements: list[dict[str, Any]] = [
        statement
        for role in of_type(document, "AWS::IAM::Role").values()
        for policy in role["Properties"].get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] == "lambda:InvokeFunction"
    ]
    [statement] = statements
    return statement


def test_code_and_layer_are_the_folders_of_the_build(rewritten: Document, places: Places) -> None:
    source = yaml_parse(TEMPLATE.read_text())["Resources"]
    for name, function in of_type(rewritten, "AWS::Lambda::Function").items():
        assert function["Properties"]["Code"] == str(places.build / source[name]["Properties"]["CodeUri"])
    [layer] = of_type(rewritten, "AWS::Lambda::LayerVersion").values()
    assert layer["Properties"]["Content"] == str(places.build / "shared")


def test_addresses_are_those_of_this_machine(rewritten: Document) -> None:
    for function in of_type(rewritten, "AWS::Lambda::Function").values():
        assert function["Properties"]["Environment"]["Variables"]["SMS_ENDPOINT"] == SANDBOX
    addresses = {name: output["Value"] for name, output in rewritten["Outputs"].items() if "Url" in name}
    api = f"{AWS}/_aws/execute-api/${{HttpApi}}/%24default"
    assert addresses == {
        "ApiUrl": {"Fn::Sub": api},
        "DeliveryReportUrl": {"Fn::Sub": f"{api}/webhooks/africastalking/delivery/<secret>"},
        "OptOutUrl": {"Fn::Sub": f"{api}/webhooks/africastalking/optout/<secret>"},
    }
    assert re.fullmatch(rewritten["Parameters"]["OktaIssuer"]["AllowedPattern"], GIVEN["OktaIssuer"])


def test_codedeploy_is_left_out_even_with_a_canary(rewritten: Document) -> None:
    canary = transform(TEMPLATE.read_bytes(), GIVEN)
    assert of_type(canary, "AWS::CodeDeploy::DeploymentGroup")
    assert not [each for each in rewritten["Resources"].values() if "CodeDeploy" in each["Type"]]


def test_everything_else_goes_through_unchanged(original: Document, rewritten: Document) -> None:
    touched = ("AWS::ApiGatewayV2::", "AWS::CloudWatch::Alarm", "AWS::Lambda::Function", "AWS::Lambda::LayerVersion")
    invoking = str(_invoking(original))
    compared = 0
    for name, resource in original["Resources"].items():
        if not resource["Type"].startswith(touched) and invoking not in str(resource):
            assert rewritten["Resources"][name] == resource, name
            compared += 1
    assert compared > 100
    functions = of_type(rewritten, "AWS::Lambda::Function")
    for name, function in of_type(original, "AWS::Lambda::Function").items():
        variables = {**function["Properties"]["Environment"]["Variables"], "SMS_ENDPOINT": SANDBOX}
        code = functions[name]["Properties"]["Code"]
        properties = {**function["Properties"], "Code": code, "Environment": {"Variables": variables}}
        assert functions[name] == {**function, "Properties": properties}


def test_operations_page_lists_every_rewriting() -> None:
    page = (TEMPLATE.parent / "docs/operations.md").read_text()
    section = page.partition("\n## Seen only on AWS\n")[2].partition("\n## ")[0]
    for each in REWRITINGS:
        assert f"`{each.__name__}`" in section


def test_hard_values_of_the_template_have_every_hard_part() -> None:
    hard = values.hard(PARAMETERS)
    assert not [part for part in values.HARD_PARTS if not any(part in value for value in hard.values())]
    assert "{}" in hard.values()
    assert values.empty(PARAMETERS)
    for name, value in (*hard.items(), *values.empty(PARAMETERS).items()):
        assert PARAMETERS[name].fault(value) == ""


def test_every_default_is_given() -> None:
    assert set(PARAMETERS) - set(values.defaults(PARAMETERS)) == {"OktaIssuer", "ConsoleClientId"}


def test_the_build_that_is_rehearsed_is_the_one_that_is_deployed() -> None:
    makefile = (TEMPLATE.parent / "Makefile").read_text()
    assert re.search(r"^rehearse: build ministack ##", makefile, re.MULTILINE)
    assert Path(TEMPLATE.parent / ".ci/run").read_text().count("make --no-print-directory --jobs=3 check rehearse") == 1
