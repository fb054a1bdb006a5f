"""GET customers: lists customers, newest first."""

from sales.customers import Customer
from sales.http import Request, Response, endpoint
from sales.lists import read_page
from sales.store import store


@endpoint(scope="sales:read")
def handler(request: Request) -> Response:
    """200 with a page; filters phone_number, email and code."""
    asked = read_page(request, "customers", "phone_number", "email", "code")
    page = store().customers(asked.filters, follows=asked.follows, limit=asked.limit)
    return asked.answer([Customer.from_item(item).public() for item in page.items], page.next)
