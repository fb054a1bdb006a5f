"""The wording of a text: the template that the shop may set for each language, with its placeholders."""

import string
from collections.abc import Mapping
from typing import Any, NamedTuple

from sales.domain.characters import CONTROLS, without_invisible
from sales.domain.sms.folding import fold
from sales.domain.sms.segments import measure

__all__ = [
    "DEFAULT_TEMPLATE",
    "LONGEST_TEMPLATE",
    "MOST_LANGUAGES",
    "NO_CODE",
    "SHIPPED_LANGUAGES",
    "SHIPPED_VERSION",
    "Wording",
    "check_template",
    "least_segments",
    "shipped_wording",
    "text_template",
]

DEFAULT_TEMPLATE = (
    "Dear {name}, your order {code} for {item} costing {currency} {amount} has been created successfully. "
    "Thank you for choosing us!"
)
_SWAHILI = (
    "Mpendwa {name}, oda yako {code} ya {item} yenye thamani ya {currency} {amount} imepokelewa. Asante kwa kutuchagua!"
)
SHIPPED_LANGUAGES = frozenset({"en", "sw"})
# The shop's first own wording is the next version.
SHIPPED_VERSION = 1
MOST_LANGUAGES = 20
LONGEST_TEMPLATE = 1000
# Stands for the code of an order that does not exist yet, and takes as much room.
NO_CODE = "XXXX-XXXX"
_PLACEHOLDERS = frozenset({"name", "item", "currency", "amount", "code"})


class Wording(NamedTuple):
    """The templates of a new order's text by language, and the language of customers who have none of these."""

    version: int
    default_language: str
    created: Mapping[str, str]

    def language_for(self, language: str | None) -> str:
        """Return the language in which to text a customer of this language."""
        return language if language is not None and language in self.created else self.default_language

    def public(self) -> dict[str, Any]:
        """Return the wording as the API shows it, its languages in alphabetical order."""
        return {
            "version": self.version,
            "default_language": self.default_language,
            "created": dict(sorted(self.created.items())),
        }


def shipped_wording(configured: str) -> Wording:
    """Return the wording of a shop that has not written its own; `configured` replaces the English template."""
    return Wording(SHIPPED_VERSION, "en", {"en": text_template(configured), "sw": _SWAHILI})


def check_template(template: str, max_segments: int) -> None:
    """Raise ValueError, with a sentence about the fault, unless every order's text can be composed from it and sent."""
    if not without_invisible(template).strip():
        raise ValueError("the SMS text is empty")
    if len(template) > LONGEST_TEMPLATE:
        raise ValueError(f"the SMS text has more than {LONGEST_TEMPLATE:,} characters")
    if not CONTROLS.isdisjoint(template.replace("\n", "")):
        raise ValueError("the SMS text contains a control character")
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"the SMS text's braces do not match: {error}") from None
    for _, name, spec, conversion in parts:
        if name is not None and (name not in _PLACEHOLDERS or spec or conversion):
            raise ValueError(f"the SMS text may only have {{{'}, {'.join(sorted(_PLACEHOLDERS))}}}, not {{{name}}}")
    if (least := least_segments(template)) > max_segments:
        raise ValueError(
            f"the SMS text takes at least {least} segments, more than the {max_segments} of SmsMaxSegments"
        )


def text_template(configured: str) -> str:
    """Return the configured template, or the original's if none is configured."""
    return configured or DEFAULT_TEMPLATE


def least_segments(template: str) -> int:
    """Return how many segments the shortest text from this template has."""
    return measure(fold(template.format(name="a", item="a", currency="KES", amount="1", code=NO_CODE))).segments
