"""POST orders/{order}/sms: a person asks for an order's text once more."""

from sales.api.endpoint import Request, Response, endpoint
from sales.domain.ids import fingerprint
from sales.schemas.common import parse
from sales.schemas.sms import Resend
from sales.services.lookup import find_customer_and_wording, find_order
from sales.services.sms.resend import request_again


@endpoint(scope="sales:write")
def handler(request: Request) -> Response:
    """202 with the order, its text queued as one new attempt; at most one a minute (409 with Retry-After).

    412 when If-Match names another version of the order.
    """
    key = request.required_idempotency_key
    fields = parse(Resend, request.json())
    order = find_order(request.parameters["order"])
    customer, wording = find_customer_and_wording(order.customer)
    done = request_again(
        order,
        customer,
        wording,
        caller=request.caller,
        key=key,
        fingerprint=fingerprint(fields.meaning()),
        reason=fields.reason,
        check=request.check_version,
    )
    return Response(202, done.made.public(), version=done.made.version, replayed=done.replayed)
