"""A CSV file of an import, from whatever program: with commas, semicolons or tabs."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from sales.domain.files.csv_cells import write_cell
from sales.domain.files.import_file import RESULT_COLUMNS, Columns, Result, check_columns, check_count
from sales.domain.files.spreadsheets import read_field
from sales.domain.problems import Problem

__all__ = ["CsvFile", "Layout", "column_name", "read_csv", "read_layout", "read_records", "write_records"]

_DELIMITERS = ",;\t"


class Layout(NamedTuple):
    """How a CSV file is written: what separates its cells, and what ends its lines."""

    delimiter: str
    line_end: str


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file's rows: of each the cells that are read, by column; an empty cell is left out."""

    content_type: ClassVar = "text/csv; charset=utf-8"
    rows: list[dict[str, str]]
    has_bom: bool
    _layout: Layout
    _header: list[str]
    _names: list[str]
    _records: list[list[str]]

    def with_results(self, results: Sequence[Result]) -> str:
        """Return the file in its own layout, each row with its result, in columns at the end unless the file has them."""
        header, places = list(self._header), []
        for name in RESULT_COLUMNS:
            if name not in self._names:
                header.append(name)
                places.append(len(header) - 1)
            else:
                places.append(self._names.index(name))
        records = [header]
        for record, result in zip(self._records, results, strict=True):
            cells = record + [""] * (len(header) - len(record))
            for place, cell in zip(places, result, strict=True):
                cells[place] = cell
            records.append([_guarded(cell) for cell in cells])
        return ("\ufeff" if self.has_bom else "") + write_records(records, self._layout)


def read_csv(text: str, columns: Columns, *, has_bom: bool = False) -> CsvFile:
    """Read a file. Rows without any text do not count, nor do columns at the end without a name and any text.

    A column's name may have capitals, and spaces in place of underscores. Raise Problem `invalid_file`, `too_many_rows` or
    `unknown_column`.
    """
    layout = read_layout(text)
    numbered = [(line, cells) for line, cells in read_records(text, layout.delimiter) if any(map(str.strip, cells))]
    if not numbered:
        raise Problem("invalid_file", "The file is empty: its first line must have the names of the columns.")
    (_, header), *numbered = numbered
    check_count(len(numbered))
    names = [column_name(cell) for cell in header]
    width = max((place for place, name in enumerate(names, 1) if name), default=0)
    header, names = header[:width], names[:width]
    named = [name for name in names if name]
    check_columns(named, columns, nameless=_nameless(names, numbered))
    records = [cells[:width] + [""] * (width - len(cells)) for _, cells in numbered]
    rows = []
    for record in records:
        fields = {
            name: read_field(name, cell) for name, cell in zip(names, record, strict=True) if name in columns.fields
        }
        rows.append({name: cell for name, cell in fields.items() if cell})
    return CsvFile(rows, has_bom, layout, header, names, records)


def column_name(cell: str) -> str:
    """Return the name of the column with this cell in the first row."""
    return re.sub(r"\s+", "_", cell.strip().lower())


def read_layout(text: str) -> Layout:
    """Return how a file is written, judged by its first line with text."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    outside_quotes = re.sub(r'"[^"]*"?', "", first)
    line_end = re.search(r"\r\n|\n|\r", text)
    return Layout(max(_DELIMITERS, key=outside_quotes.count), line_end[0] if line_end else "\r\n")


def read_records(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Return the cells of each row with the number of its first line. Raise Problem `invalid_file`."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records, line = [], 1
    try:
        for record in reader:
            records.append((line, record))
            line = reader.line_num + 1
    except csv.Error:
        raise Problem(
            "invalid_file",
            f"The row in line {line} does not end: a cell with quotes needs one at each end, and two for each one inside.",
        ) from None
    return records


def write_records(records: Sequence[Sequence[str]], layout: Layout) -> str:
    """Return the rows as CSV, with quotes where they are needed."""
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=layout.delimiter, lineterminator=layout.line_end).writerows(records)
    return written.getvalue()


def _nameless(names: Sequence[str], numbered: Sequence[tuple[int, list[str]]]) -> str:
    """Return a sentence about the first cell in a column without a name, or an empty string."""
    for line, cells in numbered:
        for place, cell in enumerate(cells):
            if cell.strip() and not (place < len(names) and names[place]):
                return (
                    f"column {place + 1} has no name, but text in line {line}: put a cell with a comma or a semicolon in "
                    "quotes"
                )
    return ""


def _guarded(cell: str) -> str:
    """Return the cell as it came, but nothing that a spreadsheet would calculate."""
    return cell if cell.startswith("'") else write_cell(cell)
