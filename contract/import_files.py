"""The files of imports in the document: media types, and an example of each, sent and answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sales.domain.files.import_file import LARGEST_FILE, MOST_ROWS, Columns, Result
from sales.domain.files.reading import CSV, JSON_LINES, read_file
from sales.services.imports import customers, orders

__all__ = ["IMPORT_FILES", "ImportFile"]


@dataclass(frozen=True)
class ImportFile:
    """An import's columns, and an example of a file in each format with the results of its rows."""

    columns: Columns
    examples: Mapping[str, str]
    results: tuple[Result, ...]

    def sent(self) -> dict[str, Any]:
        """Return the content of a request, by media type."""
        return {
            # Of format `binary`, as tools know a file by.
            media_type: {
                "schema": {"type": "string", "format": "binary", "description": self._description()},
                "example": example,
            }
            for media_type, example in self.examples.items()
        }

    def answered(self) -> dict[str, Any]:
        """Return the content of the answer, by media type."""
        return {
            media_type: {
                "schema": {
                    "type": "string",
                    "description": "The same file, with `result` (`created`, `unchanged` or `refused`), `id`, `code` and `error`.",
                },
                "example": read_file(media_type, example.encode(), self.columns).with_results(self.results),
            }
            for media_type, example in self.examples.items()
        }

    def _description(self) -> str:
        optional = [name for name in self.columns.fields if name not in self.columns.required]
        return (
            f"In UTF-8, at most {MOST_ROWS:,} rows and {LARGEST_FILE:,} bytes. Columns, in any order: "
            f"{', '.join(f'`{name}`' for name in self.columns.required)}"
            f"{'; and if you like ' + ', '.join(f'`{name}`' for name in optional) if optional else ''}."
        )


IMPORT_FILES: Mapping[str, ImportFile] = {
    "import_customers": ImportFile(
        customers.COLUMNS,
        {
            CSV: "name,phone_number,email\njohn doe,+254704590344,example@gmail.com\nmary wanjiku,2.54700E+11,mary@example.com\n",
            JSON_LINES: '{"name": "john doe", "phone_number": "+254704590344", "email": "example@gmail.com"}\n'
            '{"name": "mary wanjiku", "phone_number": "2.54700E+11", "email": "mary@example.com"}\n',
        },
        (
            Result("created", "1d5f84a1-22c7-8b3e-9a41-5a0d5c2be710", "5XQ2-M7KD"),
            Result(
                "refused",
                error="phone_number: was rounded to 2.54700E+11 by a spreadsheet: format the column as text, then enter it again",
            ),
        ),
    ),
    "import_orders": ImportFile(
        orders.COLUMNS,
        {
            CSV: "reference,customer,item,amount\nINV-1001,5XQ2-M7KD,macbook m2,56000.68\n",
            JSON_LINES: '{"reference": "INV-1001", "customer": "5XQ2-M7KD", "item": "macbook m2", "amount": "56000.68"}\n',
        },
        (Result("created", "7c0e1b52-6f3d-8a94-b1c8-0e9d4f7a2365", "GDHB-VLUZ"),),
    ),
}
