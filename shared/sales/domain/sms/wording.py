"""The wording of a text: the template that the shop may set, with its placeholders."""

import string

from sales.domain.characters import CONTROLS
from sales.domain.sms.folding import fold
from sales.domain.sms.segments import measure

__all__ = ["DEFAULT_TEMPLATE", "least_segments", "text_template", "validate_template"]

DEFAULT_TEMPLATE = (
    "Dear {name}, your order for {item} costing {currency} {amount} has been created successfully. "
    "Thank you for choosing us!"
)
_PLACEHOLDERS = frozenset({"name", "item", "currency", "amount"})


def validate_template(template: str) -> None:
    """Raise ValueError, with a sentence about the fault, unless every order's text can be composed from it."""
    if not template.strip():
        raise ValueError("the SMS text is empty")
    if not CONTROLS.isdisjoint(template.replace("\n", "")):
        raise ValueError("the SMS text contains a control character")
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"the SMS text's braces do not match: {error}") from None
    for _, name, spec, conversion in parts:
        if name is not None and (name not in _PLACEHOLDERS or spec or conversion):
            raise ValueError(f"the SMS text may only have {{{'}, {'.join(sorted(_PLACEHOLDERS))}}}, not {{{name}}}")


def text_template(configured: str) -> str:
    """Return the configured template, or the original's if none is configured. Raise ValueError if it is invalid."""
    if not configured:
        return DEFAULT_TEMPLATE
    validate_template(configured)
    return configured


def least_segments(template: str) -> int:
    """Return how many segments the shortest text from this template has."""
    return measure(fold(template.format(name="a", item="a", currency="KES", amount="1"))).segments
