"""Request bodies of customers."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from sales.domain.phones import parse_phone_number
from sales.schemas.common import Input, Name, json_schema

__all__ = ["PHONE_NUMBER_PATTERN", "CustomerChanges", "Email", "NewCustomer"]

# Deliberately modest (the WHATWG's pattern): only a mail can tell whether the address works.
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
# The checks below as patterns for the contract (ECMA 262); a property test compares the two.
_SEPARATED = r"[ ().\-]*"
_KENYA = r"2[ ().\-]*5[ ().\-]*4[ ().\-]*"
_PLUS = r"(\+|0[ ().\-]*0)[ ().\-]*"
PHONE_NUMBER_PATTERN = (
    rf"^{_SEPARATED}(({_PLUS})?{_KENYA}(0{_SEPARATED})?|0{_SEPARATED})?[71]({_SEPARATED}[0-9]){{8}}{_SEPARATED}$"
    rf"|^{_SEPARATED}{_PLUS}(?!{_KENYA})[1-9]({_SEPARATED}[0-9]){{6,14}}{_SEPARATED}$"
)
_EMAIL_PATTERN = rf"^[^\S\x1c-\x1f]*{_EMAIL.pattern}[^\S\x1c-\x1f]*$"


def _phone(text: str) -> str:
    try:
        return parse_phone_number(text)
    except ValueError as error:
        raise PydanticCustomError("invalid_phone_number", "{detail}", {"detail": str(error)}) from None


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise PydanticCustomError("invalid_email", "must be an e-mail address, such as name@example.com")
    return text


PhoneNumber = Annotated[
    str, StringConstraints(max_length=40), AfterValidator(_phone), json_schema(40, PHONE_NUMBER_PATTERN)
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
        description="A Kenyan number in any usual form, or any number in E.164. Answers have E.164.",
        examples=["+254704590344"],
    )
    email: Email = Field(description="Customers may share an address.", examples=["example@gmail.com"])


class CustomerChanges(Input):
    """The fields of a customer to change; fields left out stay as they are."""

    name: Name = ""
    phone_number: PhoneNumber = ""
    email: Email = ""
    sms_opted_out: bool = False
