"""GET customers: lists customers, newest first."""

from sales.api.endpoint import Request, Response, endpoint
from sales.api.paging import read_page
from sales.store import store


@endpoint(scope="sales:read")
def handler(request: Request) -> Response:
    """200 with a page; filters phone_number, email, code, sms_opted_out and sms_blocked."""
    query = read_page(request, "customers", "phone_number", "email", "code", "sms_opted_out", "sms_blocked")
    page = store().customers.page(query.filters, follows=query.follows, limit=query.limit)
    return query.answer([customer.public() for customer in page.rows], page.next)
