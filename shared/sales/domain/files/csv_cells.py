"""Cells of CSV files, as we write them and as we read them: no spreadsheet takes what we write for a formula.

A spreadsheet calculates a cell that begins with one of these signs, whatever it says: a name could send the other cells to a
stranger, and a phone number becomes a rounded sum. With an apostrophe in front the cell is text.
https://owasp.org/www-community/attacks/CSV_Injection
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["CUSTOMER_COLUMNS", "ORDER_COLUMNS", "read_cell", "write_cell", "write_list"]

# The columns of lists as files: the fields of the API, those of an order's SMS behind `sms_`. An order has its customer's
# number too, by which an import in another system finds them; the history of its SMS is a list, which no cell can hold.
CUSTOMER_COLUMNS = (
    "id", "code", "name", "phone_number", "email", "language", "created_at", "created_by", "updated_at", "updated_by",
    "version", "sms_opted_out", "sms_blocked",
)  # fmt: skip
ORDER_COLUMNS = (
    "id", "code", "customer", "customer_code", "customer_name", "customer_phone_number", "item", "amount", "currency",
    "status", "order_date", "created_by", "reference", "version", "sms_status", "sms_to", "sms_text", "sms_segments",
    "sms_encoding", "sms_language", "sms_attempts", "sms_message_id", "sms_cost", "sms_reason", "sms_due_at",
    "sms_updated_at",
)  # fmt: skip

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_cell(text: str) -> str:
    """Return the text with an apostrophe in front if a spreadsheet could take it for a formula.

    `read_cell` returns the text again, also one that begins with apostrophes of its own.
    """
    return f"'{text}" if _is_formula_behind_apostrophes(text) else text


def read_cell(text: str) -> str:
    """Return the cell without the apostrophe that keeps spreadsheets from taking it for a formula; others stay."""
    return text[1:] if text.startswith("'") and _is_formula_behind_apostrophes(text) else text


def _is_formula_behind_apostrophes(text: str) -> bool:
    return text.lstrip("'").startswith(_STARTS_FORMULA)


def write_list(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows of the API's JSON as a CSV file (RFC 4180) with a header. Null is an empty cell.

    The fields of an object inside a row are columns behind its name (`sms_status`); fields that are not columns are left out.
    """
    # Late: few lists are files.
    import csv
    import io

    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(columns)
    for row in rows:
        cells = {name: value for name, value in row.items() if not isinstance(value, Mapping)}
        for name, inner in row.items():
            if isinstance(inner, Mapping):
                cells |= {f"{name}_{field}": value for field, value in inner.items()}
        writer.writerow([_cell(cells.get(column)) for column in columns])
    return file.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else write_cell(str(value))
