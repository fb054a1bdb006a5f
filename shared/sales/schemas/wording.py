"""The request body of the wording."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from sales.domain.problems import FieldError
from sales.domain.sms.wording import LONGEST_TEMPLATE, MOST_LANGUAGES, check_template
from sales.schemas.common import Input
from sales.schemas.languages import LANGUAGE_PATTERN, LONGEST_LANGUAGE, Language, read_language

__all__ = ["TEMPLATES_SCHEMA", "NewWording", "Template"]

# The templates that `check_template` accepts, as a pattern for the contract (ECMA 262); it cannot count segments.
_CONTROLS = r"\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_BRACES = r"\{\{|\}\}|\{(name|item|currency|amount|code)\}"
_ANY = rf"([^{{}}{_CONTROLS}]|{_BRACES})*"
# Something in it is more than space. No lookahead says so, because tools that make examples from patterns never end with one.
_TEMPLATE = rf"{_ANY}([^\s{{}}{_CONTROLS}]|{_BRACES}){_ANY}"
_TEMPLATE_SCHEMA = {"type": "string", "minLength": 1, "maxLength": LONGEST_TEMPLATE, "pattern": f"^{_TEMPLATE}$"}
TEMPLATES_SCHEMA = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": MOST_LANGUAGES,
    "propertyNames": {"minLength": 2, "maxLength": LONGEST_LANGUAGE, "pattern": LANGUAGE_PATTERN},
    "additionalProperties": _TEMPLATE_SCHEMA,
}


def _template(text: str, info: ValidationInfo) -> str:
    try:
        check_template(text, (info.context or {})["max_segments"])
    except ValueError as error:
        raise PydanticCustomError("invalid_wording", "{detail}", {"detail": str(error)}) from None
    return text


# A wording of one language. `max_segments` in the validation's context limits what it takes at least.
Template = Annotated[str, AfterValidator(_template), WithJsonSchema(_TEMPLATE_SCHEMA)]


class NewWording(Input):
    """The wording of texts, whole: a language left out has none from then on."""

    default_language: Language = Field(
        description="The language of customers who have none, or one that `created` lacks; one of `created`.",
        examples=["en"],
    )
    created: Annotated[
        dict[Language, Template],
        Field(min_length=1, max_length=MOST_LANGUAGES),
        WithJsonSchema(TEMPLATES_SCHEMA),
    ] = Field(
        description="The text of a new order by language (BCP 47), with `{name}`, `{code}`, `{item}`, `{currency}` and `{amount}`."
    )

    @classmethod
    def faults(cls, body: Mapping[str, Any]) -> list[FieldError]:
        """Return an error for each language that comes twice, in another case, and for a default that has no wording."""
        default, created = body.get("default_language"), body.get("created")
        if not isinstance(created, dict):
            return []
        errors = []
        languages: set[str] = set()
        for tag in created:
            language = _known(tag)
            if language in languages:
                pointer = f"/created/{tag}"
                errors.append(FieldError(pointer, "invalid_language", "is there twice: case does not matter"))
            elif language:
                languages.add(language)
        known_default = _known(default) if isinstance(default, str) else None
        if known_default and known_default not in languages:
            errors.append(FieldError("/default_language", "unknown_language", "must be a language of created"))
        return errors


def _known(tag: str) -> str | None:
    try:
        return read_language(tag)
    except ValueError:
        return None
