"""The limits and columns of import files, and the result of a row, for both formats."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sales.domain.problems import FieldError, Problem

__all__ = [
    "LARGEST_FILE",
    "MOST_ROWS",
    "RESULT_COLUMNS",
    "Columns",
    "Result",
    "check_columns",
    "check_count",
    "read_text",
]

# In bytes. The limits keep an import within the time that one request has.
LARGEST_FILE = 1_000_000
MOST_ROWS = 1000
# A file may have as many wrong columns as bytes; an answer names this many.
_MOST_ERRORS = 100
_LONGEST_NAME = 100
_BOM = b"\xef\xbb\xbf"
_SAVE_AS = 'save it as "CSV UTF-8", then send that file'


class Columns(NamedTuple):
    """The columns of an import: those that are read, those of them that a file must have, and those that it may have."""

    fields: Collection[str]
    required: Collection[str]
    ignored: Collection[str]


class Result(NamedTuple):
    """The result of a row: `created`, `unchanged`, or `refused` with a sentence that says why."""

    result: str
    id: str = ""
    code: str = ""
    error: str = ""


RESULT_COLUMNS = Result._fields


def read_text(raw: bytes) -> str:
    """Return the file's text without a byte order mark.

    Raise Problem `invalid_file` for a workbook, for any other encoding than UTF-8, and for letters that were lost before.
    """
    if raw.startswith(b"PK\x03\x04"):
        raise Problem("invalid_file", f"This is a workbook: {_SAVE_AS}.")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Problem("invalid_file", f"The file is in UTF-16: {_SAVE_AS}.")
    try:
        text = raw.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        raise _unreadable(raw.count(b"\n", 0, error.start) + 1) from None
    # Programs put this character in place of one that they could not read.
    if "\ufffd" in text:
        raise _unreadable(_line(text, "\ufffd"))
    if "\0" in text:
        raise Problem("invalid_file", f"Line {_line(text, '\0')} has a NUL character: {_SAVE_AS}.")
    return text


def _unreadable(line: int) -> Problem:
    return Problem("invalid_file", f"A letter in line {line} is not in UTF-8: open the file, {_SAVE_AS}.")


def _line(text: str, character: str) -> int:
    return text.count("\n", 0, text.index(character)) + 1


def check_count(rows: int) -> None:
    """Raise Problem `too_many_rows` if a file may not have so many."""
    if rows > MOST_ROWS:
        raise Problem("too_many_rows", f"The file has {rows:,} rows: send at most {MOST_ROWS:,} at a time.")


def check_columns(names: Sequence[str], columns: Columns, *, nameless: str = "") -> None:
    """Raise Problem `unknown_column` with each column that is unknown or repeated, or missing although it is required.

    `nameless` says which column has cells but no name, if one has.
    """
    known = {*columns.fields, *columns.ignored, *RESULT_COLUMNS}
    errors = [
        FieldError(_pointer(name), "unknown_field", "is not a column of this file")
        for name in names
        if name not in known
    ]
    errors += [
        FieldError(_pointer(name), "repeated", "must be one column") for name in sorted(known) if names.count(name) > 1
    ]
    errors += [FieldError(_pointer(name), "required", "is missing") for name in columns.required if name not in names]
    if nameless:
        errors.append(FieldError("/", "unknown_field", nameless))
    if errors:
        wrong = ", ".join(error.pointer[1:] or "one without a name" for error in errors[:5])
        raise Problem("unknown_column", f"These columns are wrong: {wrong}.", errors=errors[:_MOST_ERRORS])


def _pointer(name: str) -> str:
    """Return the column as a JSON pointer. The caller chose the name, so it may be any text."""
    return "/" + name.replace("~", "~0").replace("/", "~1")[:_LONGEST_NAME].encode("utf-8", "replace").decode()
