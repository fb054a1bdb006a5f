"""POST orders: creates an order, stored together with the text that its customer gets."""

from sales.api.endpoint import Request, Response, endpoint
from sales.domain import clock
from sales.domain.ids import fingerprint, order_id
from sales.domain.orders import Order
from sales.runtime.settings import settings
from sales.schemas.orders import NewOrder
from sales.services.place_order import customer_for_order, place_order
from sales.services.sms.content import order_content


@endpoint(scope="sales:write")
def handler(request: Request) -> Response:
    """201 with the order, its text queued. The same Idempotency-Key again: the same order; with another body: 422."""
    key = request.idempotency_key
    body = request.json()
    fields, customer = customer_for_order(NewOrder, body)
    config = settings()
    currency = fields.currency or config.default_currency
    order = Order.new(
        id=order_id(request.caller, key),
        customer=customer,
        item=fields.item,
        amount=fields.amount,
        currency=currency,
        reference=fields.reference,
        content=order_content(customer.name, fields.item, fields.amount, currency),
        now=clock.now(),
        client=request.caller.client,
        fingerprint=fingerprint(body),
        allowed=config.sms_allowed,
    )
    done = place_order(order, customer)
    return Response.created(done.made, f"orders/{done.made.id}", replayed=done.replayed)
