"""The template reader: template.yaml through SAM's translator, resolved for this machine."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployment import ROOT
from deployment import template as module
from deployment.stages import longest_stack_name
from deployment.template import EventSourceMapping, Function, Route, Schedule, Template, load
from local.config import Config

PARAMETERS = {
    "OktaIssuer": "http://127.0.0.1:8001/oauth2/default",
    "OktaAudience": "api://default",
    "ConsoleClientId": "console",
}
HEAD = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  OktaIssuer: {Type: String}
  OktaAudience: {Type: String}
  Stage: {Type: String, Default: test}
  Shards: {Type: Number, Default: 4}
Conditions:
  IsTest: !Equals [!Ref Stage, test]
  IsLive: !Not [!Condition IsTest]
  IsBoth: !And [!Condition IsTest, !Condition IsLive]
  IsEither: !Or [!Condition IsTest, !Condition IsLive]
Globals:
  Function: {Runtime: python3.13, Timeout: 29, Environment: {Variables: {SHARED: "yes"}}}
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        Authorizers:
          Okta:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: {issuer: !Ref OktaIssuer, audience: [!Ref OktaAudience]}
"""
ONE = """
  MakeOrderFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/make_order/
      FunctionName: !Sub "${AWS::StackName}-make_order"
      Handler: functions.make_order.app.handler
"""


def read(folder: Path, body: str = "", *, head: str = HEAD, **parameters: str) -> Template:
    """Read a template from this text."""
    file = folder / "template.yaml"
    file.write_text(head + body)
    return load(file, PARAMETERS | parameters)


def environment(folder: Path, variables: str, resources: str = "", **parameters: str) -> dict[str, str]:
    """Return the environment of a function with these variables."""
    body = f"{ONE}      Environment: {{Variables: {{{variables}}}}}\n{resources}"
    return read(folder, body, **parameters).functions["make_order"].environment


def test_a_function_has_its_own_settings_and_the_global_ones(tmp_path: Path) -> None:
    found = read(tmp_path, f"{ONE}      MemorySize: 512\n      Environment: {{Variables: {{OWN: a}}}}\n")
    assert found.functions == {
        "make_order": Function(
            name="make_order",
            logical_id="MakeOrderFunction",
            function_name="sales-make_order",
            handler="functions.make_order.app.handler",
            timeout=29,
            memory=512,
            environment={"SHARED": "yes", "OWN": "a"},
        )
    }


def test_lambdas_defaults_apply(tmp_path: Path) -> None:
    bare = HEAD.replace(', Timeout: 29, Environment: {Variables: {SHARED: "yes"}}', "")
    function = read(tmp_path, ONE, head=bare).functions["make_order"]
    assert (function.timeout, function.memory, function.environment) == (3, 128, {})


TABLE = """
  OrdersTable:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}, {AttributeName: due, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
      DeletionProtectionEnabled: true
      GlobalSecondaryIndexes:
        - IndexName: by_due
          KeySchema: [{AttributeName: due, KeyType: HASH}, {AttributeName: id, KeyType: RANGE}]
          Projection: {ProjectionType: KEYS_ONLY}
"""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("!Ref Stage", "test"),
        ("!Ref Shards", "4"),
        ("!Ref AWS::Region", "eu-west-1"),
        ("!Ref OrdersTable", "sales-orders"),
        ("!Ref MakeOrderFunction", "sales-make_order"),
        ("!GetAtt OrdersTable.Arn", "arn:aws:dynamodb:eu-west-1:000000000000:table/sales-orders"),
        ("!GetAtt MakeOrderFunction.Arn", "arn:aws:lambda:eu-west-1:000000000000:function:sales-make_order"),
        ('!Sub "${AWS::StackName}-${Stage}-${OrdersTable}"', "sales-test-sales-orders"),
        ('!Sub "${OrdersTable.Arn}/index/*"', "arn:aws:dynamodb:eu-west-1:000000000000:table/sales-orders/index/*"),
        ('!Sub "${!Literal} ${Stage}"', "${Literal} test"),
        ('!Sub ["${A}/${Stage}", {A: !Ref Shards}]', "4/test"),
        ('!Join ["-", [a, !Ref Stage, !Ref Shards]]', "a-test-4"),
        ("!If [IsTest, a, b]", "a"),
        ("!If [IsLive, a, b]", "b"),
        ("!If [IsBoth, a, b]", "b"),
        ("!If [IsEither, a, b]", "a"),
        ("true", "true"),
        ("5", "5"),
        ('""', ""),
    ],
)
def test_intrinsic_functions_are_resolved_for_this_machine(tmp_path: Path, value: str, expected: str) -> None:
    assert environment(tmp_path, f"A: {value}", TABLE)["A"] == expected


