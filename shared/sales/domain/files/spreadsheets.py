"""Cells that a spreadsheet has changed: some we can still read, others have lost what they said, and a person must mend them.

A spreadsheet saves a column as it shows it. A long number that is not formatted as text becomes `2.54705E+11`.
"""

import re

from sales.domain.files.csv_cells import read_cell
from sales.domain.money import CURRENCIES

__all__ = ["fault", "read_field"]

# None of these begins with an apostrophe, so one in front says only that the cell is text.
_NUMBERS = frozenset({"phone_number", "customer", "amount"})
_ROUNDED = r"[+-]?\d+([.,]\d+)?E[+-]\d{2,3}"
_ERROR_VALUE = r"#(N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|SPILL!|CALC!)|Err:\d{3}"
# A number column with an empty cell in it: pandas and others write the whole column with decimals.
_WITH_DECIMALS = r"\+?\d{7,}\.0+"
_DECIMAL_COMMA = r"(\d+),(\d{1,2})"
_GROUPED = r"\d{1,3}([.,' \u00a0\u2009\u202f]\d{3})+([.,]\d+)?"
_ONE_GROUP = r"\d{1,3}\.\d{3}"
_THREE_DECIMALS = 3


def read_field(name: str, cell: str) -> str:
    """Return a cell of this column as a request would have it: without spaces and apostrophes around what it says.

    An amount with a decimal comma and one or two decimals can mean only one thing, and gets a point.
    """
    # A cell of a spreadsheet may have several lines.
    text = re.sub(r"\s*[\r\n]+\s*", " ", read_cell(cell).strip())
    if name in _NUMBERS:
        text = text.removeprefix("'").strip()
    if name == "amount" and (found := re.fullmatch(_DECIMAL_COMMA, text)):
        return f"{found[1]}.{found[2]}"
    return text


def fault(name: str, text: str, currency: str) -> str:
    """Return what a spreadsheet has done to this field, or an empty string; `currency` is the row's, for its amount."""
    if re.fullmatch(_ROUNDED, text):
        return f"was rounded to {text} by a spreadsheet: format the column as text, then enter it again"
    if re.fullmatch(_ERROR_VALUE, text):
        return f"is an error of a spreadsheet, {text}: enter it again"
    if name in ("phone_number", "customer") and re.fullmatch(_WITH_DECIMALS, text):
        return f"was written with decimals, {text}: write the column as text"
    if name == "amount" and re.fullmatch(_GROUPED, text):
        if not re.fullmatch(_ONE_GROUP, text):
            return "must be written without signs between the thousands, such as 1500.00"
        if CURRENCIES.get(currency) != _THREE_DECIMALS:
            whole, _, group = text.partition(".")
            return f"may mean {whole}{group} or {whole}.{group.rstrip('0') or '0'}: write it with two decimals, or none"
    return ""
