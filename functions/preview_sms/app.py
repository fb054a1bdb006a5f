"""POST sms/preview: the text an order would send, what it costs and which characters make it expensive."""

from sales.api.endpoint import Request, Response, endpoint
from sales.runtime.settings import settings
from sales.schemas.previews import SmsPreview
from sales.services.place_order import customer_for_order
from sales.services.sms.content import Addressee
from sales.services.sms.preview import preview, wording_to_try


@endpoint(scope="sales:write", audited=False)
def handler(request: Request) -> Response:
    """200 with text, encoding, segments, costly characters, folded text and estimated price; stores and sends nothing."""
    fields, customer, wording = customer_for_order(SmsPreview, request.json())
    currency = fields.currency or settings().default_currency
    if fields.wording is not None:
        wording = wording_to_try(fields.wording)
    addressee = customer or Addressee(fields.name or "", phone_number=fields.phone_number or "")
    return Response(200, preview(wording, addressee, fields.item, fields.amount, currency, asked=fields.sms))
