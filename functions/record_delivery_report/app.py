"""POST /webhooks/africastalking/delivery/{secret}: what became of a text, as Africa's Talking reports it."""

from sales.api.endpoint import Request, Response, endpoint
from sales.api.webhooks import read_report
from sales.domain import clock
from sales.runtime import log
from sales.services.sms.delivery_reports import report_arrived
from sales.store import store


@endpoint(scope=None)
def handler(request: Request) -> Response:
    """200 for every report that can be read, also if its message is unknown; never sends a text."""
    message_id, report, network = read_report(request)
    now = clock.now()
    message = store().provider_messages.add_report(message_id, report, network, now)
    log.about(order_id=message.order_id)
    state = report_arrived(store(), message, now)
    log.info("delivery report", message_id=message.id, state=state)
    return Response(200, {"status": "ok"})
