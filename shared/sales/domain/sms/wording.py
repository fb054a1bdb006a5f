"""The wording of a text: the shop's template with its placeholders."""

import re
import string

from sales.domain.sms.folding import fold
from sales.domain.sms.segments import measure

__all__ = ["DEFAULT_TEMPLATE", "least_segments", "text_template", "validate_template"]

DEFAULT_TEMPLATE = (
    "Dear {name}, your order for {item} costing {currency} {amount} has been created successfully. "
    "Thank you for choosing us!"
)


_PLACEHOLDERS = frozenset({"name", "item", "currency", "amount"})


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


def validate_template(template: str) -> None:
    """Raises ValueError, saying what is wrong, unless every text can be made from this template."""
    if not template.strip():
        raise ValueError("the SMS text is empty")
    if _CONTROL.search(template.replace("\n", "")):
        raise ValueError("the SMS text has a control character")
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"the SMS text's braces do not match: {error}") from None
    for _, name, spec, conversion in parts:
        if name is not None and (name not in _PLACEHOLDERS or spec or conversion):
            raise ValueError(f"the SMS text may only have {{{'}, {'.join(sorted(_PLACEHOLDERS))}}}, not {{{name}}}")


def text_template(configured: str) -> str:
    """The template to use: the configured one, else the original's. Raises ValueError for one that is not valid."""
    if not configured:
        return DEFAULT_TEMPLATE
    validate_template(configured)
    return configured


def least_segments(template: str) -> int:
    """How many segments a text from this template has at least, whatever name, item and amount are."""
    return measure(fold(template.format(name="a", item="a", currency="KES", amount="1"))).segments
