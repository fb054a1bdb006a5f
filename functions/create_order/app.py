"""POST orders: creates an order, which is stored with the text its customer gets."""

from sales.api.endpoint import Request, Response, endpoint
from sales.domain import clock
from sales.domain.ids import fingerprint, order_id
from sales.domain.orders import Order
from sales.runtime.settings import settings
from sales.schemas.orders import NewOrder
from sales.services.order_sms import order_text
from sales.services.place_order import customer_for_order, place


@endpoint(scope="sales:write")
def handler(request: Request) -> Response:
    """201 with the order, its text queued. The same Idempotency-Key again: the order that is there."""
    key = request.idempotency_key
    body = request.json()
    given, customer = customer_for_order(NewOrder, body)
    currency = given.currency or settings().default_currency
    order = Order.new(
        id=order_id(request.caller, key),
        customer=customer,
        item=given.item,
        amount=given.amount,
        currency=currency,
        reference=given.reference,
        content=order_text(customer.name, given.item, given.amount, currency),
        now=clock.now(),
        client=request.caller.client,
        fingerprint=fingerprint(body),
        shards=settings().list_shards,
    )
    stored, replayed = place(order, customer)
    return Response.created(stored, f"orders/{stored.id}", replayed=replayed)
