"""Requests that no route matched: API Gateway's `$default` route.

API Gateway may not route `/orders/` to `/orders`: that is documented nowhere and reported both ways. Where it does not,
the request arrives here and goes on to the function of the route, which verifies the token itself. So does HEAD, as GET.
"""

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from sales.api.endpoint import Response
from sales.api.routes import Route
from sales.domain.problems import Problem
from sales.runtime.aws import aws_client
from sales.runtime.settings import settings

__all__ = ["ALIAS", "forward"]

# The deployed version of a function (AutoPublishAlias in template.yaml).
ALIAS = "live"


@cache
def _client() -> Any:
    return aws_client("lambda", settings().lambda_endpoint)


def forward(event: Mapping[str, Any], route: Route, parameters: dict[str, str]) -> Response:
    """Return what the route's function answers to the event, as if API Gateway had matched the route."""
    key = f"{route.method} {route.path}"
    context = {name: value for name, value in event["requestContext"].items() if name != "authorizer"}
    matched = {
        **event,
        "routeKey": key,
        "rawPath": event["rawPath"].removesuffix("/"),
        "pathParameters": parameters,
        "requestContext": context | {"routeKey": key, "http": context["http"] | {"method": route.method}},
    }
    answer = _client().invoke(
        FunctionName=settings().function_prefix + route.function,
        Qualifier=ALIAS,
        Payload=json.dumps(matched).encode(),
    )
    payload = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise Problem("unexpected")
    body = payload.get("body", "")
    if payload.get("isBase64Encoded"):
        body = base64.b64decode(body)
    return Response(payload["statusCode"], body, payload.get("headers", {}))
