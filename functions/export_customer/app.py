"""GET customers/{customer}/export: everything that we hold about a customer."""

from sales.api.endpoint import Request, Response, endpoint
from sales.api.paging import LARGEST_LIMIT, read_page
from sales.runtime import metrics
from sales.services.erase import held_about
from sales.services.lookup import find_customer
from sales.store import store


@endpoint(scope="sales:manage", audited=True)
def handler(request: Request) -> Response:
    """200 with the customer and a page of their orders, numbers and texts in full."""
    customer = find_customer(request.parameters["customer"])
    query = read_page(request, f"export of {customer.id}", limit=LARGEST_LIMIT)
    if query.follows is None:
        metrics.count("Exports")
    page = store().orders.page(
        {"customer": customer.id}, since=None, until=None, follows=query.follows, limit=query.limit
    )
    orders = [held_about(order) for order in page.rows]
    return query.answer(orders, page.next, within="orders", customer=customer.public())
