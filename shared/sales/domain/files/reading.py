"""The one reader of import files, by media type."""

from sales.domain.files.csv_file import CsvFile, read_csv
from sales.domain.files.import_file import Columns, read_text
from sales.domain.files.json_lines import JsonLines, read_json_lines
from sales.domain.problems import Problem

__all__ = ["CSV", "JSON_LINES", "read_file"]

CSV, JSON_LINES = "text/csv", "application/x-ndjson"


def read_file(media_type: str, raw: bytes, columns: Columns) -> CsvFile | JsonLines:
    """Return the file in a body of this media type.

    Raise Problem `unsupported_media_type`, `invalid_file`, `too_many_rows` or `unknown_column`.
    """
    if media_type == CSV:
        return read_csv(read_text(raw), columns, has_bom=raw.startswith(b"\xef\xbb\xbf"))
    if media_type == JSON_LINES:
        return read_json_lines(read_text(raw), columns)
    raise Problem("unsupported_media_type", f"Unsupported media type: send {CSV} or {JSON_LINES}.")
