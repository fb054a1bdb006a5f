"""POST customers: creates a customer."""

from sales.api.endpoint import Request, Response, endpoint
from sales.domain import clock
from sales.domain.customers import Customer
from sales.domain.ids import code_of, customer_ids, fingerprint, is_replay
from sales.domain.problems import Problem
from sales.runtime.settings import settings
from sales.schemas.common import parse
from sales.schemas.customers import NewCustomer
from sales.store import store


@endpoint(scope="sales:write")
def handler(request: Request) -> Response:
    """201 with the customer. The same Idempotency-Key again: the customer that is there; with another body: 422."""
    key = request.idempotency_key
    body = request.json()
    given = parse(NewCustomer, body)
    print_of_body = fingerprint(body)
    for customer_id in customer_ids(request.caller, key):
        customer = Customer.new(
            id=customer_id,
            code=code_of(customer_id),
            name=given.name,
            phone_number=given.phone_number,
            email=given.email,
            now=clock.now(),
            fingerprint=print_of_body,
            shards=settings().list_shards,
        )
        there = store().add_customer(customer)
        if there is None:
            return Response.created(customer, f"customers/{customer.id}")
        if there.id == customer_id:
            if not is_replay(there.fingerprint, print_of_body):
                raise Problem("idempotency_key_reused")
            return Response.created(there, f"customers/{there.id}", replayed=True)
    raise AssertionError("the ids to try never end")
