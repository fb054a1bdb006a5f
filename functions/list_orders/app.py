"""GET orders: lists orders, newest first."""

from sales.api.endpoint import Request, Response, endpoint
from sales.api.paging import read_page
from sales.store import store


@endpoint(scope="sales:read")
def handler(request: Request) -> Response:
    """200 with a page; filters customer, sms_status, reference, order_date_from (inclusive) and order_date_to."""
    asked = read_page(request, "orders", "customer", "sms_status", "reference", "order_date_from", "order_date_to")
    page = store().orders.page(
        asked.filters, since=asked.since, until=asked.until, follows=asked.follows, limit=asked.limit
    )
    return asked.answer([order.public() for order in page.rows], page.next)
