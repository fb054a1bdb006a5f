"""`make export`: writes the lists of customers and orders to CSV files, all pages into one file each.

It reads from the running system, or with URL and TOKEN in the environment from any other. A file appears when it is complete;
stopped before, nothing is left, and the next run starts again.

  python -m local.commands.export_lists [--list orders] [--query "sms_status=failed"] [--file failed.csv]
"""

import argparse
import csv
import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from local.commands.cli import run
from local.commands.remote_api import BASE, Api, ApiError
from local.commands.token import NoTokenError
from sales.domain.files.reading import CSV

__all__ = ["write_list"]

LISTS = ("customers", "orders")
# Excel takes a file without it for one of its own character sets.
_BYTE_ORDER_MARK = "\ufeff"


def pages(api: Api, name: str, query: Mapping[str, str]) -> Iterator[str]:
    """Yield the pages of a list as CSV, each with its header. Raise ApiError."""
    path = f"{BASE}/{name}?{urlencode({'limit': '100', **query})}"
    while path:
        answer = api.send("GET", path, {"Accept": CSV})
        if not answer.headers.get("Content-Type", "").startswith(CSV):
            raise ApiError("The answer is not a CSV file. Check URL.")
        yield answer.content.decode()
        # Our own paths only: the token must not go anywhere else.
        path = answer.links.get("next", {}).get("url", "")
        if path and not path.startswith("/"):
            raise ApiError("The next page is on another system.")


def write_list(api: Api, name: str, query: Mapping[str, str], path: Path) -> int:
    """Write a list to a file that only its owner may read, and return its number of rows. Raise ApiError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    rows = 0
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", newline="", encoding="utf-8") as file:
            file.write(_BYTE_ORDER_MARK)
            for number, page in enumerate(pages(api, name, query)):
                _, _, lines = page.partition("\r\n")
                file.write(page if number == 0 else lines)
                rows += sum(1 for _ in csv.reader(io.StringIO(lines, newline="")))
                _show(f"{name}: {rows:,} rows")
        draft.replace(path)
    except OSError as error:
        raise ApiError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    _show("")
    return rows


def _show(progress: str) -> None:
    """Show progress to a person; nothing goes into a log."""
    if sys.stderr.isatty():
        print(f"\r\033[K{progress}", end="", file=sys.stderr, flush=True)


def main() -> int:
    """Write the files; 1 if one could not be written."""
    parser = argparse.ArgumentParser(prog="make export")
    parser.add_argument("--list", choices=LISTS)
    parser.add_argument("--query", default="")
    parser.add_argument("--file", type=Path)
    options = parser.parse_args()
    if not options.list and (options.query or options.file):
        print("Name the list as well: LIST=customers or LIST=orders.", file=sys.stderr)
        return 1
    query = dict(parse_qsl(options.query, keep_blank_values=True))
    try:
        api = Api.of_environment("sales:read")
        for name in [options.list] if options.list else LISTS:
            path = options.file or Path(f"{name}.csv")
            print(f"{path}: {write_list(api, name, query, path):,} {name}")
    except (ApiError, NoTokenError) as error:
        _show("")
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run(main)
