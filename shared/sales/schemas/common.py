"""What a caller may send: what all request bodies have in common, every field at fault found at once.

Pydantic is imported here and in `*_inputs.py` only, so that functions which read no body do not pay for it; each of those
has the bodies of its own functions: to build those of all others as well took a hundredth of a start.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from sales.domain.problems import FIELD_ERRORS, FieldError, Problem

__all__ = ["PLAIN_PATTERN", "Input", "Name", "json_schema", "parse", "plain"]

# Control and format characters (C0, C1, line and paragraph separators, bidirectional overrides, zero width) have no
# place in a name, and in a log or a text they can pass for something else.
_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_CONTROL = re.compile(f"[{_CONTROLS}]")
# What `plain` takes, as a pattern for the contract (ECMA 262); a property test holds one against the other.
PLAIN_PATTERN = rf"^\s*[^\s{_CONTROLS}]([^{_CONTROLS}]*[^\s{_CONTROLS}])?\s*$"


def plain(text: str) -> str:
    """The text without space around it; an error for control characters, and where nothing is left."""
    text = text.strip()
    if _CONTROL.search(text):
        raise PydanticCustomError("control_character", "must not contain control characters")
    if not text:
        raise PydanticCustomError("required", "must not be empty")
    return text


def json_schema(longest: int, pattern: str) -> WithJsonSchema:
    """What the contract says of a text that takes at most so many characters."""
    return WithJsonSchema({"type": "string", "minLength": 1, "maxLength": longest, "pattern": pattern})


Name = Annotated[str, StringConstraints(max_length=150), AfterValidator(plain), json_schema(150, PLAIN_PATTERN)]


class Input(BaseModel):
    """A request body: a JSON object with these fields and no others."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    @classmethod
    def faults(cls, body: Mapping[str, Any]) -> list[FieldError]:
        """What is wrong with the fields together. A validator of the model would be asked only where each is right."""
        return []


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
