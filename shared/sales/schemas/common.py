"""The base of all request bodies: parsing reports every field at fault in one problem.

Only this folder imports pydantic, so functions that read no body do not pay for it. Each resource has its own file,
because building the models of all others as well took a hundredth of a start.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from sales.domain.characters import CharacterError, read_words
from sales.domain.problems import FIELD_ERRORS, FieldError, Problem

__all__ = [
    "LONGEST_PHONE_NUMBER",
    "PHONE_NUMBER_SCHEMA",
    "PLAIN_PATTERN",
    "Input",
    "Name",
    "json_schema",
    "parse",
    "plain",
]

# The text that `plain` accepts, as a pattern for the contract (ECMA 262); a property test compares the two. A pattern
# that clients rely on may only grow (contract/changes.py), so the released one comes first. The second lists the characters
# that are dropped at the ends and those that are refused inside; both cover only the basic plane.
_RELEASED = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_REFUSED = r"\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u2028\u2029\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_DROPPED = (
    r"\s\x1c-\x1f\x85\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800"
    r"\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
)
PLAIN_PATTERN = (
    rf"^\s*[^\s{_RELEASED}]([^{_RELEASED}]*[^\s{_RELEASED}])?\s*$"
    rf"|^[{_DROPPED}]*[^{_REFUSED}]*[^{_DROPPED}{_REFUSED}][^{_REFUSED}]*[{_DROPPED}]*$"
)
# Which numbers exist changes every month, and no pattern can say it.
LONGEST_PHONE_NUMBER = 40
PHONE_NUMBER_SCHEMA = {"type": "string", "minLength": 1, "maxLength": LONGEST_PHONE_NUMBER, "format": "phone-number"}


def plain(text: str) -> str:
    """Return a person's words as they are stored. Raise an error if they have a control character, or none to see."""
    try:
        return read_words(text)
    except CharacterError as error:
        raise PydanticCustomError(error.code, "{detail}", {"detail": error.detail}) from None


def json_schema(longest: int, pattern: str) -> WithJsonSchema:
    """Describe a text in the contract: 1 to `longest` characters that match the pattern."""
    return WithJsonSchema({"type": "string", "minLength": 1, "maxLength": longest, "pattern": pattern})


Name = Annotated[str, StringConstraints(max_length=150), AfterValidator(plain), json_schema(150, PLAIN_PATTERN)]


class Input(BaseModel):
    """A request body: a JSON object with these fields and no others."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    def meaning(self) -> dict[str, Any]:
        """Return what the request says, for its fingerprint: a field at its default is the same as one left out."""
        return self.model_dump(exclude_defaults=True)

    @classmethod
    def faults(cls, body: Mapping[str, Any]) -> list[FieldError]:
        """Return the errors of fields taken together. A validator of the model would run only if each field is valid."""
        return []


_CODES = {
    "missing": ("required", "is required"),
    "extra_forbidden": ("unknown_field", "is not a field of this request"),
    "string_type": ("invalid_type", "must be a string"),
    "dict_type": ("invalid_type", "must be an object"),
    "bool_type": ("invalid_type", "must be true or false"),
    # The only one is `sms_blocked`.
    "literal_error": ("invalid_type", "must be false: only the network sets it"),
    "string_unicode": ("control_character", "must be valid Unicode"),
    "string_too_long": ("too_long", "must have at most {max_length} characters"),
    # Of objects.
    "too_long": ("too_long", "must have at most {max_length} entries"),
    "too_short": ("too_short", "must have at least {min_length} entry"),
    "string_too_short": ("too_short", "must have at least {min_length} characters"),
}
# Fields of answers that requests do not have: "read_only" is clearer than "unknown_field".
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
    # Pydantic adds "[key]" where the name of an object's member is at fault.
    path = [str(part) for part in error["loc"] if part != "[key]"]
    name = "/".join(part.replace("~", "~0").replace("/", "~1") for part in path)
    # The caller chose the field's name, so it may be any text.
    name = name[:100].encode("utf-8", "replace").decode()
    kind = error["type"]
    if kind == "extra_forbidden" and name in _READ_ONLY:
        return FieldError(f"/{name}", "read_only", "is set by the system")
    if kind in FIELD_ERRORS:
        return FieldError(f"/{name}", kind, error["msg"])
    # Clients must not rely on codes of pydantic's.
    code, detail = _CODES.get(kind, ("invalid", "is not valid"))
    return FieldError(f"/{name}", code, detail.format(**error.get("ctx", {})))


def parse[Model: Input](
    model: type[Model],
    body: dict[str, Any],
    *,
    currency: str = "",
    country: str = "",
    languages: Callable[[], Collection[str]] = tuple,
    max_segments: int = 0,
) -> Model:
    """Return the validated body. Raise Problem `validation_failed` with every field at fault.

    `currency` and `country` are the shop's own, for amounts without a currency and numbers without a calling code. `languages` returns
    those of the shop's wording, and is called only if the body needs them; `max_segments` is the most that a text may have.
    """
    context = {"currency": currency, "country": country, "languages": languages, "max_segments": max_segments}
    errors = model.faults(body)
    try:
        validated = model.model_validate(body, context=context)
    except ValidationError as invalid:
        errors += (_field_error(error) for error in invalid.errors(include_url=False, include_input=False))
    if errors:
        raise Problem("validation_failed", errors=errors)
    return validated
