"""GET customers/{customer}/export: everything that is held about a customer."""

from sales.api.endpoint import Request, Response, endpoint
from sales.api.paging import LARGEST_LIMIT, read_page
from sales.domain.orders import Order
from sales.services.erase import held_about
from sales.services.lookup import find_customer
from sales.store import store


@endpoint(scope="sales:read")
def handler(request: Request) -> Response:
    """200 with the customer and a page of their orders, numbers and texts in full."""
    customer = find_customer(request.parameters["customer"])
    asked = read_page(request, f"export of {customer.id}", limit=LARGEST_LIMIT)
    page = store().orders({"customer": customer.id}, since=None, until=None, follows=asked.follows, limit=asked.limit)
    orders = [held_about(Order.from_item(item)) for item in page.items]
    return asked.answer(orders, page.next, within="orders", customer=customer.public())
