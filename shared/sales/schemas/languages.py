"""The one reader of languages: a customer's, and those of the wording."""

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

__all__ = ["LANGUAGE_PATTERN", "LONGEST_LANGUAGE", "Language", "read_language"]

# Long enough for every registered language (RFC 5646, 4.4.1).
LONGEST_LANGUAGE = 35
# Language, script, region and variants (RFC 5646, 2.1). No wording differs by an extension or a private subtag.
_TAG = r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*"
LANGUAGE_PATTERN = f"^{_TAG}$"
_SCRIPT, _REGION = 4, 2


def read_language(text: str) -> str:
    """Return the BCP 47 tag in its usual case: `sw`, `sw-KE`, `ar-Latn`. Raise ValueError for anything else."""
    if len(text) > LONGEST_LANGUAGE or not re.fullmatch(_TAG, text):
        raise ValueError("must be a BCP 47 language tag, such as en or sw-KE")
    language, *rest = text.lower().split("-")
    return "-".join([language, *map(_in_usual_case, rest)])


def _in_usual_case(subtag: str) -> str:
    if len(subtag) == _SCRIPT and subtag.isalpha():
        return subtag.title()
    return subtag.upper() if len(subtag) == _REGION else subtag


def _language(text: str) -> str:
    try:
        return read_language(text)
    except ValueError as error:
        raise PydanticCustomError("invalid_language", "{detail}", {"detail": str(error)}) from None


Language = Annotated[
    str,
    AfterValidator(_language),
    WithJsonSchema({"type": "string", "minLength": 2, "maxLength": LONGEST_LANGUAGE, "pattern": LANGUAGE_PATTERN}),
]
