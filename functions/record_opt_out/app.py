"""POST /webhooks/africastalking/optout/{secret}: a recipient wants no more texts."""

from sales.api.endpoint import Request, Response, endpoint
from sales.api.webhooks import read_opt_out
from sales.domain import clock
from sales.domain.caller import PROVIDER
from sales.runtime import log
from sales.services.sms.consent import opt_out
from sales.store import store


@endpoint(scope=None)
def handler(request: Request) -> Response:
    """200; the number gets no texts from then on, and every customer who has it shows that.

    An opt-out from a sender id that is not ours is only logged.
    """
    number, is_ours = read_opt_out(request)
    customers = opt_out(store(), number, clock.now(), by=PROVIDER.actor) if is_ours else []
    log.about(customer_ids=customers)
    log.info("opt-out" if is_ours else "opt-out from another sender id", phone_number=number, count=len(customers))
    return Response(200, {"status": "ok"})
