"""Request bodies of customers."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from sales.schemas.common import Input, Name, json_schema
from sales.schemas.phone_numbers import read_number

__all__ = ["LONGEST_PHONE_NUMBER", "PHONE_NUMBER_SCHEMA", "CustomerChanges", "Email", "NewCustomer"]

# Deliberately modest (the WHATWG's pattern): only a mail can tell whether the address works.
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
# Which numbers exist changes every month, and no pattern can say it.
LONGEST_PHONE_NUMBER = 40
PHONE_NUMBER_SCHEMA = {"type": "string", "minLength": 1, "maxLength": LONGEST_PHONE_NUMBER, "format": "phone-number"}
# The check below as a pattern for the contract (ECMA 262); a property test compares the two.
_EMAIL_PATTERN = rf"^[^\S\x1c-\x1f]*{_EMAIL.pattern}[^\S\x1c-\x1f]*$"


def _phone(text: str, info: ValidationInfo) -> str:
    try:
        return read_number(text, (info.context or {})["country"])
    except ValueError as error:
        raise PydanticCustomError("number_not_reachable", "{detail}", {"detail": str(error)}) from None


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise PydanticCustomError("invalid_email", "must be an e-mail address, such as name@example.com")
    return text


PhoneNumber = Annotated[
    str,
    StringConstraints(max_length=LONGEST_PHONE_NUMBER),
    AfterValidator(_phone),
    WithJsonSchema(PHONE_NUMBER_SCHEMA),
]
Email = Annotated[
    str,
    StringConstraints(max_length=254, strip_whitespace=True),
    AfterValidator(_email),
    json_schema(254, _EMAIL_PATTERN),
]


class NewCustomer(Input):
    """A new customer."""

    name: Name = Field(description="The name as texts write it.", examples=["john doe"])
    phone_number: PhoneNumber = Field(
        description="A mobile or landline number in any usual form, with + and its calling code unless it is of the "
        "shop's country. Answers have E.164.",
        examples=["+254704590344"],
    )
    email: Email = Field(description="Customers may share an address.", examples=["example@gmail.com"])


class CustomerChanges(Input):
    """The fields of a customer to change; fields left out stay as they are."""

    name: Name = ""
    phone_number: PhoneNumber = ""
    email: Email = ""
    sms_opted_out: bool = False
    # Only the network sets it.
    sms_blocked: Literal[False] = False
