"""Models of the answers: the contract is made from them, and tests check real answers against them."""

from collections.abc import Callable, Collection
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sales.domain.ids import ALPHABET
from sales.domain.money import CURRENCIES, WITHDRAWN
from sales.domain.orders import MOST_QUEUED
from sales.domain.problems import FIELD_ERRORS, PROBLEMS
from sales.domain.sms.states import Cause, Status

__all__ = [
    "Customer", "CustomerPage", "Export", "GatewayMessage", "Health", "Order", "OrderPage", "Preview", "Problem",
    "SmsStatus",
]  # fmt: skip

_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
Id = Annotated[str, Field(pattern=_UUID)]
Code = Annotated[str, Field(pattern=f"^[{ALPHABET}]{{8}}$", description="The first 40 bits of the customer's id.")]
Time = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$",
        json_schema_extra={"format": "date-time"},
        description="UTC, with six decimals.",
    ),
]
PhoneNumber = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$", description="E.164.")]
Masked = Annotated[
    str, Field(pattern=r"^(\+[0-9]{2,4}\*{4}[0-9]{4}|\*{4})$", description="E.164 with its middle hidden.")
]
Currency = Annotated[str, Field(json_schema_extra={"enum": sorted(CURRENCIES | WITHDRAWN)}, description="ISO 4217.")]
Encoding = Literal["GSM-7", "UCS-2"]
Count = Annotated[int, Field(ge=0)]
Version = Annotated[int, Field(ge=1, description="Grows with every change. The ETag is this number in quotes.")]


def _known(codes: Collection[str]) -> Callable[[str], str]:
    def check(code: str) -> str:
        if code not in codes:
            raise ValueError("the contract does not list this code")
        return code

    return check


class Answer(BaseModel):
    """A JSON object with these fields and no others."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Customer(Answer):
    """A customer. Name, phone number and e-mail address are null after an erasure."""

    id: Id
    code: Code
    name: str | None
    phone_number: PhoneNumber | None
    email: str | None
    created_at: Time
    updated_at: Time
    version: Version
    sms_opted_out: bool = Field(description="The customer has opted out of texts.")
    sms_blocked: bool = Field(
        description="The network refuses our sender id for this number. PATCH it to false to try again."
    )


class Event(Answer):
    """One change of an order's SMS."""

    at: Time
    status: Status = Field(description="The state after the change.")
    cause: Cause | None = Field(default=None, description="What happened; missing in the first entry.")
    attempt: Count | None = Field(default=None, description="The attempt that it belongs to, counted from 1.")
    to: Masked | None = Field(default=None, description="The number that the attempt went to.")
    reason: str | None = Field(default=None, description="A stable word; for `requested`, the person's own words.")
    message_id: str | None = Field(default=None, description="The provider's id of the message.")


class Sms(Answer):
    """An order's SMS and its state."""

    status: Status = Field(
        description="`queued` and `sending`: on its way. `sent`: the provider accepted it. `delivered` and "
        "`undelivered`: the network reported it. `failed`: it was certainly not sent. `unknown`: it may have been sent; "
        "only a person sends it again. `suppressed`: no text goes out."
    )
    to: Masked | None
    text: str | None
    segments: Count
    encoding: Encoding
    attempts: Count = Field(description="How many times we asked the provider to send it.")
    message_id: str | None
    cost: str | None = Field(description="The provider's figure, such as `KES 0.8000`.")
    reason: str | None = Field(description="The reason for the state, as a stable word.")
    updated_at: Time
    history: list[Event] = Field(description="Oldest first; at most 50 entries.")


class Order(Answer):
    """An order and its SMS."""

    id: Id
    customer: Id
    customer_code: Code
    customer_name: str | None
    item: str
    amount: Annotated[str, Field(pattern=r"^[0-9]{1,10}(\.[0-9]{1,3})?$", description="With the currency's decimals.")]
    currency: Currency
    status: Literal["created", "cancelled"]
    order_date: Time
    reference: str | None
    version: Version
    sms: Sms


class _Page(Answer):
    has_more: bool
    next_cursor: str | None = Field(description="The `cursor` of the next page; null on the last page.")


class CustomerPage(_Page):
    """A page of customers, newest first."""

    data: list[Customer]


