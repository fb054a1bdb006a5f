"""Request bodies of orders."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from sales.domain.ids import LONGEST_REFERENCE
from sales.domain.money import AMOUNT_PATTERN, CURRENCIES, AmountError, active_currency, check_decimals, parse_amount
from sales.schemas.common import PLAIN_PATTERN, Input, json_schema, plain

__all__ = ["Amount", "CustomerRef", "ItemName", "NewOrder", "Priced"]


def _amount(value: Any, info: ValidationInfo) -> Decimal:
    try:
        amount = parse_amount(value)
        # If pydantic dropped `currency` it was invalid and has its own error; the decimals are unknown then.
        currency = info.data.get("currency", "") or ("currency" in info.data and (info.context or {}).get("currency"))
        return check_decimals(amount, currency) if currency else amount
    except AmountError as error:
        raise PydanticCustomError(error.code, "{detail}", {"detail": error.detail}) from None


def _currency(text: str) -> str:
    try:
        return active_currency(text)
    except ValueError as error:
        raise PydanticCustomError("unknown_currency", "{detail}", {"detail": str(error)}) from None


ItemName = Annotated[str, StringConstraints(max_length=120), AfterValidator(plain), json_schema(120, PLAIN_PATTERN)]
Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": AMOUNT_PATTERN},
                {"type": "number", "exclusiveMinimum": 0},
            ],
            "description": "Above 0 and at most 9999999999.99, with no more decimals than the currency has, and written without "
            "an exponent. Best sent as a string.",
            "examples": ["56000.68"],
        }
    ),
]
Currency = Annotated[
    str,
    StringConstraints(min_length=3, max_length=3),
    AfterValidator(_currency),
    WithJsonSchema({"type": "string", "enum": sorted(CURRENCIES)}),
]
CustomerRef = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Reference = Annotated[
    str,
    StringConstraints(max_length=LONGEST_REFERENCE),
    AfterValidator(plain),
    json_schema(LONGEST_REFERENCE, PLAIN_PATTERN),
]


class Priced(Input):
    """A body with an amount in a currency, whose order may text its customer."""

    # Before the amount, because the currency decides how many decimals an amount may have.
    currency: Currency | None = Field(
        default=None, description="An ISO 4217 code; the default is the shop's own currency."
    )
    sms: Annotated[
        bool,
        BeforeValidator(lambda value: value is None or value),
        WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "null"}]}),
    ] = Field(
        default=True,
        description="`false`: the order texts nobody, until a person sends its text. The default is `true`.",
    )


class NewOrder(Priced):
    """A new order."""

    customer: CustomerRef = Field(description="The customer's id or code.", examples=["<id>"])
    item: ItemName = Field(examples=["macbook m2"])
    amount: Amount
    reference: Reference | None = Field(default=None, description="Your own id of the order; unique per client.")
