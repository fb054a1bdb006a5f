"""POST /webhooks/africastalking/delivery/{secret}: what became of a text, as Africa's Talking reports it."""

from sales import clock, log
from sales.http import Request, Response, endpoint
from sales.sending import report_arrived
from sales.store import store
from sales.webhooks import read_webhook


@endpoint(scope=None)
def handler(request: Request) -> Response:
    """200 for every report that can be read, also of a message nobody knows; never sends a text."""
    report = read_webhook(request, "id", "status", "phoneNumber")
    now = clock.now()
    reason = report.get("failureReason") or None
    message = store().note_report(
        report["id"], status=report["status"], number=report["phoneNumber"], failure_reason=reason, now=now
    )
    if reason and reason.lower() == "userinblacklist":
        store().opt_out(report["phoneNumber"], now)
    state = report_arrived(store(), message, now)
    log.info("delivery report", message_id=message.id, order_id=message.order_id, state=state)
    return Response(200, {"status": "ok"})
