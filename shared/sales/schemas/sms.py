"""Request bodies of texts that are sent again."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from sales.schemas.common import PLAIN_PATTERN, Input, json_schema, plain

__all__ = ["Resend"]

Reason = Annotated[str, StringConstraints(max_length=200), AfterValidator(plain), json_schema(200, PLAIN_PATTERN)]


class Resend(Input):
    """The reason to send a text again."""

    reason: Reason = Field(examples=["the customer lost the phone"])
