"""POST orders/{order}/cancel: cancels an order."""

from sales.api.endpoint import Request, Response, endpoint
from sales.domain import clock
from sales.domain.orders import Order
from sales.services.lookup import find_order
from sales.store import store


@endpoint(scope="sales:write")
def handler(request: Request) -> Response:
    """200 with the order, also when it was cancelled before; a text that no sender has claimed yet is suppressed."""

    def cancel(current: Order) -> Order | None:
        request.check_version(current.version)
        return None if current.status == "cancelled" else current.cancelled(clock.now(), by=request.caller.actor)

    order = store().orders.change(find_order(request.parameters["order"]), cancel)
    return Response(200, order.public(), version=order.version)