def test_a_given_parameter_overrides_its_default(tmp_path: Path) -> None:
    found = environment(tmp_path, "A: !Ref Stage, B: !If [IsLive, live, test]", Stage="live")
    assert (found["A"], found["B"]) == ("live", "live")


@pytest.mark.parametrize(
    ("config", "variables"),
    [
        ("", {}),
        ("{LogFormat: Text}", {}),
        ("{LogFormat: JSON}", {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}),
        (
            "{LogFormat: JSON, ApplicationLogLevel: DEBUG}",
            {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "DEBUG"},
        ),
    ],
)
def test_a_function_gets_lambdas_logging_variables(tmp_path: Path, config: str, variables: dict[str, str]) -> None:
    body = f"{ONE}      LoggingConfig: {config}\n" if config else ONE
    assert read(tmp_path, body).functions["make_order"].logging == variables


def test_a_variable_without_a_value_is_left_out(tmp_path: Path) -> None:
    assert "A" not in environment(tmp_path, "A: !If [IsLive, x, !Ref AWS::NoValue]")


def test_a_parameter_without_a_value_is_named(tmp_path: Path) -> None:
    file = tmp_path / "template.yaml"
    file.write_text(HEAD + ONE)
    with pytest.raises(ValueError, match="OktaAudience"):
        load(file, {"OktaIssuer": "http://x"})


@pytest.mark.parametrize("value", ['!ImportValue "another-stack"', "!Ref Nothing"])
def test_an_unresolvable_value_is_an_error_not_a_setting(tmp_path: Path, value: str) -> None:
    with pytest.raises(ValueError, match=r"Nothing|ImportValue"):
        environment(tmp_path, f"A: {value}")


def test_an_error_of_sams_translator_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="MakeOrderFunction"):
        read(tmp_path, ONE.replace("Handler:", "Handle:"))


def test_a_resource_whose_condition_is_false_is_left_out(tmp_path: Path) -> None:
    conditional = TABLE.replace("    Type: AWS::DynamoDB", "    Condition: IsLive\n    Type: AWS::DynamoDB")
    assert read(tmp_path, conditional).tables == {}
    assert list(read(tmp_path, conditional, Stage="live").tables) == ["OrdersTable"]


def events(text: str) -> str:
    return f"{ONE}      Events:\n{text}"


def test_a_route_has_its_authorizer_and_its_scopes(tmp_path: Path) -> None:
    text = """        Make:
          Type: HttpApi
          Properties:
            ApiId: !Ref Api
            Path: /orders
            Method: POST
            Auth: {Authorizer: Okta, AuthorizationScopes: ["sales:write", "sales:all"]}
        Read:
          Type: HttpApi
          Properties: {ApiId: !Ref Api, Path: "/orders/{order}", Method: ANY, Auth: {Authorizer: Okta}}
"""
    found = read(tmp_path, events(text))
    make = Route("POST", "/orders", "make_order", authorized=True, scopes=("sales:write", "sales:all"))
    assert found.routes == [make, Route("ANY", "/orders/{order}", "make_order", authorized=True)]
    assert [route.key for route in found.routes] == ["POST /orders", "ANY /orders/{order}"]
    assert (found.issuer, found.audience) == (PARAMETERS["OktaIssuer"], (PARAMETERS["OktaAudience"],))


def test_a_route_without_an_authorizer_is_open(tmp_path: Path) -> None:
    text = """        Open:
          Type: HttpApi
          Properties: {ApiId: !Ref Api, Path: /open, Method: GET}
        Rest:
          Type: HttpApi
          Properties: {ApiId: !Ref Api}
"""
    found = read(tmp_path, events(text)).routes
    assert {route.key: route.authorized for route in found} == {"GET /open": False, "$default": False}


@pytest.mark.parametrize(
    ("security", "authorized"),
    [
        ({}, False),
        ({"security": [{"NONE": []}]}, True),
        ({"security": [{"Unknown": []}]}, True),
    ],
)
def test_a_route_with_an_unknown_requirement_is_not_open(security: dict[str, Any], authorized: bool) -> None:
    operation = {"x-amazon-apigateway-integration": {"uri": "x"}} | security
    (route,) = module._routes({"paths": {"/a": {"get": operation}}}, lambda _: "f")
    assert route.authorized is authorized


