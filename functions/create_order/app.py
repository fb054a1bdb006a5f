"""POST orders: creates an order, stored together with the text that its customer gets."""

from sales.api.endpoint import Request, Response, endpoint
from sales.domain import clock
from sales.domain.ids import order_id
from sales.domain.orders import Order
from sales.runtime.settings import settings
from sales.schemas.orders import NewOrder
from sales.services.place_order import customer_for_order, fingerprints, place_order
from sales.services.sms.content import order_content


@endpoint(scope="sales:write")
def handler(request: Request) -> Response:
    """201 with the order, its text queued, or with `"sms": false` none.

    The same Idempotency-Key again: the same order; with another request: 422.
    """
    key = request.idempotency_key
    fields, customer, wording = customer_for_order(NewOrder, request.json())
    config = settings()
    currency = fields.currency or config.default_currency
    meaning, otherwise = fingerprints(fields, customer, config.default_currency)
    name = order_id(request.caller, key)
    order = Order.new(
        id=name,
        customer=customer,
        item=fields.item,
        amount=fields.amount,
        currency=currency,
        reference=fields.reference,
        content=order_content(wording, customer, name, fields.item, fields.amount, currency) if fields.sms else None,
        now=clock.now(),
        caller=request.caller,
        fingerprint=meaning,
        allowed=config.sms_allowed,
    )
    done = place_order(order, customer, otherwise)
    return Response.created(done.made, f"orders/{done.made.id}", replayed=done.replayed)
