"""What a caller may send: the request bodies, every field at fault found at once.

Pydantic is imported here only, so that functions which read no body do not pay for it.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from sales.errors import FIELD_ERRORS, FieldError, Problem
from sales.money import CURRENCIES, AmountError, check_decimals, parse_amount
from sales.phones import parse_phone_number

__all__ = [
    "PHONE_NUMBER_PATTERN", "CustomerChanges", "NewCustomer", "NewOrder", "Resend", "SmsPreview", "parse",
]  # fmt: skip

# Control and format characters (C0, C1, line and paragraph separators, bidirectional overrides, zero width) have no
# place in a name, and in a log or a text they can pass for something else.
_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_CONTROL = re.compile(f"[{_CONTROLS}]")
# Deliberately modest (WHATWG's idea of an address): whether mail arrives only a mail can tell.
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)


def _plain(text: str) -> str:
    text = text.strip()
    if _CONTROL.search(text):
        raise PydanticCustomError("control_character", "must not contain control characters")
    if not text:
        raise PydanticCustomError("required", "must not be empty")
    return text


def _phone(text: str) -> str:
    try:
        return parse_phone_number(text)
    except ValueError as error:
        raise PydanticCustomError("invalid_phone_number", "{detail}", {"detail": str(error)}) from None


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise PydanticCustomError("invalid_email", "must be an e-mail address such as name@example.com")
    return text


def _amount(value: Any, info: ValidationInfo) -> Decimal:
    try:
        amount = parse_amount(value)
        # Without a currency in the data the one given was no currency, and says so itself.
        currency = info.data.get("currency", "") or ("currency" in info.data and (info.context or {}).get("currency"))
        return check_decimals(amount, currency) if currency else amount
    except AmountError as error:
        raise PydanticCustomError(error.code, "{detail}", {"detail": error.detail}) from None


def _currency(text: str) -> str:
    if text not in CURRENCIES:
        raise PydanticCustomError("unknown_currency", "must be an ISO 4217 code such as KES")
    return text


# What the checks above take, as patterns for the contract (ECMA 262); a property test holds one against the other.
_PLAIN_PATTERN = rf"^\s*[^\s{_CONTROLS}]([^{_CONTROLS}]*[^\s{_CONTROLS}])?\s*$"
_SEPARATED = r"[ ().\-]*"
_KENYA = r"2[ ().\-]*5[ ().\-]*4[ ().\-]*"
_PLUS = r"(\+|0[ ().\-]*0)[ ().\-]*"
PHONE_NUMBER_PATTERN = (
    rf"^{_SEPARATED}(({_PLUS})?{_KENYA}(0{_SEPARATED})?|0{_SEPARATED})?[71]({_SEPARATED}[0-9]){{8}}{_SEPARATED}$"
    rf"|^{_SEPARATED}{_PLUS}(?!{_KENYA})[1-9]({_SEPARATED}[0-9]){{6,14}}{_SEPARATED}$"
)
_EMAIL_PATTERN = rf"^[^\S\x1c-\x1f]*{_EMAIL.pattern}[^\S\x1c-\x1f]*$"


def _schema(longest: int, pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "minLength": 1, "maxLength": longest, "pattern": pattern})


Name = Annotated[str, StringConstraints(max_length=150), AfterValidator(_plain), _schema(150, _PLAIN_PATTERN)]
PhoneNumber = Annotated[
    str, StringConstraints(max_length=40), AfterValidator(_phone), _schema(40, PHONE_NUMBER_PATTERN)
]
Email = Annotated[
    str,
    StringConstraints(max_length=254, strip_whitespace=True),
    AfterValidator(_email),
    _schema(254, _EMAIL_PATTERN),
]
ItemName = Annotated[str, StringConstraints(max_length=120), AfterValidator(_plain), _schema(120, _PLAIN_PATTERN)]
Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]{1,10}(\.[0-9]{1,3})?$"},
                {"type": "number", "exclusiveMinimum": 0},
            ],
            "description": "Above 0, at most 9999999999.99, with at most the currency's decimals; best sent as a string.",
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
Reference = Annotated[str, StringConstraints(max_length=100), AfterValidator(_plain), _schema(100, _PLAIN_PATTERN)]
Reason = Annotated[str, StringConstraints(max_length=200), AfterValidator(_plain), _schema(200, _PLAIN_PATTERN)]


class Input(BaseModel):
    """A request body: a JSON object with these fields and no others."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    @classmethod
    def faults(cls, body: Mapping[str, Any]) -> list[FieldError]:
        """What is wrong with the fields together. A validator of the model would be asked only where each is right."""
        return []


class NewCustomer(Input):
    """A customer to be created."""

    name: Name = Field(description="As it is to be written in texts.", examples=["john doe"])
    phone_number: PhoneNumber = Field(
        description="Kenyan in any usual form, else E.164. Answered in E.164.", examples=["+254704590344"]
    )
    email: Email = Field(description="Need not be unique.", examples=["example@gmail.com"])


class CustomerChanges(Input):
    """The fields of a customer to be changed; those left out stay."""

    name: Name = ""
    phone_number: PhoneNumber = ""
    email: Email = ""
    sms_opted_out: bool = False


class _Priced(Input):
    # Before the amount, whose decimals depend on it.
    currency: Currency | None = Field(default=None, description="ISO 4217; the shop's own currency when left out.")


class NewOrder(_Priced):
    """An order to be created."""

    customer: CustomerRef = Field(description="The customer's id or code.", examples=["<id>"])
    item: ItemName = Field(examples=["macbook m2"])
    amount: Amount
    reference: Reference | None = Field(default=None, description="Your own id of the order, unique for your client.")


class SmsPreview(_Priced):
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


_CODES = {
    "missing": ("required", "must be given"),
    "extra_forbidden": ("unknown_field", "is not a field of this request"),
    "string_type": ("invalid_type", "must be a string"),
    "bool_type": ("invalid_type", "must be true or false"),
    "string_unicode": ("control_character", "must be valid Unicode"),
    "string_too_long": ("too_long", "must have at most {max_length} characters"),
    "string_too_short": ("too_short", "must have at least {min_length} characters"),
}
# Fields that answers have and requests do not: worth a clearer word than "unknown".
_READ_ONLY = frozenset(
    {
        "id",
        "code",
        "version",
        "created_at",
        "updated_at",
        "order_date",
        "status",
        "sms",
        "customer_code",
        "customer_name",
    }
)


def _field_error(error: Any) -> FieldError:
    name = "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in error["loc"])
    # A field name is the caller's own text and may be anything.
    name = name[:100].encode("utf-8", "replace").decode()
    kind = error["type"]
    if kind == "extra_forbidden" and name in _READ_ONLY:
        return FieldError(f"/{name}", "read_only", "is made by the system")
    if kind in FIELD_ERRORS:
        return FieldError(f"/{name}", kind, error["msg"])
    # A kind of pydantic's that nobody thought of is no code to rely on.
    code, detail = _CODES.get(kind, ("invalid", "is not valid"))
    return FieldError(f"/{name}", code, detail.format(**error.get("ctx", {})))


def parse[Model: Input](model: type[Model], body: dict[str, Any], *, currency: str = "") -> Model:
    """The validated body. Raises Problem `validation_failed` with every field at fault.

    `currency` is the shop's own, for amounts that come without one.
    """
    errors = model.faults(body)
    try:
        given = model.model_validate(body, context={"currency": currency})
    except ValidationError as invalid:
        errors += (_field_error(error) for error in invalid.errors(include_url=False, include_input=False))
    if errors:
        raise Problem("validation_failed", errors=errors)
    return given
