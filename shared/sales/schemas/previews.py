"""Request bodies of previews."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, WithJsonSchema

from sales.domain.problems import FieldError
from sales.schemas.common import LONGEST_PHONE_NUMBER, PHONE_NUMBER_SCHEMA, Name
from sales.schemas.orders import Amount, CustomerRef, ItemName, Priced
from sales.schemas.wording import Template

__all__ = ["SmsPreview"]


def _phone_number(text: str, info: ValidationInfo) -> str:
    # Late: few previews have a number, and libphonenumber takes a tenth of a start.
    from sales.schemas.customers import read_phone_number

    return read_phone_number(text, info)


PhoneNumber = Annotated[
    str,
    StringConstraints(max_length=LONGEST_PHONE_NUMBER),
    AfterValidator(_phone_number),
    WithJsonSchema(PHONE_NUMBER_SCHEMA),
]


class SmsPreview(Priced):
    """An order whose text to preview, with either `customer` or `name`: with both or neither it is refused."""

    customer: CustomerRef | None = None
    name: Name | None = None
    phone_number: PhoneNumber | None = Field(
        default=None,
        description="The number of the person with this `name`, who is not a customer yet: for its price, and whether it gets texts.",
    )
    item: ItemName
    amount: Amount
    wording: Template | None = Field(
        default=None, description="A wording to try in place of the shop's own, which stays as it is."
    )

    @classmethod
    def faults(cls, body: Mapping[str, Any]) -> list[FieldError]:
        """Return an error unless the body has exactly one of `customer` and `name`, and a number only with the name."""
        if (body.get("customer") is None) == (body.get("name") is None):
            return [FieldError("", "one_of", "must have exactly one of customer and name")]
        if body.get("customer") is not None and body.get("phone_number") is not None:
            return [FieldError("/phone_number", "one_of", "must be left out: the customer has a number")]
        return []
