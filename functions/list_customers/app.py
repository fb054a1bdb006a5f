"""GET customers: lists customers, newest first."""

from sales.api.endpoint import Request, Response, endpoint
from sales.api.paging import read_page
from sales.domain.customers import Customer
from sales.store import store


@endpoint(scope="sales:read")
def handler(request: Request) -> Response:
    """200 with a page; filters phone_number, email and code."""
    asked = read_page(request, "customers", "phone_number", "email", "code")
    page = store().customers(asked.filters, follows=asked.follows, limit=asked.limit)
    return asked.answer([Customer.from_item(item).public() for item in page.items], page.next)
