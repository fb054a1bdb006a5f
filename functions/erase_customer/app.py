"""POST customers/{customer}/erase: forgets who a customer is; the orders stay."""

from sales.api.endpoint import Request, Response, endpoint
from sales.services.erase import erase
from sales.services.lookup import find_customer


@endpoint(scope="sales:manage")
def handler(request: Request) -> Response:
    """200 with the customer without personal data, also when it was erased before; 412 when If-Match names another version."""
    customer = find_customer(request.parameters["customer"])
    customer = erase(customer, by=request.caller.actor, check=request.check_version)
    return Response(200, customer.public(), version=customer.version)
