"""POST /webhooks/africastalking/delivery/{secret}: what became of a text, as Africa's Talking reports it."""

from sales import clock, log
from sales.http import Request, Response, endpoint
from sales.sending import report_arrived
from sales.store import Report, store
from sales.webhooks import read_webhook


@endpoint(scope=None)
def handler(request: Request) -> Response:
    """200 for every report that can be read, also of a message nobody knows; never sends a text."""
    form = read_webhook(request, "id", "status", "phoneNumber")
    report = Report(form["phoneNumber"], form["status"], form.get("failureReason", ""))
    now = clock.now()
    message = store().note_report(form["id"], report, now)
    if report.number and report.failure_reason.lower() == "userinblacklist":
        store().opt_out(report.number, now)
    state = report_arrived(store(), message, now)
    log.info("delivery report", message_id=message.id, order_id=message.order_id, state=state)
    return Response(200, {"status": "ok"})
