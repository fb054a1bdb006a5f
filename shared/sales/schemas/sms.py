"""The request bodies about texts."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from sales.domain.problems import FieldError
from sales.schemas.common import PLAIN_PATTERN, Input, Name, json_schema, plain
from sales.schemas.orders import Amount, CustomerRef, ItemName, Priced

__all__ = ["Resend", "SmsPreview"]

Reason = Annotated[str, StringConstraints(max_length=200), AfterValidator(plain), json_schema(200, PLAIN_PATTERN)]


class SmsPreview(Priced):
    """An order-like input whose text is to be shown; exactly one of `customer` and `name`."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": [one], "properties": {one: {"type": "string"}, other: {"type": "null"}}}
                for one, other in (("customer", "name"), ("name", "customer"))
            ]
        }
    )

    customer: CustomerRef | None = None
    name: Name | None = None
    item: ItemName
    amount: Amount

    @classmethod
    def faults(cls, body: Mapping[str, Any]) -> list[FieldError]:
        """Both of `customer` and `name`, or neither."""
        if (body.get("customer") is None) != (body.get("name") is None):
            return []
        return [FieldError("", "one_of", "must have either customer or name")]


class Resend(Input):
    """Why a text is to be sent again."""

    reason: Reason = Field(examples=["the customer lost the phone"])
