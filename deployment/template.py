"""Reads template.yaml through SAM's own translator, so it means here what it means on AWS."""

import hashlib
import json
import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from deployment import REGION, resolver
from deployment.resolver import Resolver

__all__ = ["EventSourceMapping", "Function", "Route", "Schedule", "Template", "load"]

_RATES = {"minute": 60, "minutes": 60, "hour": 3600, "hours": 3600, "day": 86400, "days": 86400}


@dataclass(frozen=True)
class Function:
    """One Lambda function: `name` is its folder, timeout in seconds, memory in MB, `statements` those of its role.

    `logging` holds the variables that Lambda sets for its LoggingConfig.
    """

    name: str
    logical_id: str
    function_name: str
    handler: str
    timeout: int
    memory: int
    environment: dict[str, str]
    statements: list[dict[str, Any]] = field(default_factory=list)
    logging: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """One route of the HTTP API; the path `$default` matches any other request. A token needs one of the scopes."""

    method: str
    path: str
    function: str
    authorized: bool
    scopes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The route key, as in events."""
        return self.path if self.path == "$default" else f"{self.method} {self.path}"


@dataclass(frozen=True)
class EventSourceMapping:
    """A function on a table's stream. -1 means no limit; times are seconds."""

    function: str
    table: str
    batch_size: int
    window: float
    filters: list[dict[str, Any]]
    retries: int
    max_age: int
    bisect: bool
    partial_responses: bool
    parallelization: int
    has_destination: bool
    stream_arn: str = ""


@dataclass(frozen=True)
class Schedule:
    """A function that EventBridge invokes at a rate, with `input` (JSON) as the event if it is set."""

    function: str
    seconds: float
    input: str | None = None


@dataclass(frozen=True)
class Template:
    """The deployed system, resolved for one stack."""

    functions: dict[str, Function] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)
    issuer: str = ""
    audience: tuple[str, ...] = ()
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    time_to_live: dict[str, str] = field(default_factory=dict)
    streams: list[EventSourceMapping] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)


def load(path: Path, parameters: Mapping[str, str], *, cache: Path | None = None) -> Template:
    """Return the template with these parameters. `cache` is a folder that keeps unchanged templates.

    Raise ValueError for a missing parameter, a template that the translator refuses, or a feature that we do not know.
    """
    raw = path.read_bytes()
    code = Path(__file__).read_bytes() + Path(resolver.__file__).read_bytes()
    digest = hashlib.sha256(raw + code + json.dumps(dict(parameters), sort_keys=True).encode())
    cached = cache / f"template-{digest.hexdigest()[:16]}.json" if cache else None
    if cached and cached.is_file():
        return _loaded(json.loads(cached.read_text()))
    template = _read(raw, parameters)
    if cached:
        cached.parent.mkdir(parents=True, exist_ok=True)
        for old in cached.parent.glob("template-*.json"):
            old.unlink(missing_ok=True)
        # In one step: other parts of the system may be reading it.
        draft = cached.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(json.dumps(asdict(template)))
        draft.replace(cached)
    return template


def _loaded(document: dict[str, Any]) -> Template:
    """Return the template that `asdict` made this document of, and JSON its tuples lists."""
    return Template(
        functions={name: Function(**function) for name, function in document["functions"].items()},
        routes=[Route(**route | {"scopes": tuple(route["scopes"])}) for route in document["routes"]],
        issuer=document["issuer"],
        audience=tuple(document["audience"]),
        tables=document["tables"],
        time_to_live=document["time_to_live"],
        streams=[EventSourceMapping(**stream) for stream in document["streams"]],
        schedules=[Schedule(**schedule) for schedule in document["schedules"]],
    )


