"""GET orders/{order}: one order."""

from sales.api.endpoint import Request, Response, endpoint
from sales.services.lookup import find_order


@endpoint(scope="sales:read")
def handler(request: Request) -> Response:
    """200 with the order and its ETag, 304 when the caller has that version, 404 when there is none."""
    order = find_order(request.parameters["order"])
    return Response(200, order.public(), version=order.version)
