"""GET customers: lists customers, newest first, or searches them, as JSON or as a CSV file."""

from sales.api.endpoint import Request, Response, endpoint
from sales.api.paging import read_page
from sales.store import store

_FILTERS = ("phone_number", "email", "code", "sms_opted_out", "sms_blocked")


@endpoint(scope="sales:read")
def handler(request: Request) -> Response:
    """200 with a page; filters phone_number, email, code, sms_opted_out and sms_blocked, or instead of them search."""
    query = read_page(request, "customers", "search", *_FILTERS)
    if text := query.filters.get("search"):
        # Late: starts that list need nothing of it.
        from sales.services.search import search_customers

        return query.answer([customer.public() for customer in search_customers(text)[: query.limit]])
    if query.follows is not None:
        # Late: people rarely turn the page, and a thief turns them all.
        from sales.runtime import metrics

        metrics.count("CustomerPages")
    page = store().customers.page(query.filters, follows=query.follows, limit=query.limit)
    return query.answer([customer.public() for customer in page.rows], page.next)
