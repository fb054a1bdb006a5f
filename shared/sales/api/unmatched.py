"""What becomes of a request that no route took: API Gateway's `$default` route.

Whether API Gateway takes `/orders/` for `/orders` is documented nowhere and reported both ways. Where it does not, the
request ends here, and is handed on to the function of the route as if it had; that function verifies the token itself.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sales.api.endpoint import Response
from sales.domain.problems import Problem
from sales.runtime.aws import aws_client
from sales.runtime.settings import settings

__all__ = ["Route", "find", "forward", "read_routes"]

# The version of a function that is deployed (AutoPublishAlias in template.yaml).
ALIAS = "live"


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the API: what it takes and the function that answers it."""

    method: str
    path: str
    function: str

    def parameters(self, path: str) -> dict[str, str] | None:
        """The path's parameters where it is this route's, else none."""
        mine, given = self.path.split("/"), path.split("/")
        if len(mine) != len(given):
            return None
        found = {}
        for name, value in zip(mine, given, strict=True):
            if name.startswith("{") and value:
                found[name[1:-1]] = value
            elif name != value:
                return None
        return found


@cache
def read_routes(file: Path) -> tuple[Route, ...]:
    """The routes in a file made from template.yaml."""
    return tuple(Route(**route) for route in json.loads(file.read_text()))


def find(routes: tuple[Route, ...], method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of this method and path, its trailing slash apart, and the path's parameters.

    Raises Problem `not_found`, or `method_not_allowed` with the methods the path takes.
    """
    bare = path.removesuffix("/") or "/"
    matches = [(route, found) for route in routes if (found := route.parameters(bare)) is not None]
    if path.endswith("//"):
        matches = []
    # A literal path goes before one with a parameter, as API Gateway has it.
    matches.sort(key=lambda match: len(match[1]))
    for route, found in matches:
        if route.method == method:
            return route, found
    if not matches:
        raise Problem("not_found")
    allowed = ", ".join(sorted({route.method for route, _ in matches}))
    raise Problem("method_not_allowed", f"The path takes: {allowed}.", headers={"Allow": allowed})


@cache
def _client() -> Any:
    return aws_client("lambda", settings().lambda_endpoint)


def forward(event: Mapping[str, Any], route: Route, parameters: dict[str, str], request_id: str) -> Response:
    """The answer of the route's function to the event, as if its route had matched."""
    key = f"{route.method} {route.path}"
    context = {name: value for name, value in event["requestContext"].items() if name != "authorizer"}
    handed_on = {
        **event,
        "routeKey": key,
        "rawPath": event["rawPath"].removesuffix("/"),
        "pathParameters": parameters,
        "headers": {**(event.get("headers") or {}), "x-request-id": request_id},
        "requestContext": context | {"routeKey": key},
    }
    answer = _client().invoke(
        FunctionName=settings().function_prefix + route.function,
        Qualifier=ALIAS,
        Payload=json.dumps(handed_on).encode(),
    )
    payload = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise Problem("unexpected")
    body = payload.get("body", "")
    if payload.get("isBase64Encoded"):
        body = base64.b64decode(body)
    return Response(payload["statusCode"], body, payload.get("headers", {}))
