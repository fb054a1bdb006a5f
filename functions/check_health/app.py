"""GET /healthz: whether the API answers."""

from sales.api.endpoint import Request, Response, endpoint


@endpoint(scope=None)
def handler(request: Request) -> Response:
    """200; says nothing of what is inside."""
    return Response(200, {"status": "ok"})
