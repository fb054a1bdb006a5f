"""Routes of the HTTP API and how paths match them; the local API gateway matches with the same rule."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from sales.domain.problems import Problem

__all__ = ["Route", "find", "path_parameters", "read_routes"]


class Route(NamedTuple):
    """One route: its method, its path (such as `/orders/{order}`) and the function that answers it."""

    method: str
    path: str
    function: str


def path_parameters(pattern: str, path: str) -> dict[str, str] | None:
    """Return the parameters of a path that matches the route's pattern, as they stand in the path; else None.

    A parameter takes one part of the path, a greedy one (`{proxy+}`, at the end) all that follows; neither is ever empty.
    """
    names, values = pattern.split("/"), path.split("/")
    if names[-1].endswith("+}") and len(values) > len(names):
        values = [*values[: len(names) - 1], "/".join(values[len(names) - 1 :])]
    if len(names) != len(values):
        return None
    parameters = {}
    for name, value in zip(names, values, strict=True):
        if name.startswith("{") and value:
            parameters[name[1:-1].removesuffix("+")] = value
        elif name != value:
            return None
    return parameters


@cache
def read_routes(file: Path) -> tuple[Route, ...]:
    """Return the routes in routes.json, which `make contract` writes from template.yaml."""
    return tuple(Route(**route) for route in json.loads(file.read_text()))


def find(routes: Sequence[Route], method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Return the route of this method and path, and the path's parameters; one trailing slash makes no difference.

    HEAD without a route takes GET's. Raise Problem `not_found`, or `method_not_allowed` with the methods that the path accepts.
    """
    bare = path.removesuffix("/") or "/"
    matches = [(route, found) for route in routes if (found := path_parameters(route.path, bare)) is not None]
    if path.endswith("//"):
        matches = []
    # A literal path goes before one with a parameter, as in API Gateway.
    matches.sort(key=lambda match: len(match[1]))
    for accepted in (method, "GET") if method == "HEAD" else (method,):
        for route, parameters in matches:
            if route.method == accepted:
                return route, parameters
    if not matches:
        raise Problem("not_found")
    methods = {route.method for route, _ in matches}
    allowed = ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))
    raise Problem("method_not_allowed", f"This path accepts: {allowed}.", headers={"Allow": allowed})
