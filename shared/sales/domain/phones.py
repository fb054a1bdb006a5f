"""Phone numbers as they are stored, sent and shown: in E.164, masked in logs and most answers.

`sales.schemas.phone_numbers` reads what people write.
"""

from sales.domain.characters import is_invisible
from sales.domain.countries import calling_code_of

__all__ = ["compact_number", "is_e164", "mask"]

# The fewest digits that a masked number hides.
_HIDDEN = 2
_SHOWN_LAST = 4
_PLUS = frozenset("+\uff0b\ufe62")
# Next to the characters that Unicode calls dashes and brackets: the minus sign, and dots of several widths.
_SEPARATORS = frozenset("\u2212.\uff0e\u2024\u00b7")
_SEPARATOR_CATEGORIES = frozenset({"Pd", "Ps", "Pe"})


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


def compact_number(text: str) -> str:
    """Return the digits of a number as people write it, after a plus sign if there is one.

    Spaces, dashes, dots and brackets of any kind and invisible characters do not count. Raise ValueError for characters that
    no number has.
    """
    from unicodedata import category, decimal

    visible = "".join(character for character in text if not (character.isspace() or is_invisible(character)))
    if visible[:4].lower() == "tel:":
        visible = visible[4:]
    compact = ""
    for character in visible:
        if character.isdecimal():
            compact += str(decimal(character))
        elif character in _PLUS and not compact:
            compact = "+"
        elif character not in _SEPARATORS and category(character) not in _SEPARATOR_CATEGORIES:
            raise ValueError("must have only digits, spaces, dashes, dots and brackets, and one + in front of them")
    return compact
