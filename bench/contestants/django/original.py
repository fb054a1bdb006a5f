"""The project as the original does it: it verifies the token and sends the text within the request that creates the order.

The issuer's keys are fetched once a process, which is kinder than life. The SMS client is Africa's Talking's own.
"""

import os
from functools import cache

import project
import requests
from africastalking.SMS import SMSService
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db.models import F
from django.urls import path
from jose import JWTError, jwt
from rest_framework import authentication, exceptions, parsers, permissions, response, views

ISSUER, AUDIENCE = os.environ["OKTA_ISSUER"], os.environ["OKTA_AUDIENCE"]
settings.ROOT_URLCONF = __name__


@cache
def keys():
    return requests.get(f"{ISSUER}/v1/keys", timeout=5).json()


@cache
def sms():
    service = SMSService("sandbox", os.environ["SMS_API_KEY"])
    service._baseUrl = f"{os.environ['SMS_ENDPOINT']}/version1"  # noqa: SLF001 - the SDK has no other way
    return service


class Client:
    """The holder of a token."""

    is_authenticated = True


class Token(authentication.BaseAuthentication):
    """Verify an access token of the issuer, RS256."""

    def authenticate(self, request):
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            claims = jwt.decode(token, keys(), algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER)
        except JWTError:
            raise exceptions.AuthenticationFailed from None
        return Client(), claims

    def authenticate_header(self, request):
        return "Bearer"


class Customers(project.Customers):
    authentication_classes = (Token,)
    permission_classes = (permissions.IsAuthenticated,)


class Orders(project.Orders):
    authentication_classes = (Token,)
    permission_classes = (permissions.IsAuthenticated,)

    def perform_create(self, serializer):
        order = serializer.save()
        text = (
            f"Dear {order.customer.name}, your order for {order.item} costing KES {order.amount} has been created "
            "successfully. Thank you for choosing us!"
        )
        answer = sms().send(text, [order.customer.phone_number])
        recipient = answer["SMSMessageData"]["Recipients"][0]
        order.message_id, order.sms_status = recipient["messageId"], "sent"
        order.save(update_fields=["message_id", "sms_status"])


class DeliveryReport(views.APIView):
    parser_classes = (parsers.FormParser,)

    def post(self, request, secret):
        if secret != os.environ["WEBHOOK_SECRET"]:
            raise exceptions.NotFound
        state = {"Success": "delivered", "Failed": "failed"}.get(request.data["status"])
        found = project.Order.objects.filter(message_id=request.data["id"])
        # Store every state as it is reported.
        found.update(sms_status=state or F("sms_status"))
        return response.Response({"status": "ok"})


class Pending(views.APIView):
    """Answer, for the bench, how many texts are not known to be delivered yet."""

    def get(self, request):
        return response.Response(project.Order.objects.filter(sms_status="sent").count())


urlpatterns = [
    path("api/v1/sales/customers", Customers.as_view()),
    path("api/v1/sales/orders", Orders.as_view()),
    path("webhooks/africastalking/delivery/<str:secret>", DeliveryReport.as_view()),
    path("pending", Pending.as_view()),
]
application = get_wsgi_application()

if __name__ == "__main__":
    project.main()
