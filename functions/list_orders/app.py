"""GET orders: lists orders, newest first."""

from sales.api.endpoint import Request, Response, endpoint
from sales.api.paging import read_page
from sales.domain.orders import Order
from sales.store import Page, store


@endpoint(scope="sales:read")
def handler(request: Request) -> Response:
    """200 with a page; filters customer, sms_status, reference, order_date_from (inclusive) and order_date_to."""
    query = read_page(request, "orders", "customer", "sms_status", "reference", "order_date_from", "order_date_to")
    page: Page[Order] = store().orders.page(
        query.filters, since=query.since, until=query.until, follows=query.follows, limit=query.limit
    )
    return query.answer([order.public() for order in page.rows], page.next)
