"""Phone numbers as they are stored, sent and shown: in E.164, masked in logs and most answers.

`sales.schemas.phone_numbers` reads what people write.
"""

from sales.domain.countries import calling_code_of

__all__ = ["is_e164", "mask"]

# The fewest digits that a masked number hides.
_HIDDEN = 2
_SHOWN_LAST = 4


def is_e164(text: str) -> bool:
    """Tell whether this is a whole international number: a plus sign and 7 to 15 digits (ITU-T E.164)."""
    digits = text[1:]
    return text[:1] == "+" and 7 <= len(digits) <= 15 and digits[0] != "0" and digits.isascii() and digits.isdigit()


def mask(number: str) -> str:
    """Return the number as logs and answers may show it: calling code, one digit, and the last four (`+2547****0344`)."""
    first = 1 + len(calling_code_of(number)) + 1
    if len(number) < first + _HIDDEN + _SHOWN_LAST:
        return "****"
    return f"{number[:first]}****{number[-_SHOWN_LAST:]}"
