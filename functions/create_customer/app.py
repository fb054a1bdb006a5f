"""POST customers: creates a customer."""

from sales.api.endpoint import Request, Response, endpoint
from sales.runtime.settings import settings
from sales.schemas.common import parse
from sales.schemas.customers import NewCustomer
from sales.services.languages import worded_languages
from sales.services.register_customer import register_customer


@endpoint(scope="sales:write")
def handler(request: Request) -> Response:
    """201 with the customer. The same Idempotency-Key again: the same customer; with another request: 422."""
    key = request.idempotency_key
    fields = parse(NewCustomer, request.json(), country=settings().default_country, languages=worded_languages)
    done = register_customer(fields, caller=request.caller, key=key)
    return Response.created(done.made, f"customers/{done.made.id}", replayed=done.replayed)
