"""template.yaml as the local system needs it: read through SAM's own translator, so it means here what it means on AWS."""

import hashlib
import json
import logging
import os
import pickle
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from deployment import ACCOUNT, REGION, STACK

__all__ = ["EventSourceMapping", "Function", "Route", "Schedule", "Template", "load"]

_RATES = {"minute": 60, "minutes": 60, "hour": 3600, "hours": 3600, "day": 86400, "days": 86400}


@dataclass(frozen=True)
class Function:
    """One Lambda function: `name` is its folder; timeout in seconds, memory in MB, `statements` its own role's.

    `logging` are the variables that Lambda itself sets for its LoggingConfig.
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
    """One route of the HTTP API; `path` is `$default` for what no other takes. `scopes` are alternatives."""

    method: str
    path: str
    function: str
    authorized: bool
    scopes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The route key, as events carry it."""
        return self.path if self.path == "$default" else f"{self.method} {self.path}"


@dataclass(frozen=True)
class EventSourceMapping:
    """A function on a table's stream. -1 means no limit; times in seconds."""

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
    """A function that EventBridge invokes every so many seconds; `input`, a JSON text, is the event if there is one."""

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
    """The template with these parameters. With `cache`, a folder, an unchanged one is read from there.

    Raises ValueError for a parameter that is missing, a template the translator refuses, or what is not known here.
    """
    raw = path.read_bytes()
    mark = hashlib.sha256(raw + Path(__file__).read_bytes() + json.dumps(dict(parameters), sort_keys=True).encode())
    kept = cache / f"template-{mark.hexdigest()[:16]}.pickle" if cache else None
    if kept and kept.is_file():
        found: Template = pickle.loads(kept.read_bytes())  # noqa: S301 - our own file, under .local
        return found
    template = _read(raw, parameters)
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        for old in kept.parent.glob("template-*.pickle"):
            old.unlink(missing_ok=True)
        # In one step: other parts of the system may be reading it.
        new = kept.with_suffix(f".{os.getpid()}.tmp")
        new.write_bytes(pickle.dumps(template))
        new.replace(kept)
    return template


def transform(raw: bytes, parameters: Mapping[str, str]) -> dict[str, Any]:
    """The CloudFormation template that SAM makes of it, its parameters filled in."""
    # The translator is slow to import, and not needed when the cache has the result.
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.yaml_helper import yaml_parse

    # It warns of feature toggles that only AWS's own deployment of it has.
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    document = yaml_parse(raw.decode())
    # The layer is a folder here; the translator only wants to see an address.
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


