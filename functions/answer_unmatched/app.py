"""The `$default` route: 404 and 405 in our own words, paths with a trailing slash, and HEAD."""

from pathlib import Path

from sales.api.endpoint import Request, Response, endpoint
from sales.api.routes import find, read_routes
from sales.api.unmatched import forward
from sales.domain.problems import Problem


@endpoint(scope=None, audited=False)
def handler(request: Request) -> Response:
    """Answer as the route without the slash does, HEAD as GET; else 404, or 405 with Allow if the path accepts other methods."""
    routes = read_routes(Path(__file__).with_name("routes.json"))
    route, parameters = find(routes, request.method, request.path)
    if route.method == request.method and not request.path.endswith("/"):
        # API Gateway has this very route and did not use it: forwarding would go round in circles.
        raise Problem("not_found")
    return forward(request.event, route, parameters)
