"""Models of the answers: the contract is made from them, and tests check real answers against them."""

from collections.abc import Callable, Collection
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from sales.domain.ids import ALPHABET
from sales.domain.money import CURRENCIES, WITHDRAWN
from sales.domain.orders import MOST_QUEUED
from sales.domain.problems import FIELD_ERRORS, PROBLEMS
from sales.domain.sms.states import Cause, Status
from sales.schemas.languages import LANGUAGE_PATTERN
from sales.schemas.wording import TEMPLATES_SCHEMA
from sales.services.lookup import MOST_IDS

__all__ = [
    "Customer", "CustomerPage", "DayList", "Export", "GatewayMessage", "Health", "Order", "OrderPage", "Preview", "Problem",
    "SmsStatus", "Wording",
]  # fmt: skip

_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
Id = Annotated[str, Field(pattern=_UUID)]
Code = Annotated[
    str,
    Field(
        pattern=f"^[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}$",
        description="The first 40 bits of the id, for people. Requests accept it in any case, with or without the dash.",
    ),
]
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
Actor = Annotated[
    str,
    Field(
        description="A person's `uid` at the issuer, else the token's `sub`, as a digest if it could be an e-mail address; a "
        "machine's client id; `provider` for the SMS provider."
    ),
]
Language = Annotated[str, Field(pattern=LANGUAGE_PATTERN, description="A BCP 47 language tag.")]
Encoding = Literal["GSM-7", "UCS-2"]
OrderStatus = Literal["created", "cancelled"]
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
    """A customer. Name, phone number, e-mail address and language are null after an erasure."""

    id: Id
    code: Code
    name: str | None
    phone_number: PhoneNumber | None
    email: str | None
    language: Language | None = Field(description="The language to text them in; null means the shop's default.")
    created_at: Time
    created_by: Actor | None = Field(description="Who created it; null if that is not known.")
    updated_at: Time
    updated_by: Actor | None = Field(
        description="Who changed it last; null if the system itself did, or if that is not known."
    )
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
    by: Actor | None = Field(default=None, description="The caller who caused it; missing if the system itself did.")
    network: str | None = Field(
        default=None,
        pattern="^[0-9]{5,6}$",
        description="The number's mobile network by a delivery report, such as 63902 (Safaricom).",
    )
    earlier_segments: Count | None = Field(
        default=None, description="For `requested`: the segments of the text before it, if the provider accepted that."
    )
    earlier_cost: str | None = Field(default=None, description="For `requested`: what the text before it cost.")


class Sms(Answer):
    """An order's SMS and its state."""

    status: Status = Field(
        description="`queued` and `sending`: on its way. `sent`: the provider accepted it. `delivered` and "
        "`undelivered`: the network reported it. `failed`: it was certainly not sent. `unknown`: it may have been sent; "
        "only a person sends it again. `suppressed`: no text goes out."
    )
    to: Masked | None
    text: str | None = Field(description="Null if no text was asked for, and once the text is no longer kept.")
    segments: Count
    encoding: Encoding
    language: Language | None = Field(
        description="The language of the wording that the text was made from; null without a text, and for texts from before "
        "wordings had languages."
    )
    attempts: Count = Field(description="How many times we asked the provider to send it.")
    message_id: str | None
    cost: str | None = Field(description="The provider's figure, such as `KES 0.8000`.")
    reason: str | None = Field(description="The reason for the state, as a stable word.")
    due_at: Time | None = Field(description="When the next attempt is due, while it is `queued`.")
    updated_at: Time
    history: list[Event] = Field(description="Oldest first; at most 50 entries.")


class Order(Answer):
    """An order and its SMS."""

    id: Id
    code: Code
    customer: Id
    customer_code: Code
    customer_name: str | None
    item: str
    amount: Annotated[str, Field(pattern=r"^[0-9]{1,10}(\.[0-9]{1,3})?$", description="With the currency's decimals.")]
    currency: Currency
    status: OrderStatus
    order_date: Time
    created_by: Actor | None = Field(description="Who created it; null if that is not known.")
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


type Amounts = dict[Currency, Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$")]]


class Day(Answer):
    """The figures of the orders of one day of the shop."""

    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", json_schema_extra={"format": "date"})]
    orders: Count = Field(description="All orders of the day.")
    cancelled: Count = Field(description="Those of them that were cancelled, also later.")
    amounts: Amounts = Field(description="What the orders that were not cancelled came to, by currency.")
    texts: Count = Field(description="Texts of the day's orders that the provider accepted, also later.")
    segments: Count = Field(description="The segments of these texts.")
    cost: dict[str, Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$")]] = Field(
        description="What these texts cost by the provider's own figures, by currency; without those that it gave no price for."
    )
    states: dict[str, Count] = Field(description="How many orders have a text in each state.")
    reasons: dict[str, Count] = Field(description="How many orders have a text in its state for each reason.")
    counted_at: Time = Field(description="Later changes are not in the figures; they are counted soon.")
    complete: bool = Field(
        description="If false, the day has at least these figures: it has too many orders to count now."
    )


class DayList(Answer):
    """The figures of days, newest first."""

    data: list[Day]


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
    outcome: Literal["will_send", "not_asked", "opted_out", "blocked", "not_allowed", "limit"] = Field(
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


class Wording(Answer):
    """The wording of texts."""

    version: Version
    default_language: Language = Field(
        description="The language of customers who have none, or one that `created` lacks."
    )
    created: Annotated[dict[str, str], WithJsonSchema(TEMPLATES_SCHEMA)] = Field(
        description="The text of a new order, by language."
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
    request_id: str = Field(description="API Gateway's id of the request. Quote it in questions about this request.")
    errors: list[FieldProblem] | None = Field(default=None, description="Every field at fault.")
    existing_id: Id | None = Field(default=None, description="With `reference_taken`: the order with this reference.")
    ids: Annotated[list[Id], Field(min_length=2, max_length=MOST_IDS)] | None = Field(
        default=None, description=f"With `ambiguous_code`: the orders with this code, at most {MOST_IDS}."
    )
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
