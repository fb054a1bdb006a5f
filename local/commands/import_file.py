"""`make import`: sends a file of customers or orders to the API in parts, and keeps the file with the result of each row.

It sends to the running system, or with URL and TOKEN in the environment to any other. Killed and started again, it sends the
whole file again: rows that were stored before come back as `unchanged`.

  python -m local.commands.import_file customers.csv
"""

import os
import secrets
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.commands.cli import run
from local.commands.remote_api import BASE, Api, ApiError
from local.commands.token import NoTokenError
from sales.domain.files.csv_file import column_name, read_layout, read_records, write_records
from sales.domain.files.import_file import LARGEST_FILE, MOST_ROWS, read_text
from sales.domain.files.reading import CSV, JSON_LINES
from sales.domain.json_objects import parse_json
from sales.domain.problems import Problem

__all__ = ["ImportFileError", "import_file", "result_path", "send"]

_SHOWN_ROWS = 10
_KINDS = ("customers", "orders")


class ImportFileError(Exception):
    """The file could not be imported; the message says why and what to do."""


@dataclass(frozen=True)
class Part:
    """Some rows of a file, as a file of their own; `first` is the number of the first row."""

    text: str
    first: int
    rows: int


@dataclass(frozen=True)
class File:
    """A file as it is sent: its parts, and how to read what comes back."""

    media_type: str
    delimiter: str
    columns: frozenset[str]
    parts: tuple[Part, ...]

    @classmethod
    def read(cls, path: Path) -> "File":
        """Return the file in its parts. Raise ImportFileError if it cannot be read."""
        try:
            raw = path.read_bytes()
            text = read_text(raw)
            is_json = path.suffix.lower() in {".ndjson", ".jsonl"}
            return cls._of_json_lines(text) if is_json else cls._of_csv(text, raw.startswith(b"\xef\xbb\xbf"))
        except OSError as error:
            raise ImportFileError(f"{path} cannot be read: {error.strerror}") from None
        except Problem as problem:
            raise ImportFileError(f"{path}: {problem.detail}") from None

    @classmethod
    def _of_csv(cls, text: str, has_bom: bool) -> "File":
        layout = read_layout(text)
        records = [cells for _, cells in read_records(text, layout.delimiter) if any(map(str.strip, cells))]
        head = "\ufeff" if has_bom else ""
        head += write_records(records[:1], layout)
        rows = [write_records([cells], layout) for cells in records[1:]]
        columns = frozenset(column_name(cell) for cell in records[0]) if records else frozenset()
        return cls(CSV, layout.delimiter, columns, tuple(_parts(rows, head)))

    @classmethod
    def _of_json_lines(cls, text: str) -> "File":
        rows = [f"{line}\n" for line in text.split("\n") if line.strip()]
        columns = frozenset(parse_json(rows[0].encode())) if rows else frozenset()
        return cls(JSON_LINES, "", columns, tuple(_parts(rows, "")))

    def kind(self) -> str:
        """Return what the file holds, judged by its columns: `customers` or `orders`. Raise ImportFileError."""
        of_orders, of_customers = (
            self.columns & {"item", "amount", "customer"},
            self.columns & {"phone_number", "email"},
        )
        if bool(of_orders) == bool(of_customers):
            raise ImportFileError("The columns do not say what the file holds. Name it: TYPE=customers or TYPE=orders.")
        return "orders" if of_orders else "customers"

    def rows_of(self, answer: str) -> list[dict[str, Any]]:
        """Return the rows of an answer."""
        if self.media_type == JSON_LINES:
            return [parse_json(line.encode()) for line in answer.split("\n") if line]
        records = [cells for _, cells in read_records(answer.removeprefix("\ufeff"), self.delimiter)]
        names = [column_name(cell) for cell in records[0]]
        return [dict(zip(names, cells, strict=True)) for cells in records[1:]]

    def without_head(self, answer: str) -> str:
        """Return the answer to a further part without what only the first part of a file has."""
        if self.media_type == JSON_LINES:
            return answer
        layout = read_layout(answer.removeprefix("\ufeff"))
        records = read_records(answer.removeprefix("\ufeff"), layout.delimiter)
        return write_records([cells for _, cells in records[1:]], layout)