def transform(raw: bytes, parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return the CloudFormation template that SAM translates it to, with its parameters filled in."""
    # The translator is slow to import, and the cache makes it unnecessary.
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.yaml_helper import yaml_parse

    # It warns of feature toggles that exist only in AWS's own deployment.
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    document = yaml_parse(raw.decode())
    # Code is a local folder here, but the translator insists on an address.
    for resource in document["Resources"].values():
        for name in ("ContentUri", "CodeUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = "s3://bucket/key"
    try:
        translated: dict[str, Any] = Translator(
            {}, Parser(), boto_session=SimpleNamespace(region_name=REGION)
        ).translate(document, dict(parameters))
    except InvalidDocumentException as error:
        raise ValueError("; ".join(cause.message for cause in error.causes)) from None
    return translated


def _read(raw: bytes, parameters: Mapping[str, str]) -> Template:
    document = transform(raw, parameters)
    resolve = Resolver(document, parameters)
    resources = {
        name: resource
        for name, resource in document["Resources"].items()
        if "Condition" not in resource or resolve.holds(resource["Condition"])
    }

    def of_type(kind: str) -> dict[str, dict[str, Any]]:
        return {name: resource for name, resource in resources.items() if resource["Type"] == kind}

    functions = {}
    by_reference: dict[str, str] = {}
    for logical_id, resource in of_type("AWS::Lambda::Function").items():
        properties = resolve(resource["Properties"])
        name = properties["Handler"].split(".")[1]
        variables = properties.get("Environment", {}).get("Variables", {})
        functions[name] = Function(
            name=name,
            logical_id=logical_id,
            function_name=properties["FunctionName"],
            handler=properties["Handler"],
            timeout=int(properties.get("Timeout", 3)),
            memory=int(properties.get("MemorySize", 128)),
            environment={key: _text(f"{name}'s {key}", value) for key, value in variables.items()},
            statements=[
                statement
                for policy in resolve(resources[resource["Properties"]["Role"]["Fn::GetAtt"][0]]["Properties"]).get(
                    "Policies", []
                )
                for statement in policy["PolicyDocument"]["Statement"]
            ],
            logging=_logging(properties.get("LoggingConfig", {})),
        )
        by_reference[logical_id] = by_reference[properties["FunctionName"]] = name

    for logical_id, resource in of_type("AWS::Lambda::Alias").items():
        by_reference[logical_id] = by_reference[resource["Properties"]["FunctionName"]["Ref"]]

    def function_of(reference: Any) -> str:
        # An alias, a version, a function or an address built from one: its text contains the name.
        text = json.dumps(reference)
        named = [name for name in by_reference if f'"{name}"' in text or f"{name}." in text or f"${{{name}" in text]
        if not named:
            raise ValueError(f"{text} names no function of the template")
        return by_reference[max(named, key=len)]

    routes: list[Route] = []
    jwt: dict[str, Any] = {}
    for resource in of_type("AWS::ApiGatewayV2::Api").values():
        routes += _routes(resource["Properties"]["Body"], function_of)
        jwt |= _authorizer(resolve(resource["Properties"]["Body"].get("components", {})))
    template = Template(
        functions=functions, routes=routes, issuer=jwt.get("issuer", ""), audience=tuple(jwt.get("audience", ()))
    )
    for name, resource in of_type("AWS::DynamoDB::Table").items():
        template.tables[name] = _table(resolve({"Ref": name}), resolve(resource["Properties"]))
        if ttl := resource["Properties"].get("TimeToLiveSpecification"):
            template.time_to_live[name] = ttl["AttributeName"]
    for resource in of_type("AWS::Lambda::EventSourceMapping").values():
        function = function_of(resource["Properties"]["FunctionName"])
        if mapping := _mapping(function, resolve(resource["Properties"])):
            template.streams.append(mapping)
    for kind in ("AWS::Events::Rule", "AWS::Scheduler::Schedule"):
        template.schedules.extend(_schedules(of_type(kind), resolve, function_of))
    return template


def _schedules(
    resources: dict[str, dict[str, Any]], resolve: Resolver, function_of: Callable[[Any], str]
) -> list[Schedule]:
    """Return the schedules with a rate. A cron expression is useless on a machine that is not always on."""
    schedules = []
    for resource in resources.values():
        properties = resource["Properties"]
        if rate := re.fullmatch(r"rate\((\d+) (\w+)\)", resolve(properties.get("ScheduleExpression", ""))):
            (target,) = properties["Targets"] if "Targets" in properties else [properties["Target"]]
            seconds = float(int(rate[1]) * _RATES[rate[2]])
            schedules.append(Schedule(function_of(target), seconds, target.get("Input")))
    return schedules


def _table(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    if stream := properties.get("StreamSpecification"):
        # CloudFormation enables a stream that is specified; the API needs a flag.
        stream["StreamEnabled"] = True
    known = (
        "AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes", "LocalSecondaryIndexes",
        "StreamSpecification", "ProvisionedThroughput",
    )  # fmt: skip
    return {"TableName": name} | {key: properties[key] for key in known if key in properties}


def _mapping(function: str, properties: dict[str, Any]) -> EventSourceMapping | None:
    table = re.search(r":table/([^/]+)/", properties["EventSourceArn"])
    if not table:
        return None
    filters = properties.get("FilterCriteria", {}).get("Filters", [])
    return EventSourceMapping(
        function=function,
        table=table[1],
        batch_size=int(properties.get("BatchSize", 100)),
        window=float(properties.get("MaximumBatchingWindowInSeconds", 0)),
        filters=[json.loads(entry["Pattern"]) for entry in filters],
        retries=int(properties.get("MaximumRetryAttempts", -1)),
        max_age=int(properties.get("MaximumRecordAgeInSeconds", -1)),
        bisect=bool(properties.get("BisectBatchOnFunctionError", False)),
        partial_responses="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", []),
        parallelization=int(properties.get("ParallelizationFactor", 1)),
        has_destination="OnFailure" in properties.get("DestinationConfig", {}),
        stream_arn=properties["EventSourceArn"],
    )


def _logging(config: dict[str, str]) -> dict[str, str]:
    """Return the variables that Lambda sets for a LoggingConfig. Only the format JSON has a level."""
    if config.get("LogFormat") != "JSON":
        return {}
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": config.get("ApplicationLogLevel", "INFO")}


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str | int | float):
        raise ValueError(f"{name} is {json.dumps(value)}, which the template reader does not know")  # noqa: TRY004 - callers expect ValueError
    return str(value).lower() if isinstance(value, bool) else str(value)


def _authorizer(components: dict[str, Any]) -> dict[str, Any]:
    """Return the JWT authorizer's issuer and audience, or an empty dict."""
    authorizers = [
        scheme.get("x-amazon-apigateway-authorizer", {}) for scheme in components.get("securitySchemes", {}).values()
    ]
    return next((entry["jwtConfiguration"] for entry in authorizers if "jwtConfiguration" in entry), {})


def _routes(body: dict[str, Any], function_of: Callable[[Any], str]) -> list[Route]:
    """Return the routes of an API's OpenAPI document."""
    return [
        Route(
            method="ANY" if method == "x-amazon-apigateway-any-method" else method.upper(),
            path="$default" if path.endswith("$default") else path,
            function=function_of(operation["x-amazon-apigateway-integration"]["uri"]),
            authorized=bool(operation.get("security")),
            scopes=tuple(
                scope for required in operation.get("security", []) for scopes in required.values() for scope in scopes
            ),
        )
        for path, methods in body["paths"].items()
        for method, operation in methods.items()
        if "x-amazon-apigateway-integration" in operation
    ]
