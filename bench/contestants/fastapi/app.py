"""FastAPI behind Mangum with boto3's resource: one function for the whole API, as its users build it."""

import os
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import boto3
from boto3.dynamodb.conditions import Attr, Key
from fastapi import FastAPI, HTTPException, Query
from mangum import Mangum
from pydantic import BaseModel, Field

app = FastAPI()
dynamodb = boto3.resource("dynamodb", endpoint_url=os.environ["DYNAMODB_ENDPOINT"])
customers = dynamodb.Table(os.environ["CUSTOMERS_TABLE"])
orders = dynamodb.Table(os.environ["ORDERS_TABLE"])


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


@app.post("/api/v1/sales/customers", status_code=201)
def create_customer(new: NewCustomer) -> Customer:
    code, moment = uuid.uuid4().hex[:8].upper(), _now()
    customer = Customer(**new.model_dump(), id=str(uuid.uuid4()), code=code, created_at=moment)
    keys = {"list_shard": "0", "sort_key": f"{moment}#{customer.id}", "email_key": new.email.lower()}
    customers.put_item(Item=customer.model_dump() | keys, ConditionExpression=Attr("code").not_exists())
    return customer


@app.post("/api/v1/sales/orders", status_code=201)
def create_order(new: NewOrder) -> Order:
    customer: dict[str, Any] | None = customers.get_item(Key={"code": new.customer}).get("Item")
    if customer is None:
        raise HTTPException(422, "no such customer")
    moment = _now()
    order = Order(**new.model_dump(), id=str(uuid.uuid4()), status="created", order_date=moment, sms_status="queued")
    keys = {"customer_code": customer["code"], "list_shard": "0", "sort_key": f"{moment}#{order.id}"}
    to = {"to": customer["phone_number"], "customer_name": customer["name"]}
    orders.put_item(Item=order.model_dump() | keys | to, ConditionExpression=Attr("id").not_exists())
    return order


@app.get("/api/v1/sales/orders")
def list_orders(limit: Annotated[int, Query(ge=1, le=100)] = 25) -> Page:
    found = orders.query(
        IndexName="by_date",
        KeyConditionExpression=Key("list_shard").eq("powertools"),
        ScanIndexForward=False,
        Limit=limit,
    )
    return Page(data=found["Items"], next_cursor=(found.get("LastEvaluatedKey") or {}).get("sort_key"))


handler = Mangum(app, lifespan="off")
