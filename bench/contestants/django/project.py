"""Django REST Framework: models with an ORM, model serializers, generic views, cursor pagination.

The same project in a Lambda and as a server under gunicorn; on PostgreSQL, or on SQLite where DATABASE is a path.
"""

import json
import os
import sys
import uuid

import django
from django.conf import settings

if not settings.configured:
    database = os.environ["DATABASE"]
    settings.configure(
        SECRET_KEY="bench",  # noqa: S106 - nothing here is signed with it
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        INSTALLED_APPS=["rest_framework"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database, "OPTIONS": {"timeout": 20}}
            if database.startswith("/")
            else {
                "ENGINE": "django.db.backends.postgresql",
                "CONN_MAX_AGE": None,
                **dict(part.split("=") for part in database.split()),
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        REST_FRAMEWORK={
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
            "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
            # A head start: this verifies no token and sends no text. original.py does both.
            "DEFAULT_AUTHENTICATION_CLASSES": [],
            "DEFAULT_PERMISSION_CLASSES": [],
            "UNAUTHENTICATED_USER": None,
        },
    )
    django.setup()

from django.core.wsgi import get_wsgi_application
from django.db import connection, models
from django.urls import path
from rest_framework import generics, pagination, serializers


class Customer(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    code = models.CharField(max_length=8, unique=True)
    name = models.CharField(max_length=150)
    phone_number = models.CharField(max_length=16, db_index=True)
    email = models.EmailField(db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "sales"

    def __str__(self):
        return self.code

    def save(self, *args, **kwargs):
        self.code = self.code or uuid.uuid4().hex[:8].upper()
        super().save(*args, **kwargs)


class Order(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT)
    item = models.CharField(max_length=120)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    status = models.CharField(max_length=16, default="created")
    sms_status = models.CharField(max_length=16, default="queued", db_index=True)
    message_id = models.CharField(max_length=64, default="", db_index="SMS_ENDPOINT" in os.environ)
    order_date = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        app_label = "sales"

    def __str__(self):
        return str(self.id)


class CustomerSerializer(serializers.ModelSerializer):
    class Meta:
        model = Customer
        fields = ("id", "code", "name", "phone_number", "email", "created_at")
        read_only_fields = ("id", "code", "created_at")


class OrderSerializer(serializers.ModelSerializer):
    class Meta:
        model = Order
        fields = ("id", "customer", "item", "amount", "status", "sms_status", "order_date")
        read_only_fields = ("id", "status", "sms_status", "order_date")


class Pages(pagination.CursorPagination):
    page_size = 25
    ordering = "-order_date"


class Customers(generics.ListCreateAPIView):
    queryset = Customer.objects.all()
    serializer_class = CustomerSerializer
    pagination_class = Pages


class Orders(generics.ListCreateAPIView):
    queryset = Order.objects.all()
    serializer_class = OrderSerializer
    pagination_class = Pages


urlpatterns = [path("api/v1/sales/customers", Customers.as_view()), path("api/v1/sales/orders", Orders.as_view())]
application = get_wsgi_application()


def prepare() -> str:
    """Create the tables, a customer and 200 orders; print the customer's id."""
    with connection.schema_editor() as editor:
        editor.create_model(Customer)
        editor.create_model(Order)
    customer = Customer.objects.create(name="john doe", phone_number="+254704590344", email="example@gmail.com")
    for _ in range(200):
        Order.objects.create(customer=customer, item="macbook m2", amount="56000.68")
    return str(customer.id)


def statements(method, path, body, headers):
    """Print how many SQL statements a warm request makes."""
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            answer = Client().generic(method, path, body or "", content_type="application/json", headers=headers)
    assert answer.status_code < 300, answer.content
    return len(captured)


def main():
    command, *arguments = sys.argv[1:]
    print(prepare() if command == "prepare" else statements(*json.loads(arguments[0])))


if __name__ == "__main__":
    main()