def test_a_table_is_ready_for_create_table(tmp_path: Path) -> None:
    found = read(tmp_path, TABLE)
    assert found.tables == {
        "OrdersTable": {
            "TableName": "sales-orders",
            "AttributeDefinitions": [
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "due", "AttributeType": "S"},
            ],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": "by_due",
                    "KeySchema": [
                        {"AttributeName": "due", "KeyType": "HASH"},
                        {"AttributeName": "id", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
            "StreamSpecification": {"StreamViewType": "NEW_IMAGE", "StreamEnabled": True},
        }
    }
    assert found.time_to_live == {"OrdersTable": "expires_at"}


def test_a_table_may_have_its_own_name(tmp_path: Path) -> None:
    named = TABLE.replace("      BillingMode", '      TableName: !Sub "${Stage}-mine"\n      BillingMode')
    assert read(tmp_path, named).tables["OrdersTable"]["TableName"] == "test-mine"


STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/sales-orders/stream/2026-01-01T00:00:00.000"
MAPPING = """
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref MakeOrderFunction
      EventSourceArn: !GetAtt OrdersTable.StreamArn
      StartingPosition: TRIM_HORIZON
"""


def test_a_streams_mapping_has_lambdas_defaults(tmp_path: Path) -> None:
    (mapping,) = read(tmp_path, ONE + TABLE + MAPPING).streams
    assert mapping == EventSourceMapping(
        function="make_order", table="sales-orders", batch_size=100, window=0, filters=[], retries=-1, max_age=-1,
        bisect=False, partial_responses=False, parallelization=1, has_destination=False,
        stream_arn=STREAM,
    )  # fmt: skip


def test_a_streams_mapping_has_its_settings(tmp_path: Path) -> None:
    settings = """      BatchSize: 10
      MaximumBatchingWindowInSeconds: 2
      MaximumRetryAttempts: 5
      MaximumRecordAgeInSeconds: 3600
      BisectBatchOnFunctionError: true
      ParallelizationFactor: 4
      FunctionResponseTypes: [ReportBatchItemFailures]
      FilterCriteria: {Filters: [{Pattern: '{"eventName": ["INSERT"]}'}]}
      DestinationConfig: {OnFailure: {Destination: "arn:aws:s3:::bucket"}}
"""
    (mapping,) = read(tmp_path, ONE + TABLE + MAPPING + settings).streams
    assert mapping == EventSourceMapping(
        function="make_order", table="sales-orders", batch_size=10, window=2, filters=[{"eventName": ["INSERT"]}],
        retries=5, max_age=3600, bisect=True, partial_responses=True, parallelization=4, has_destination=True,
        stream_arn=STREAM,
    )  # fmt: skip


def test_sams_own_stream_event_reads_the_same(tmp_path: Path) -> None:
    text = """        Stream:
          Type: DynamoDB
          Properties: {Stream: !GetAtt OrdersTable.StreamArn, StartingPosition: TRIM_HORIZON, BatchSize: 7}
"""
    (mapping,) = read(tmp_path, events(text) + TABLE).streams
    assert (mapping.function, mapping.table, mapping.batch_size) == ("make_order", "sales-orders", 7)


@pytest.mark.parametrize("kind", ["Schedule", "ScheduleV2"])
@pytest.mark.parametrize(
    ("rate", "seconds"), [("1 minute", 60), ("5 minutes", 300), ("1 hour", 3600), ("2 days", 172_800)]
)
def test_a_schedule_is_in_seconds(tmp_path: Path, kind: str, rate: str, seconds: int) -> None:
    text = f"""        Often:
          Type: {kind}
          Properties: {{{"Schedule" if kind == "Schedule" else "ScheduleExpression"}: rate({rate}), Input: '{{}}'}}
"""
    assert read(tmp_path, events(text)).schedules == [Schedule("make_order", seconds, "{}")]


def test_a_function_is_not_mistaken_for_one_with_a_longer_name(tmp_path: Path) -> None:
    another = ONE.replace("MakeOrder", "MakeOrderFunctionAgain").replace("make_order", "again")
    text = """      Events:
        Get:
          Type: HttpApi
          Properties: {ApiId: !Ref Api, Path: /again, Method: GET}
"""
    assert read(tmp_path, ONE + another + text).routes[0].function == "again"
    text = text.replace("again", "first")
    assert read(tmp_path, another + ONE + text).routes[0].function == "make_order"


# The cache


def test_an_unchanged_template_is_read_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "template.yaml"
    file.write_text(HEAD + ONE)
    first = load(file, PARAMETERS, cache=tmp_path / "cache")
    monkeypatch.setattr(module, "transform", lambda *_: pytest.fail("translated again"))
    assert load(file, PARAMETERS, cache=tmp_path / "cache") == first


def test_a_changed_template_or_parameter_replaces_the_cache(tmp_path: Path) -> None:
    file, cache = tmp_path / "template.yaml", tmp_path / "cache"
    file.write_text(HEAD + ONE)
    load(file, PARAMETERS, cache=cache)
    assert load(file, PARAMETERS | {"OktaIssuer": "http://y"}, cache=cache) != load(file, PARAMETERS, cache=cache)
    file.write_text(HEAD + ONE.replace("make_order", "other"))
    assert list(load(file, PARAMETERS, cache=cache).functions) == ["other"]
    assert len(list(cache.iterdir())) == 1


# The template itself


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Template:
    config = Config(8000, tmp_path_factory.mktemp("state"), {})
    return load(config.template, config.parameters)


class _Plain(yaml.SafeLoader):
    """Reads the template as written, with its intrinsic functions unresolved."""


_Plain.add_multi_constructor("!", lambda loader, tag, node: f"!{tag}")
_Plain.add_constructor("!Sub", lambda loader, node: node.value)


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    config = Config(8000, Path(), {})
    found: dict[str, Any] = yaml.load(config.template.read_text(), _Plain)
    return found


def test_every_function_of_the_template_has_an_existing_handler(ours: Template, written: dict[str, Any]) -> None:
    names = {name for name, each in written["Resources"].items() if each["Type"] == "AWS::Serverless::Function"}
    assert {function.logical_id for function in ours.functions.values()} == names
    root = Config(8000, Path(), {}).root
    assert all((root / "functions" / name / "app.py").is_file() for name in ours.functions)


def test_every_route_of_the_template_is_read(ours: Template, written: dict[str, Any]) -> None:
    routes = [
        event.get("Properties", {})
        for each in written["Resources"].values()
        if each["Type"] == "AWS::Serverless::Function"
        for event in each["Properties"].get("Events", {}).values()
        if event["Type"] == "HttpApi"
    ]
    # An event without a path is the default route.
    expected = {f"{each['Method'].upper()} {each['Path']}" if "Method" in each else "$default" for each in routes}
    assert {route.key for route in ours.routes} == expected


def test_no_variable_of_any_function_is_unresolved(ours: Template) -> None:
    text = json.dumps([function.environment for function in ours.functions.values()])
    assert not re.search(r"\$\{AWS|Fn::|\"Ref\"|!Ref", text)


def test_local_overrides_are_variables_of_the_template(ours: Template) -> None:
    overrides = Config(8000, Path("/nowhere"), {}).overrides
    assert [name for name in overrides if name not in ours.functions["send_sms"].environment] == []


def test_the_longest_function_name_just_fits_the_longest_stack_name(written: dict[str, Any]) -> None:
    stack = "s" * longest_stack_name(ROOT / "template.yaml")
    names = [
        each["Properties"]["FunctionName"].replace("${AWS::StackName}", stack)
        for each in written["Resources"].values()
        if each["Type"] == "AWS::Serverless::Function"
    ]
    assert max(map(len, names)) == 64  # Lambda's limit


def test_every_index_key_is_defined(ours: Template) -> None:
    for table in ours.tables.values():
        defined = {each["AttributeName"] for each in table["AttributeDefinitions"]}
        indexes = [table, *table.get("GlobalSecondaryIndexes", [])]
        assert {key["AttributeName"] for index in indexes for key in index["KeySchema"]} == defined


def test_exactly_the_templates_open_routes_are_open(ours: Template) -> None:
    assert {route.key for route in ours.routes if not route.authorized} >= {"GET /healthz", "$default"}
    assert all(route.scopes for route in ours.routes if route.authorized)
    assert not any(route.path.startswith(("/api/", "/ap1/")) for route in ours.routes if not route.authorized)
