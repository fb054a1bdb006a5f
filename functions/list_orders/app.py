"""GET orders: lists orders, newest first, as JSON or as a CSV file."""

from sales.api.endpoint import Request, Response, endpoint
from sales.api.paging import read_page
from sales.domain.orders import Order
from sales.store import Page, store


@endpoint(scope="sales:read")
def handler(request: Request) -> Response:
    """200 with a page; filters customer, status, sms_status, reference, order_date_from (inclusive) and order_date_to.

    A file has the customers' numbers as well, which are read with the page.
    """
    query = read_page(
        request, "orders", "customer", "status", "sms_status", "reference", "order_date_from", "order_date_to"
    )
    page: Page[Order] = store().orders.page(
        query.filters, since=query.since, until=query.until, follows=query.follows, limit=query.limit
    )
    rows = [order.public() for order in page.rows]
    if query.wants_csv:
        customers = store().customers.get_many(order.customer_code for order in page.rows)
        for order, row in zip(page.rows, rows, strict=True):
            if customer := customers.get(order.customer_code):
                row["customer_phone_number"] = customer.phone_number
    return query.answer(rows, page.next)
