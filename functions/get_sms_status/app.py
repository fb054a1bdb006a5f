"""GET sms/status: whether texts go out, the account's balance, and how many texts wait."""

from sales.api.endpoint import Request, Response, endpoint
from sales.services.sms.status import sms_status


@endpoint(scope="sales:read")
def handler(request: Request) -> Response:
    """200 with the state of sending, its reason and end, the last reading of the balance, and the texts that wait."""
    return Response(200, sms_status())
