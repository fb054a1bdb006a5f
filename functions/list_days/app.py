"""GET days: what each day of the shop came to."""

from sales.api.endpoint import Request, Response, endpoint
from sales.api.paging import read_days
from sales.services.days import figures_of


@endpoint(scope="sales:manage")
def handler(request: Request) -> Response:
    """200 with the figures of the days from `from` to `to` (inclusive, the last 31 by default), newest first."""
    first, last = read_days(request)
    return Response(200, {"data": figures_of(first, last)})
