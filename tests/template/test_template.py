"""Rules of the deployed system, checked on the transformed template."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from contract.document import template
from local.config import read_env_file
from sales.africastalking.client import PROVIDER_SECONDS
from sales.domain.sms.wording import check_template, least_segments, text_template
from sales.store.days import REPEAT
from tests.template.deployed import PREFIXES, PUBLIC, TEMPLATE, Deployed

ROOT = TEMPLATE.parent
HTTP_API_SECONDS = 30
# The time that one lost call to the store takes (shared/sales/runtime/aws.py: read timeout).
LOST_TRY_SECONDS = 5
# Resources with a wildcard, each with its reason.
WILDCARDS = {
    "${SmsSecretName}-??????": "Secrets Manager ends a secret's ARN with six characters of its own",
    "${WebhookSecretName}-??????": "Secrets Manager ends a secret's ARN with six characters of its own",
    '"*"': "ListStreams has no resource to name",
    "${UnhandledRecordsBucket.Arn}/*": "Lambda chooses the key of a record it keeps",
}


@cache
def deployed() -> Deployed:
    return Deployed()


FUNCTIONS = sorted(deployed().functions())
# Functions that write the audit trail: those of tests/integration/test_audit.py.
AUDITED = {
    "CancelOrderFunction", "CreateCustomerFunction", "CreateOrderFunction", "EraseCustomerFunction", "ExportCustomerFunction",
    "ImportCustomersFunction", "ImportOrdersFunction", "PutWordingFunction", "RecordDeliveryReportFunction",
    "RecordOptOutFunction", "ResendSmsFunction", "UpdateCustomerFunction",
}  # fmt: skip


def text_of(value: Any) -> str:
    return value["Fn::Sub"] if isinstance(value, dict) and "Fn::Sub" in value else json.dumps(value)


# Functions


def test_every_folder_of_functions_is_deployed_and_every_function_has_a_folder() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    handlers = {properties["Handler"] for properties in deployed().functions().values()}
    assert handlers == {f"functions.{folder}.app.handler" for folder in folders}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_named_after_its_folder(name: str) -> None:
    properties = deployed().functions()[name]
    folder = properties["Handler"].split(".")[1]
    assert name == "".join(word.capitalize() for word in folder.split("_")) + "Function"
    assert properties["FunctionName"] == {"Fn::Sub": f"${{AWS::StackName}}-{folder}"}
    assert deployed().source["Resources"][name]["Properties"]["CodeUri"] == f"functions/{folder}/"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_a_timeout_memory_and_a_log_group_with_retention(name: str) -> None:
    properties = deployed().functions()[name]
    assert properties["Timeout"] > 0
    assert properties["MemorySize"] >= 128
    assert properties["LoggingConfig"]["LogFormat"] == "JSON"
    # Lambda takes metrics, which have no level, for INFO.
    assert properties["LoggingConfig"]["ApplicationLogLevel"] == "INFO"
    group = deployed().resources[properties["LoggingConfig"]["LogGroup"]["Ref"]]
    assert group["Type"] == "AWS::Logs::LogGroup"
    days = "AuditLogDays" if name in AUDITED else "LogRetentionDays"
    assert group["Properties"]["RetentionInDays"] == {"Ref": days}
    function_name = properties["FunctionName"]["Fn::Sub"]
    assert group["Properties"]["LogGroupName"] == {"Fn::Sub": f"/aws/lambda/{function_name}"}


def test_functions_and_layer_are_built_for_the_same_architecture_and_runtime() -> None:
    layer = deployed().source["Resources"]["SharedLayer"]
    assert layer["Metadata"] == {"BuildMethod": "python3.13", "BuildArchitecture": {"Ref": "Architecture"}}
    assert layer["Properties"]["CompatibleArchitectures"] == [{"Ref": "Architecture"}]
    for properties in deployed().functions().values():
        assert properties["Architectures"] == [{"Ref": "Architecture"}]
        assert properties["Runtime"] == "python3.13"


def test_a_function_times_out_before_the_api_does() -> None:
    for route in deployed().routes():
        assert deployed().functions()[route.function]["Timeout"] < HTTP_API_SECONDS, route.key


@pytest.mark.parametrize("name", ["SendSmsFunction", "SweepSmsFunction"])
def test_a_batch_fits_its_timeout_and_the_timeout_fits_the_lease(name: str) -> None:
    properties = deployed().functions()[name]
    steps = 4  # secret, orders, claims, results: each may lose one try and take another
    assert steps * 2 * LOST_TRY_SECONDS + PROVIDER_SECONDS <= properties["Timeout"]
    assert properties["Timeout"] < int(properties["Environment"]["Variables"]["SMS_LEASE_SECONDS"])


def test_a_mark_settles_only_when_no_function_can_still_write_what_it_announced() -> None:
    functions = deployed().functions().values()
    settle = {float(properties["Environment"]["Variables"]["DAY_SETTLE_SECONDS"]) for properties in functions}
    longest = max(properties["Timeout"] for properties in functions)
    # Two clocks that differ by a minute each, and an index that is a minute behind.
    assert min(settle) == max(settle) >= longest + REPEAT * max(settle) + 3 * 60


def test_secrets_reach_functions_by_name_only() -> None:
    for name, properties in deployed().functions().items():
        variables = properties["Environment"]["Variables"]
        assert variables["SMS_SECRET"] == {"Ref": "SmsSecretName"}, name
        assert variables["WEBHOOK_SECRET"] == {"Ref": "WebhookSecretName"}, name
    assert "resolve:secretsmanager" not in TEMPLATE.read_text()
    assert "resolve:ssm" not in TEMPLATE.read_text()


# Routes


def test_every_protected_route_has_the_authorizer_and_one_scope() -> None:
    for route in deployed().routes():
        if route.key in PUBLIC:
            assert route.authorizer is None, route.key
        else:
            assert route.authorizer == "Okta", route.key
            name = route.key.rpartition("/")[2]
            reads = "sales:read" if route.key.startswith("GET ") else "sales:write"
            manages = name in {"days", "export", "erase", "import"} or route.key.startswith("PUT ")
            assert route.scopes == ("sales:manage" if manages else reads,), route.key


def test_the_function_of_every_route_asks_for_the_routes_scope() -> None:
    # Two guards, since a request by `$default` or `sam local` meets only the function's.
    for route in template().routes:
        source = (ROOT / "functions" / route.function / "app.py").read_text()
        scope = re.findall(r"^@endpoint\(scope=(?:None|\"([a-z:]+)\")(?:, \w+=\w+)*\)$", source, re.MULTILINE)
        assert scope == list(route.scopes or ("",)), route.key


def test_the_public_routes_are_all_there() -> None:
    assert {route.key for route in deployed().routes()} >= PUBLIC


def test_a_public_route_has_no_security_and_no_scheme_is_undefined() -> None:
    # The import warns of a scheme that the document does not define, and FailOnWarnings makes that an error.
    (api,) = deployed().of_type("AWS::ApiGatewayV2::Api").values()
    body = api["Properties"]["Body"]
    assert "security" not in body
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            key = "$default" if operation.get("isDefaultRoute") else f"{method.upper()} {path}"
            assert ("security" in operation) is (key not in PUBLIC), key
            for requirement in operation.get("security", []):
                assert set(requirement) <= set(body["components"]["securitySchemes"]), key


def test_every_api_route_has_both_spellings_for_one_function() -> None:
    routes = {route.key: route.function for route in deployed().routes() if route.key not in PUBLIC}
    assert routes
    first, second = (
        {key.replace(prefix, "", 1): function for key, function in routes.items() if f" {prefix}/" in key}
        for prefix in PREFIXES
    )
    assert first == second
    assert len(first) + len(second) == len(routes)


def test_the_original_paths_lead_to_the_functions_of_the_resource_paths() -> None:
    routes = {route.key: route.function for route in deployed().routes()}
    for prefix in PREFIXES:
        assert (
            routes[f"POST {prefix}/create-customer"] == routes[f"POST {prefix}/customers"] == "CreateCustomerFunction"
        )
        assert routes[f"POST {prefix}/create-order"] == routes[f"POST {prefix}/orders"] == "CreateOrderFunction"
        assert routes[f"GET {prefix}/customers"] == "ListCustomersFunction"
        assert routes[f"GET {prefix}/orders"] == "ListOrdersFunction"


def test_no_path_ends_in_a_slash() -> None:
    for route in deployed().routes():
        assert route.key in {"GET /", "HEAD /"} or not route.key.endswith("/"), route.key
    (api,) = deployed().of_type("AWS::ApiGatewayV2::Api").values()
    assert api["Properties"]["FailOnWarnings"] is True


def test_the_authorizer_accepts_one_issuer_and_one_audience() -> None:
    (api,) = deployed().of_type("AWS::ApiGatewayV2::Api").values()
    schemes = api["Properties"]["Body"]["components"]["securitySchemes"]
    assert list(schemes) == ["Okta"]
    assert schemes["Okta"]["x-amazon-apigateway-authorizer"] == {
        "type": "jwt",
        "identitySource": "$request.header.Authorization",
        "jwtConfiguration": {"issuer": {"Ref": "OktaIssuer"}, "audience": [{"Ref": "OktaAudience"}]},
    }


@pytest.mark.parametrize(
    ("issuer", "accepted"),
    [
        ("https://example.okta.com/oauth2/default", True),
        ("https://login.example.com/oauth2/aus1a2b3c4d5e6f7g8h9", True),
        ("https://shop.eu.auth0.com/", True),
        ("https://login.example.com/realms/shop", True),
        ("https://login.example.com:8443/realms/shop", True),
        ("https://shop.example.com", True),
        ("https://notokta.com", True),
        ("https://example.okta.com.example.com", True),
        ("https://my-admin.example.com/realms/shop", True),
        ("https://login.example.com/oauth2/v10", True),
        ("https://example.okta.com", False),
        ("https://example.okta.com/", False),
        ("https://example.oktapreview.com", False),
        ("https://example.okta-emea.com/oauth2", False),
        ("https://example.okta.com/oauth2", False),
        ("https://example.okta.com/oauth2/v1", False),
        ("https://example.okta.com/oauth2/v1/token", False),
        ("https://example.okta.com/oauth2/default/v1/token", False),
        ("https://example.okta.com/oauth2/default/.well-known/openid-configuration", False),
        ("https://login.example.com/oauth2/v1", False),
        ("https://example-admin.okta.com/oauth2/default", False),
        ("http://example.okta.com/oauth2/default", False),
        ("https://login.example.com/realms/shop?a=b", False),
        ("https://login.example.com/realms/shop#a", False),
        ("https://login.example.com/realms/my shop", False),
        ("https://login.example.com//realms", False),
        ("https://user@login.example.com/realms/shop", False),
        (" https://login.example.com/", False),
        ("https://localhost/", False),
        ("https://", False),
    ],
)
def test_only_what_can_issue_our_tokens_can_be_the_issuer(issuer: str, accepted: bool) -> None:
    pattern = deployed().source["Parameters"]["OktaIssuer"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, issuer)) is accepted


def test_the_stage_throttles_and_logs_neither_paths_nor_tokens() -> None:
    (stage,) = deployed().of_type("AWS::ApiGatewayV2::Stage").values()
    settings = stage["Properties"]["DefaultRouteSettings"]
    assert settings["ThrottlingRateLimit"] > 0
    assert settings["ThrottlingBurstLimit"] > 0
    access_log = stage["Properties"]["AccessLogSettings"]
    group = access_log["DestinationArn"]["Fn::GetAtt"][0]
    assert deployed().resources[group]["Properties"]["RetentionInDays"] == {"Ref": "AuditLogDays"}
    fields = json.loads(access_log["Format"])
    for wanted in ("$context.requestId", "$context.routeKey", "$context.status", "$context.responseLatency",
                   "$context.integrationErrorMessage", "$context.authorizer.error"):  # fmt: skip
        assert wanted in fields.values()
    for secret in ("$context.path", "rawPath", "authorization", "claims.sub", "$context.identity.user"):
        assert secret not in access_log["Format"].lower()


def throttles() -> dict[str, tuple[int, int]]:
    """Return rate and burst of each route that has its own."""
    (stage,) = deployed().of_type("AWS::ApiGatewayV2::Stage").values()
    settings = stage["Properties"]["RouteSettings"]
    # An entry replaces the default whole: https://github.com/terraform-aws-modules/terraform-aws-apigateway-v2/issues/78
    assert all(entry["DetailedMetricsEnabled"] is True for entry in settings.values())
    return {key: (entry["ThrottlingRateLimit"], entry["ThrottlingBurstLimit"]) for key, entry in settings.items()}


def test_every_route_that_anyone_can_call_or_that_is_dear_has_its_own_throttle() -> None:
    dear = re.compile(rf"\w+ ({'|'.join(PREFIXES)})/(customers/{{customer}}/(export|erase)|(customers|orders)/import)")
    rates = {}
    for route in deployed().routes():
        if route.key.partition(" ")[2].startswith("/webhooks/"):
            rates[route.key] = 50
        elif route.scopes is None and route.key != "$default":
            rates[route.key] = 10
        elif dear.fullmatch(route.key):
            rates[route.key] = 5
    # API Gateway refuses an entry for a route that does not exist.
    assert {key: rate for key, (rate, _) in throttles().items()} == rates


def test_clerks_behind_one_address_can_all_open_the_console_at_the_same_moment() -> None:
    static = ROOT / "functions/serve_console/static"
    files = len([path for path in static.rglob("*") if path.is_file() and path.suffix != ".html"])
    clerks = 5
    assert throttles()["GET /console/{version}/{file+}"][1] >= clerks * files


def test_a_days_texts_can_all_be_reported_within_a_minute() -> None:
    rate, burst = throttles()["POST /webhooks/africastalking/delivery/{secret}"]
    reports = 2 * int(deployed().source["Parameters"]["SmsPerDay"]["Default"])
    assert burst + 60 * rate >= reports


# The stream


def test_every_event_source_mapping_is_bounded_and_keeps_failures() -> None:
    mappings = deployed().of_type("AWS::Lambda::EventSourceMapping")
    assert mappings
    for name, mapping in mappings.items():
        properties = mapping["Properties"]
        assert properties["StartingPosition"] == "TRIM_HORIZON", name
        assert 0 <= properties["MaximumRetryAttempts"] <= 10
        assert 60 <= properties["MaximumRecordAgeInSeconds"] < 24 * 3600
        assert properties["BisectBatchOnFunctionError"] is True
        assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        bucket = properties["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
        assert deployed().resources[bucket]["Type"] == "AWS::S3::Bucket"  # only S3 keeps the record itself
        (pattern,) = (json.loads(entry["Pattern"]) for entry in properties["FilterCriteria"]["Filters"])
        assert pattern == {
            "eventName": ["INSERT"],
            "dynamodb": {"NewImage": {"sms": {"M": {"status": {"S": ["queued"]}}}}},
        }


def test_a_new_account_can_have_one_batch_at_a_time() -> None:
    (mapping,) = deployed().of_type("AWS::Lambda::EventSourceMapping").values()
    assert mapping["Properties"]["ParallelizationFactor"] == {"Ref": "StreamParallelism"}
    parameter = deployed().source["Parameters"]["StreamParallelism"]
    assert (parameter["MinValue"], parameter["Default"], parameter["MaxValue"]) == (1, 4, 10)  # 10 is Lambda's limit


def test_executions_are_reserved_for_senders_only_and_only_where_asked_for() -> None:
    kept = {name: each.get("ReservedConcurrentExecutions") for name, each in deployed().functions().items()}
    wanted = {"Fn::If": ["HasSenderConcurrency", {"Ref": "SenderConcurrency"}, {"Ref": "AWS::NoValue"}]}
    assert {name for name, value in kept.items() if value == wanted} == {"SendSmsFunction", "SweepSmsFunction"}
    assert {name for name, value in kept.items() if value} == {"SendSmsFunction", "SweepSmsFunction"}
    assert deployed().source["Parameters"]["SenderConcurrency"]["Default"] == 0


def test_a_mapping_may_write_to_its_bucket() -> None:
    statements = [entry for entry in deployed().statements() if entry.role == "SendSmsFunctionRole"]
    allowed = {(action, text_of(entry)) for it in statements for action in it.actions for entry in it.resources}
    assert ("s3:PutObject", "${UnhandledRecordsBucket.Arn}/*") in allowed
    assert ("s3:ListBucket", json.dumps({"Fn::GetAtt": ["UnhandledRecordsBucket", "Arn"]})) in allowed


def test_the_bucket_of_unhandled_records_is_private_encrypted_and_expires() -> None:
    bucket = deployed().resources["UnhandledRecordsBucket"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    properties = bucket["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    (rule,) = properties["LifecycleConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    assert rule["ExpirationInDays"] <= 90
    (statement,) = deployed().resources["UnhandledRecordsBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_all_parts_of_the_sweep_run_each_minute_and_are_not_repeated() -> None:
    parts = []
    for rule in deployed().of_type("AWS::Events::Rule").values():
        assert rule["Properties"]["ScheduleExpression"] == "rate(1 minute)"
        (target,) = rule["Properties"]["Targets"]
        assert deployed().function_behind(target["Arn"]["Ref"]) == "SweepSmsFunction"
        assert target["RetryPolicy"]["MaximumRetryAttempts"] == 0
        parts.append(json.loads(target["Input"]))
    assert sorted(each["part"] for each in parts) == list(range(len(parts)))
    assert {each["parts"] for each in parts} == {len(parts)}
    (invoke,) = deployed().of_type("AWS::Lambda::EventInvokeConfig").values()
    assert invoke["Properties"]["FunctionName"] == {"Ref": "SweepSmsFunction"}
    assert invoke["Properties"]["MaximumRetryAttempts"] == 0


# Permissions


def test_a_role_belongs_to_one_function_and_holds_one_managed_policy_for_logs() -> None:
    roles = [properties["Role"]["Fn::GetAtt"][0] for properties in deployed().functions().values()]
    assert sorted([*roles, "CanaryRole"]) == sorted(deployed().of_type("AWS::IAM::Role"))
    for role in roles:
        (managed,) = deployed().resources[role]["Properties"]["ManagedPolicyArns"]
        assert managed.endswith(":aws:policy/service-role/AWSLambdaBasicExecutionRole")


def test_no_statement_has_a_wildcard_without_a_reason() -> None:
    seen = set()
    for statement in deployed().statements():
        assert statement.effect == "Allow"
        assert not any(re.search(r"[*?]", action) for action in statement.actions), statement
        for resource in statement.resources:
            text = text_of(resource)
            if re.search(r"[*?]", text):
                (reason,) = (known for known in WILDCARDS if text.endswith(known))
                seen.add(reason)
    assert seen == set(WILDCARDS)


def test_nothing_may_scan_or_delete() -> None:
    actions = {action for statement in deployed().statements() for action in statement.actions}
    assert not {action for action in actions if re.search("Scan|Delete|BatchWrite|PartiQL", action)}


def test_a_query_names_its_index() -> None:
    for statement in deployed().statements():
        if "dynamodb:Query" in statement.actions:
            assert statement.actions == ("dynamodb:Query",)
            for resource in statement.resources:
                table, index = re.fullmatch(r"\$\{(\w+)\.Arn\}/index/(\w+)", text_of(resource)).groups()  # type: ignore[union-attr]
                indexes = deployed().resources[table]["Properties"]["GlobalSecondaryIndexes"]
                assert index in {entry["IndexName"] for entry in indexes}


def test_only_public_handlers_and_senders_read_secrets_and_each_only_its_own() -> None:
    readers: dict[str, set[str]] = {}
    for statement in deployed().statements():
        if "secretsmanager:GetSecretValue" in statement.actions:
            for resource in statement.resources:
                name = re.search(r"secret:\$\{(\w+)\}", text_of(resource)).group(1)  # type: ignore[union-attr]
                readers.setdefault(name, set()).add(statement.role.removesuffix("FunctionRole"))
    assert readers == {
        "SmsSecretName": {"SendSms", "SweepSms"},
        "WebhookSecretName": {"RecordDeliveryReport", "RecordOptOut"},
    }


def test_only_answer_unmatched_invokes_functions_and_only_routed_ones() -> None:
    routed = {route.function for route in deployed().routes()}
    for statement in deployed().statements():
        if "lambda:InvokeFunction" in statement.actions:
            assert statement.role == "AnswerUnmatchedFunctionRole"
            targets = {deployed().function_behind(resource["Ref"]) for resource in statement.resources}
            assert targets == routed - {"AnswerUnmatchedFunction"}


def test_only_its_routes_and_schedules_invoke_a_function() -> None:
    allowed = set()
    for name, permission in deployed().of_type("AWS::Lambda::Permission").items():
        properties = permission["Properties"]
        assert properties["Action"] == "lambda:InvokeFunction", name
        # Without a source, any account's API or rule could call it.
        source = properties["SourceArn"]
        function = deployed().function_behind(properties["FunctionName"]["Ref"])
        if properties["Principal"] == "apigateway.amazonaws.com":
            assert source["Fn::Sub"][1]["__ApiId__"] == {"Ref": "HttpApi"}, name
            allowed.add((function, source["Fn::Sub"][0].partition("${__Stage__}/")[2]))
        else:
            assert properties["Principal"] == "events.amazonaws.com", name
            rule, attribute = source["Fn::GetAtt"]
            assert attribute == "Arn"
            allowed.add((function, rule))
    expected = {
        (route.function, "*" if route.key == "$default" else re.sub(r"{\w+}", "*", route.key.replace(" ", "")))
        for route in deployed().routes()
    }
    assert allowed == expected | {("SweepSmsFunction", rule) for rule in deployed().of_type("AWS::Events::Rule")}


# The file


def test_every_parameter_is_described_and_used() -> None:
    text = TEMPLATE.read_text()
    for name, parameter in deployed().source["Parameters"].items():
        assert parameter["Description"].endswith((".", "/default")), name
        assert f"!Ref {name}" in text or f"${{{name}}}" in text
        if "AllowedPattern" in parameter:
            assert parameter["ConstraintDescription"]
            if "Default" in parameter:
                assert re.fullmatch(parameter["AllowedPattern"], parameter["Default"])


def test_the_template_names_no_account_region_or_machine() -> None:
    text = TEMPLATE.read_text()
    assert not re.search(r"\b\d{12}\b|/(home|root)/|\b(eu|us|af|ap)-[a-z]+-\d\b", text)
    assert not list(Path(ROOT).glob("template*.y*ml"))[1:]


def test_the_default_text_fits_its_segments() -> None:
    parameters = deployed().source["Parameters"]
    check_template(parameters["SmsText"]["Default"], int(parameters["SmsMaxSegments"]["Default"]))
    for name in (".env.sample", ".env"):
        given = read_env_file(ROOT / name)
        most = int(given.get("SMS_MAX_SEGMENTS") or parameters["SmsMaxSegments"]["Default"])
        assert least_segments(text_template(given.get("SMS_TEXT", ""))) <= most
