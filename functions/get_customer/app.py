"""GET customers/{customer}: one customer, by id or code."""

from sales.api.endpoint import Request, Response, endpoint
from sales.services.lookup import find_customer


@endpoint(scope="sales:read")
def handler(request: Request) -> Response:
    """200 with the customer and its ETag, 304 when the caller has that version, 404 when there is none."""
    customer = find_customer(request.parameters["customer"])
    return Response(200, customer.public(), version=customer.version)
