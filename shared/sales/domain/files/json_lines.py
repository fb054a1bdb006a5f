"""A file of an import with one JSON object a line (https://github.com/ndjson/ndjson-spec)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sales.domain.files.import_file import RESULT_COLUMNS, Columns, Result, check_columns, check_count
from sales.domain.json_objects import parse_json
from sales.domain.problems import Problem

__all__ = ["JsonLines", "read_json_lines"]


@dataclass(frozen=True, slots=True)
class JsonLines:
    """A file's rows: of each the members that are read; null is left out."""

    content_type: ClassVar = "application/x-ndjson"
    rows: list[dict[str, Any]]
    _lines: list[str]

    def with_results(self, results: Sequence[Result]) -> str:
        """Return the file with each row's result at the end of its object."""
        written = []
        for line, result in zip(self._lines, results, strict=True):
            members = json.dumps({name: value or None for name, value in result._asdict().items()}, ensure_ascii=False)
            written.append(f"{line[:-1]}, {members[1:]}\n" if line != "{}" else f"{members}\n")
        return "".join(written)


def read_json_lines(text: str, columns: Columns) -> JsonLines:
    """Read a file. Empty lines do not count. Raise Problem `invalid_file`, `too_many_rows` or `unknown_column`."""
    # Not splitlines: JSON's strings may have other characters that end lines.
    numbered = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not numbered:
        raise Problem("invalid_file", "The file is empty: each line must be a JSON object.")
    check_count(len(numbered))
    objects, lines = [], []
    for number, line in numbered:
        try:
            members = parse_json(line.encode())
            lines.append(_written({name: value for name, value in members.items() if name not in RESULT_COLUMNS}))
        except (Problem, ValueError, RecursionError):
            raise Problem("invalid_file", f"Line {number} is not a JSON object, or has a name twice.") from None
        objects.append(members)
    check_columns(list(dict.fromkeys(name for members in objects for name in members)), columns)
    rows = [
        {name: value for name, value in members.items() if name in columns.fields and value is not None}
        for members in objects
    ]
    return JsonLines(rows, lines)


def _written(members: Mapping[str, Any]) -> str:
    """Return the object as JSON. Raise ValueError for a number that JSON cannot have."""
    text = json.dumps(members, ensure_ascii=False, default=float, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half of a character, which UTF-8 cannot have.
        return json.dumps(members, default=float, allow_nan=False)
    return text
