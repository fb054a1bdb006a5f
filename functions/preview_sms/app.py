"""POST sms/preview: the text an order would send, what it costs and which characters make it expensive."""

from sales.api.endpoint import Request, Response, endpoint
from sales.runtime.settings import settings
from sales.schemas.sms import SmsPreview
from sales.services.place_order import customer_for_order
from sales.services.sms.preview import preview


@endpoint(scope="sales:write")
def handler(request: Request) -> Response:
    """200 with text, encoding, segments, costly characters, folded text and estimated price; stores and sends nothing."""
    fields, customer = customer_for_order(SmsPreview, request.json())
    currency = fields.currency or settings().default_currency
    return Response(200, preview(customer, fields.name, fields.item, fields.amount, currency))
