"""PATCH customers/{customer}: changes a customer's name, phone number, e-mail or opt-out."""

from sales.api.endpoint import Request, Response, endpoint
from sales.domain import clock
from sales.domain.ids import id_and_code
from sales.domain.problems import Problem
from sales.schemas.common import parse
from sales.schemas.customers import CustomerChanges
from sales.services.lookup import find_customer
from sales.store import store


@endpoint(scope="sales:write")
def handler(request: Request) -> Response:
    """200 with the customer; 412 when If-Match names another version. Fields left out stay as they are."""
    changes = parse(CustomerChanges, request.json()).model_dump(exclude_unset=True)
    given = request.parameters["customer"]
    if not changes:
        customer = find_customer(given)
        request.check_version(customer.version)
        return Response(200, customer.public(), version=customer.version)
    customer_id, code = id_and_code(given)
    changed, now_there = store().change_customer(code, customer_id, changes, clock.now(), if_version=request.if_match)
    if now_there is None:
        raise Problem("not_found", "There is no such customer.")
    if not changed and now_there.erased:
        raise Problem("customer_erased")
    if not changed:
        request.check_version(now_there.version)
    elif changes.get("sms_opted_out") is False:
        store().opt_in(now_there.phone_number, clock.now())
    return Response(200, now_there.public(), version=now_there.version)
