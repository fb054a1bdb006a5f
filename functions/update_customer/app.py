"""PATCH customers/{customer}: changes a customer's name, phone number, e-mail, language or opt-out."""

from sales.api.callers import require_scope
from sales.api.endpoint import Request, Response, endpoint
from sales.runtime.settings import settings
from sales.schemas.common import parse
from sales.schemas.customers import CustomerChanges
from sales.services.change_customer import change_customer
from sales.services.languages import worded_languages


@endpoint(scope="sales:write")
def handler(request: Request) -> Response:
    """200 with the customer; 412 when If-Match names another version. Fields left out stay as they are.

    Clearing an opt-out or a block needs `sales:manage` as well.
    """
    fields = parse(CustomerChanges, request.json(), country=settings().default_country, languages=worded_languages)
    changes = fields.model_dump(exclude_unset=True)
    if changes.get("sms_opted_out") is False or changes.get("sms_blocked") is False:
        require_scope(request.caller, "sales:manage")
    customer = change_customer(
        request.parameters["customer"],
        changes,
        by=request.caller.actor,
        if_version=request.if_match,
        check=request.check_version,
    )
    return Response(200, customer.public(), version=customer.version)