def _parts(rows: Sequence[str], head: str) -> Iterator[Part]:
    """Yield parts that the API accepts: not too many rows, not too many bytes."""
    start, size = 0, len(head.encode())
    for place, row in enumerate(rows):
        length = len(row.encode())
        if place - start == MOST_ROWS or (place > start and size + length > LARGEST_FILE):
            yield Part(head + "".join(rows[start:place]), start + 1, place - start)
            start, size = place, len(head.encode())
        size += length
    if start < len(rows) or not rows:
        yield Part(head + "".join(rows[start:]), start + 1, len(rows) - start)


def send(api: Api, kind: str, media_type: str, text: str) -> str:
    """Return the answer to a file. Raise ImportFileError."""
    path = f"{BASE}/{kind}/import"
    try:
        answer = api.send("POST", path, {"Content-Type": media_type}, text.encode())
    except ApiError as error:
        raise ImportFileError(f"{error} Send the file again: nothing is stored twice.") from None
    return answer.content.decode()


def result_path(path: Path) -> Path:
    """Return where the file with the results is written: next to the file."""
    return path.with_name(f"{path.stem}-result{path.suffix}")


def send_file(api: Api, file: File, kind: str, name: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Send the parts one after the other; yield the text of each answer for the file of results, and its rows."""
    total, counts = sum(part.rows for part in file.parts), Counter[str]()
    for part in file.parts:
        try:
            answer = send(api, kind, file.media_type, part.text)
        except ImportFileError as error:
            where = f"{name}, rows {part.first:,} to {part.first + part.rows - 1:,}: " if len(file.parts) > 1 else ""
            raise ImportFileError(f"{where}{error}") from None
        rows = file.rows_of(answer)
        counts.update(row["result"] for row in rows)
        said = ", ".join(f"{counts[result]:,} {result}" for result in ("created", "unchanged", "refused"))
        print(f"{name}: {part.first + part.rows - 1:,} of {total:,} rows: {said}", flush=True)
        yield answer if part.first == 1 else file.without_head(answer), rows


def import_file(path: Path, api: Api, kind: str = "") -> int:
    """Import the file, and write the one with the results next to it; return how many rows were refused."""
    file = File.read(path)
    kind = kind or file.kind()
    if kind not in _KINDS:
        raise ImportFileError(f"TYPE is one of {' and '.join(_KINDS)}.")
    target = result_path(path)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    refused: list[tuple[int, str]] = []
    number = 0
    try:
        with os.fdopen(
            os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline=""
        ) as results:
            for text, rows in send_file(api, file, kind, path.name):
                results.write(text)
                for row in rows:
                    number += 1
                    if row["result"] == "refused":
                        refused.append((number, row["error"]))
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    for row_number, error in refused[:_SHOWN_ROWS]:
        print(f"  row {row_number:,}: {error}")
    if len(refused) > _SHOWN_ROWS:
        print(f"  and {len(refused) - _SHOWN_ROWS:,} more")
    again = ": correct the refused rows there and import it again" if refused else ""
    print(f"The result of each row is in {target}{again}.")
    return len(refused)


def main() -> int:
    """Import the file named on the command line; 1 if a row was refused."""
    if len(sys.argv) != 2 or not sys.argv[1]:
        print("Name the file: make import FILE=customers.csv", file=sys.stderr)
        return 1
    try:
        return (
            1 if import_file(Path(sys.argv[1]), Api.of_environment("sales:manage"), os.environ.get("TYPE", "")) else 0
        )
    except (ImportFileError, ApiError, NoTokenError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    run(main)
