"""Request bodies of customers."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from sales.domain.sms.wording import SHIPPED_LANGUAGES
from sales.schemas.common import LONGEST_PHONE_NUMBER, PHONE_NUMBER_SCHEMA, Input, Name, json_schema
from sales.schemas.emails import EMAIL_PATTERN, LONGEST_EMAIL, read_email
from sales.schemas.languages import Language
from sales.schemas.phone_numbers import read_number

__all__ = ["CustomerChanges", "Email", "NewCustomer", "read_phone_number"]


def read_phone_number(text: str, info: ValidationInfo) -> str:
    """Return the field's number in E.164, of the country in the context where it has no calling code."""
    try:
        return read_number(text, (info.context or {})["country"])
    except ValueError as error:
        raise PydanticCustomError("number_not_reachable", "{detail}", {"detail": str(error)}) from None


def _email(text: str) -> str:
    try:
        return read_email(text)
    except ValueError as error:
        raise PydanticCustomError("invalid_email", "{detail}", {"detail": str(error)}) from None


def _worded(language: str, info: ValidationInfo) -> str:
    if language not in SHIPPED_LANGUAGES and language not in (info.context or {})["languages"]():
        raise PydanticCustomError("unknown_language", "the shop has no wording in this language")
    return language


WordedLanguage = Annotated[Language, AfterValidator(_worded)]
PhoneNumber = Annotated[
    str,
    StringConstraints(max_length=LONGEST_PHONE_NUMBER),
    AfterValidator(read_phone_number),
    WithJsonSchema(PHONE_NUMBER_SCHEMA),
]
Email = Annotated[
    str,
    StringConstraints(max_length=LONGEST_EMAIL, strip_whitespace=True),
    AfterValidator(_email),
    json_schema(LONGEST_EMAIL, EMAIL_PATTERN),
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
    language: WordedLanguage | None = Field(
        default=None,
        description="The language of texts to this customer, as a BCP 47 tag: one of the shop's wording, `en` or `sw`. `null`, the "
        "default, means the shop's default language.",
        examples=["sw"],
    )


class CustomerChanges(Input):
    """The fields of a customer to change; fields left out stay as they are."""

    name: Name = ""
    phone_number: PhoneNumber = ""
    email: Email = ""
    language: WordedLanguage | None = None
    sms_opted_out: bool = False
    # Only the network sets it.
    sms_blocked: Literal[False] = False
