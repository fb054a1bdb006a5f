"""POST orders/{order}/sms: a person asks for an order's text once more."""

from sales.http import Request, Response, endpoint
from sales.identity import fingerprint
from sales.inputs import parse
from sales.lookup import find_customer, find_order
from sales.resend import request_again
from sales.sms_inputs import Resend


@endpoint(scope="sales:write")
def handler(request: Request) -> Response:
    """202 with the order, its text queued as one new attempt; at most one a minute (409 with Retry-After).

    412 when If-Match names another version of the order.
    """
    key = request.required_idempotency_key
    body = request.json()
    given = parse(Resend, body)
    order = find_order(request.parameters["order"])
    customer = find_customer(order.customer)
    order, replayed = request_again(
        order,
        customer,
        caller=request.caller,
        key=key,
        fingerprint=fingerprint(body),
        reason=given.reason,
        check=request.check_version,
    )
    return Response(202, order.public(), version=order.version, replayed=replayed)
