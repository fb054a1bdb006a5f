"""Writes the files that are made from code and template; with --check, only compares them.

These are functions/serve_docs/static/openapi.json (the contract), docs/postman/ (its Postman collection and environments),
functions/answer_unmatched/routes.json, and what the console's forms share with the contract. --check also compares contract and tables with the released ones in
docs/released/: a change that breaks clients needs a new major version, and a deployment cannot change every key and index.
--release makes this contract and these tables the released ones.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from contract import postman
from contract.changes import breaking
from contract.console import console_module
from contract.document import build, routes, template
from deployment import ROOT
from deployment.tables import layout, refusals

CONTRACT = ROOT / "functions" / "serve_docs" / "static" / "openapi.json"
ROUTES = ROOT / "functions" / "answer_unmatched" / "routes.json"
CONSOLE = ROOT / "functions" / "serve_console" / "static" / "values" / "contract.js"
POSTMAN = ROOT / "docs" / "postman"
RELEASED = ROOT / "docs" / "released" / "openapi.json"
TABLES = ROOT / "docs" / "released" / "template-tables.json"
README = ROOT / "README.md"


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m contract", description="Write the contract and its collection.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is out of date")
    parser.add_argument("--release", action="store_true", help="make this contract the released one")
    options = parser.parse_args()
    document = build()
    try:
        files = _files(document)
    except postman.ContractError as error:
        print(error, file=sys.stderr)
        return 1
    if options.check:
        return _check(document, files)
    if options.release:
        files |= {RELEASED: files[CONTRACT], TABLES: json.dumps(layout(template().tables), indent=1) + "\n"}
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


def _files(document: dict[str, Any]) -> dict[Path, str]:
    """Return the content of each file."""
    collection = postman.files(document, README.read_text())
    return {
        CONTRACT: json.dumps(document, indent=1, ensure_ascii=False) + "\n",
        CONSOLE: console_module(document),
        ROUTES: "[\n" + ",\n".join(f"  {json.dumps(route)}" for route in routes()) + "\n]\n",
        **{
            POSTMAN / name: json.dumps(content, indent=2, ensure_ascii=False) + "\n"
            for name, content in collection.items()
        },
    }


def _check(document: dict[str, Any], files: dict[Path, str]) -> int:
    stale = [path for path, text in files.items() if not path.is_file() or path.read_text() != text]
    if stale:
        names = ", ".join(path.relative_to(ROOT).as_posix() for path in stale)
        print(f"Out of date: {names}. Run `make contract`.", file=sys.stderr)
        return 1
    released = json.loads(RELEASED.read_text())
    changes = breaking(released, document)
    if changes and _major(released) == _major(document):
        print(
            "The contract breaks clients of the released one. Undo these changes, or raise VERSION in contract/document.py:",
            *(f"  {change}" for change in changes),
            sep="\n",
            file=sys.stderr,
        )
        return 1
    if refused := list(refusals(json.loads(TABLES.read_text()), layout(template().tables))):
        print("A stack of the last release cannot be updated to this template:", *refused, sep="\n  ", file=sys.stderr)
        return 1
    return 0


def _major(document: dict[str, dict[str, str]]) -> str:
    return document["info"]["version"].partition(".")[0]


if __name__ == "__main__":
    sys.exit(main())
