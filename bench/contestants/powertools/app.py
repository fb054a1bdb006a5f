"""The usual template: Powertools' resolver with validation, Tracer, Logger, Metrics and Idempotency, and boto3's resource."""

import os
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent
from boto3.dynamodb.conditions import Attr, Key
from pydantic import BaseModel, Field

logger, tracer, metrics = Logger(service="sales"), Tracer(service="sales"), Metrics(namespace="Sales", service="sales")
app = APIGatewayHttpResolver(enable_validation=True)
dynamodb = boto3.resource("dynamodb", endpoint_url=os.environ["DYNAMODB_ENDPOINT"])
customers = dynamodb.Table(os.environ["CUSTOMERS_TABLE"])
orders = dynamodb.Table(os.environ["ORDERS_TABLE"])
persistence = DynamoDBPersistenceLayer(
    table_name="idempotency",
    boto3_client=boto3.client("dynamodb", endpoint_url=os.environ["DYNAMODB_ENDPOINT"]),
)
idempotency = IdempotencyConfig(
    event_key_jmespath='headers."idempotency-key"', raise_on_no_idempotency_key=True, use_local_cache=False
)


class NewCustomer(BaseModel):
    name: str = Field(min_length=1, max_length=150)
    phone_number: str = Field(pattern=r"^\+[1-9][0-9]{6,14}$")
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")


class Customer(NewCustomer):
    id: str
    code: str
    created_at: str


class NewOrder(BaseModel):
    customer: str
    item: str = Field(min_length=1, max_length=120)
    amount: Decimal = Field(gt=0, max_digits=12, decimal_places=2)


class Order(NewOrder):
    id: str
    status: str
    order_date: str
    sms_status: str


class Page(BaseModel):
    data: list[Order]
    next_cursor: str | None = None


def _now() -> str:
    return datetime.now(UTC).isoformat()


@app.post("/api/v1/sales/customers")
@tracer.capture_method
def create_customer(new: NewCustomer) -> Response[Customer]:
    code, moment = uuid.uuid4().hex[:8].upper(), _now()
    customer = Customer(**new.model_dump(), id=str(uuid.uuid4()), code=code, created_at=moment)
    keys = {"list_shard": "0", "sort_key": f"{moment}#{customer.id}", "email_key": new.email.lower()}
    customers.put_item(Item=customer.model_dump() | keys, ConditionExpression=Attr("code").not_exists())
    metrics.add_metric(name="CustomersCreated", unit=MetricUnit.Count, value=1)
    logger.info("customer created", customer_id=customer.id)
    return Response(201, "application/json", customer)


@app.post("/api/v1/sales/orders")
@tracer.capture_method
def create_order(new: NewOrder) -> Response[Order]:
    customer = customers.get_item(Key={"code": new.customer}).get("Item")
    if customer is None:
        raise NotFoundError("no such customer")
    moment = _now()
    order = Order(**new.model_dump(), id=str(uuid.uuid4()), status="created", order_date=moment, sms_status="queued")
    keys = {"customer_code": customer["code"], "list_shard": "0", "sort_key": f"{moment}#{order.id}"}
    to = {"to": customer["phone_number"], "customer_name": customer["name"]}
    orders.put_item(Item=order.model_dump() | keys | to, ConditionExpression=Attr("id").not_exists())
    metrics.add_metric(name="OrdersCreated", unit=MetricUnit.Count, value=1)
    logger.info("order created", order_id=order.id)
    return Response(201, "application/json", order)


@app.get("/api/v1/sales/orders")
@tracer.capture_method
def list_orders(limit: Annotated[int, Query(ge=1, le=100)] = 25) -> Page:
    found = orders.query(
        IndexName="by_date",
        KeyConditionExpression=Key("list_shard").eq("powertools"),
        ScanIndexForward=False,
        Limit=limit,
    )
    return Page(data=found["Items"], next_cursor=(found.get("LastEvaluatedKey") or {}).get("sort_key"))


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def read(event, context):
    return app.resolve(event, context)


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
@idempotent(config=idempotency, persistence_store=persistence)
def write(event, context):
    return app.resolve(event, context)


processor = BatchProcessor(event_type=EventType.DynamoDBStreams)
if os.environ["_HANDLER"].endswith(".send_sms"):
    import requests


@tracer.capture_method
def record_handler(record: DynamoDBRecord):
    order = record.dynamodb.new_image
    orders.update_item(
        Key={"id": order["id"]},
        UpdateExpression="SET sms_status = :sending",
        ConditionExpression=Attr("sms_status").eq("queued"),
        ExpressionAttributeValues={":sending": "sending"},
    )
    answer = requests.post(
        os.environ["SMS_ENDPOINT"] + "/version1/messaging",
        data={"username": "sandbox", "to": order["to"], "message": f"Dear {order['customer_name']}, thank you!"},
        headers={"ApiKey": "key", "Accept": "application/json"},
        timeout=10,
    ).json()
    orders.update_item(
        Key={"id": order["id"]},
        UpdateExpression="SET sms_status = :sent, message_id = :id",
        ExpressionAttributeValues={":sent": "sent", ":id": answer["SMSMessageData"]["Recipients"][0]["messageId"]},
    )
    metrics.add_metric(name="TextsSent", unit=MetricUnit.Count, value=1)
    logger.info("text sent", order_id=order["id"])


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def send_sms(event, context):
    return process_partial_response(event, record_handler, processor, context)