class _Resolver:
    """Resolves CloudFormation's intrinsic functions for one stack on this machine."""

    def __init__(self, document: dict[str, Any], parameters: Mapping[str, str]) -> None:
        self._document = document
        self._resources = document["Resources"]
        self._values: dict[str, Any] = {
            "AWS::StackName": STACK,
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": None,
        }
        for name, parameter in document.get("Parameters", {}).items():
            if name not in parameters and "Default" not in parameter:
                raise ValueError(f"the template's parameter {name} has no value")
            self._values[name] = str(parameters.get(name, parameter.get("Default")))
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Fn::GetAtt": self._getatt,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::If": self._if,
        }

    def __call__(self, value: Any) -> Any:
        if isinstance(value, list):
            return [found for each in value if (found := self(each)) is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref":
                return self._ref(argument)
            if resolve := self._functions.get(name):
                return resolve(argument)
        return {key: found for key, each in value.items() if (found := self(each)) is not None}

    def _ref(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        if name not in self._resources:
            raise ValueError(f"the template refers to {name}, which it does not have")
        resource = self._resources[name]
        kind, properties = resource["Type"], resource.get("Properties", {})
        if kind == "AWS::DynamoDB::Table":
            return self(properties.get("TableName")) or f"{STACK}-{name.removesuffix('Table').lower()}"
        if kind == "AWS::Lambda::Function":
            return self(properties.get("FunctionName")) or f"{STACK}-{name}"
        if kind == "AWS::Lambda::Alias":
            return f"{self._arn(properties['FunctionName']['Ref'])}:{properties['Name']}"
        return name

    def _getatt(self, argument: Any) -> str:
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        if attribute == "StreamArn":
            return f"{self._arn(name)}/stream/2026-01-01T00:00:00.000"
        return self._arn(name) if attribute == "Arn" else f"{name}.{attribute}"

    def _arn(self, name: str) -> str:
        kind = self._resources[name]["Type"]
        prefix = f"arn:aws:{kind.split('::')[1].lower()}:{REGION}:{ACCOUNT}"
        if kind == "AWS::DynamoDB::Table":
            return f"{prefix}:table/{self._ref(name)}"
        return (
            f"{prefix}:function:{self._ref(name)}" if kind == "AWS::Lambda::Function" else f"{prefix}:{self._ref(name)}"
        )

    def _sub(self, argument: Any) -> str:
        text, extra = argument if isinstance(argument, list) else (argument, {})

        def fill(match: re.Match[str]) -> str:
            name = match[1]
            if name in extra:
                return str(self(extra[name]))
            return self._getatt(name) if "." in name else str(self._ref(name))

        return re.sub(r"\$\{([^!][^}]*)\}", fill, text).replace("${!", "${")

    def _join(self, argument: Any) -> str:
        separator, parts = argument
        return str(separator).join(str(part) for part in self(parts))

    def _if(self, argument: Any) -> Any:
        condition, yes, no = argument
        return self(yes if self.holds(condition) else no)

    def holds(self, condition: Any) -> bool:
        """Whether a condition, or one of that name, is true for this stack."""
        if isinstance(condition, str):
            return self.holds(self._document["Conditions"][condition])
        ((name, argument),) = condition.items()
        match name:
            case "Condition":
                return self.holds(argument)
            case "Fn::Equals":
                left, right = self(argument)
                return bool(left == right)
            case "Fn::Not":
                return not self.holds(argument[0])
            case "Fn::And":
                return all(self.holds(each) for each in argument)
            case "Fn::Or":
                return any(self.holds(each) for each in argument)
        raise ValueError(f"the condition {name} is not known here")


def _read(raw: bytes, parameters: Mapping[str, str]) -> Template:
    document = transform(raw, parameters)
    resolve = _Resolver(document, parameters)
    resources = {
        name: resource
        for name, resource in document["Resources"].items()
        if "Condition" not in resource or resolve.holds(resource["Condition"])
    }

    def of_type(kind: str) -> dict[str, dict[str, Any]]:
        return {name: each for name, each in resources.items() if each["Type"] == kind}

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
        # An alias, a version, a function or an address made of them: what it names is in its text.
        text = json.dumps(reference)
        named = [each for each in by_reference if f'"{each}"' in text or f"{each}." in text or f"${{{each}" in text]
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
    resources: dict[str, dict[str, Any]], resolve: _Resolver, function_of: Callable[[Any], str]
) -> list[Schedule]:
    """The schedules with a rate; one with a cron expression is of no use on a machine that is not always on."""
    found = []
    for resource in resources.values():
        properties = resource["Properties"]
        if rate := re.fullmatch(r"rate\((\d+) (\w+)\)", resolve(properties.get("ScheduleExpression", ""))):
            (target,) = properties["Targets"] if "Targets" in properties else [properties["Target"]]
            seconds = float(int(rate[1]) * _RATES[rate[2]])
            found.append(Schedule(function_of(target), seconds, target.get("Input")))
    return found


def _table(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    if stream := properties.get("StreamSpecification"):
        # CloudFormation turns the stream on by naming it; the API wants to be told.
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
        filters=[json.loads(each["Pattern"]) for each in filters],
        retries=int(properties.get("MaximumRetryAttempts", -1)),
        max_age=int(properties.get("MaximumRecordAgeInSeconds", -1)),
        bisect=bool(properties.get("BisectBatchOnFunctionError", False)),
        partial_responses="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", []),
        parallelization=int(properties.get("ParallelizationFactor", 1)),
        has_destination="OnFailure" in properties.get("DestinationConfig", {}),
        stream_arn=properties["EventSourceArn"],
    )


def _logging(config: dict[str, str]) -> dict[str, str]:
    """What Lambda tells a runtime of a function's LoggingConfig; a level is only there with the format JSON."""
    if config.get("LogFormat") != "JSON":
        return {}
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": config.get("ApplicationLogLevel", "INFO")}


def _text(what: str, value: Any) -> str:
    if not isinstance(value, str | int | float):
        raise ValueError(f"{what} is {json.dumps(value)}, which is not known here")  # noqa: TRY004 - as of all of a template
    return str(value).lower() if isinstance(value, bool) else str(value)


def _authorizer(components: dict[str, Any]) -> dict[str, Any]:
    """The JWT authorizer's issuer and audience; nothing where there is none."""
    schemes = [
        each.get("x-amazon-apigateway-authorizer", {}) for each in components.get("securitySchemes", {}).values()
    ]
    return next((each["jwtConfiguration"] for each in schemes if "jwtConfiguration" in each), {})


def _routes(body: dict[str, Any], function_of: Callable[[Any], str]) -> list[Route]:
    """The routes of an API's OpenAPI document."""
    return [
        Route(
            method="ANY" if method == "x-amazon-apigateway-any-method" else method.upper(),
            path="$default" if path.endswith("$default") else path,
            function=function_of(operation["x-amazon-apigateway-integration"]["uri"]),
            # SAM's name for an open route is NONE; whatever else is required, only a JWT authorizer lets anybody in.
            authorized=any(name != "NONE" for required in operation.get("security", []) for name in required),
            scopes=tuple(
                scope for required in operation.get("security", []) for each in required.values() for scope in each
            ),
        )
        for path, methods in body["paths"].items()
        for method, operation in methods.items()
        if "x-amazon-apigateway-integration" in operation
    ]
