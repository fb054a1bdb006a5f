"""POST /webhooks/africastalking/optout/{secret}: a recipient wants no more texts."""

from sales.api.endpoint import Request, Response, endpoint
from sales.api.webhooks import read_number
from sales.domain import clock
from sales.runtime import log
from sales.store import store


@endpoint(scope=None)
def handler(request: Request) -> Response:
    """200; the number gets no texts from then on, and every customer who has it shows that."""
    number = read_number(request)
    count = store().customers.opt_out(number, clock.now())
    log.info("opt-out", phone_number=number, count=count)
    return Response(200, {"status": "ok"})