class OrderPage(_Page):
    """A page of orders, newest first."""

    data: list[Order]


class ExportedSms(Sms):
    """An order's SMS with its phone number in full."""

    to: PhoneNumber | None  # masked everywhere else


class ExportedOrder(Order):
    """An order whose SMS shows its phone number in full."""

    sms: ExportedSms


class Export(_Page):
    """Everything that is stored about a customer: the customer and a page of the orders."""

    customer: Customer
    orders: list[ExportedOrder] = Field(description="Newest first.")


class CostlyCharacter(Answer):
    """A character outside GSM-7, which turns the whole text into UCS-2."""

    character: str
    position: Count = Field(description="Its position in the text, counted from 0.")


class Price(Answer):
    """The likely price of a text."""

    amount: str
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]


class Preview(Answer):
    """A text, as composed and as it would be sent."""

    text: str
    encoding: Encoding
    segments: Count
    characters: list[CostlyCharacter]
    folded: str = Field(
        description="The text as sent: of those within the limit of segments, the one that keeps the most letters of name "
        "and item, then the cheapest."
    )
    folded_encoding: Encoding
    folded_segments: Count
    price: Price | None = Field(
        description="The least that the text as sent costs; null if the price list has no price for the number. Africa's "
        "Talking adds instructions for opting out to the first text that a number gets from an alphanumeric sender. Their "
        "length is not published; they may take another segment."
    )
    outcome: Literal["will_send", "opted_out", "blocked", "not_allowed", "limit"] = Field(
        description="`will_send`, or the reason why an order would send no text now; with `limit` it would wait for the "
        "next day."
    )


class Balance(Answer):
    """The money in the account at the SMS provider, as the provider writes it."""

    amount: Annotated[str, Field(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,8})?$")]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]


class SmsStatus(Answer):
    """Whether texts go out, and how many wait."""

    sending: Literal["on", "paused", "limited"] = Field(
        description="`on`: texts go out. `paused`: the provider refuses our configuration. `limited`: today's texts are used up."
    )
    reason: str | None = Field(description="Why texts do not go out, as a stable word; null if they do.")
    until: Time | None = Field(description="When sending is tried again; null if texts go out.")
    balance: Balance | None = Field(
        description="The last reading, at most an hour old unless it failed; null without one."
    )
    days_left: Count | None = Field(description="How many days the balance lasts; null if that is not known.")
    queued: Annotated[int, Field(ge=0, le=MOST_QUEUED, description=f"Texts that wait, counted up to {MOST_QUEUED:,}.")]
    oldest_queued_at: Time | None = Field(
        description="Since when the text that waits longest waits; null if none waits."
    )


class FieldProblem(Answer):
    """One field at fault."""

    pointer: str = Field(description="A JSON pointer into the body, or `?name` for a query parameter.")
    code: Annotated[
        str,
        AfterValidator(_known(FIELD_ERRORS)),
        Field(
            json_schema_extra={"enum": list(FIELD_ERRORS)},
            description="Stable.\n" + "\n".join(f"* `{code}`: {action}" for code, action in FIELD_ERRORS.items()),
        ),
    ]
    detail: str


class Problem(Answer):
    """Why a request failed (RFC 9457)."""

    type: Annotated[str, Field(pattern="^urn:sales:problem:[a-z_]+$")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    instance: str
    code: Annotated[
        str,
        AfterValidator(_known(PROBLEMS)),
        Field(json_schema_extra={"enum": list(PROBLEMS)}, description="Stable."),
    ]
    request_id: str = Field(description="The X-Request-Id. Quote it in questions about this request.")
    errors: list[FieldProblem] | None = Field(default=None, description="Every field at fault.")
    existing_id: Id | None = Field(default=None, description="With `reference_taken`: the order with this reference.")
    reason: str | None = Field(
        default=None, description="With `sms_suppressed`: why no text may go out, as a stable word."
    )
    current_version: Version | None = Field(
        default=None, description="With `version_mismatch`: the version to repeat the request for."
    )


class GatewayMessage(BaseModel):
    """API Gateway's own answer, without any function."""

    message: str | None


class Health(Answer):
    """The API answers."""

    status: Literal["ok"]
