"""Request bodies of texts."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from sales.domain.problems import FieldError
from sales.schemas.common import PLAIN_PATTERN, Input, Name, json_schema, plain
from sales.schemas.orders import Amount, CustomerRef, ItemName, Priced

__all__ = ["Resend", "SmsPreview"]

Reason = Annotated[str, StringConstraints(max_length=200), AfterValidator(plain), json_schema(200, PLAIN_PATTERN)]


class SmsPreview(Priced):
    """An order whose text to preview, with either `customer` or `name`."""

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
        """Return an error unless the body has exactly one of `customer` and `name`."""
        if (body.get("customer") is None) != (body.get("name") is None):
            return []
        return [FieldError("", "one_of", "must have exactly one of customer and name")]


class Resend(Input):
    """The reason to send a text again."""

    reason: Reason = Field(examples=["the customer lost the phone"])
