"""PATCH customers/{customer}: changes a customer's name, phone number, e-mail or opt-out."""

from sales.api.endpoint import Request, Response, endpoint
from sales.runtime.settings import settings
from sales.schemas.common import parse
from sales.schemas.customers import CustomerChanges
from sales.services.change_customer import change_customer


@endpoint(scope="sales:write")
def handler(request: Request) -> Response:
    """200 with the customer; 412 when If-Match names another version. Fields left out stay as they are."""
    fields = parse(CustomerChanges, request.json(), country=settings().default_country)
    changes = fields.model_dump(exclude_unset=True)
    customer = change_customer(
        request.parameters["customer"], changes, if_version=request.if_match, check=request.check_version
    )
    return Response(200, customer.public(), version=customer.version)
