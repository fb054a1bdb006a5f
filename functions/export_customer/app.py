"""GET customers/{customer}/export: everything that is held about a customer."""

from sales.http import Request, Response, endpoint
from sales.lookup import find_customer
from sales.privacy import held_about


@endpoint(scope="sales:read")
def handler(request: Request) -> Response:
    """200 with the customer and all their orders, numbers and texts in full."""
    return Response(200, held_about(find_customer(request.parameters["customer"])))
