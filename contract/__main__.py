"""Writes the contract, functions/serve_docs/static/openapi.json; with --check only says whether it is up to date.

With --check it also holds it against the last released contract, docs/released/openapi.json: a change that breaks a
client needs a new major version. --release makes the present contract the released one.
"""

import json
import sys
from pathlib import Path

from contract.changes import breaking
from contract.document import build

ROOT = Path(__file__).parents[1]

CONTRACT = ROOT / "functions" / "serve_docs" / "static" / "openapi.json"
RELEASED = ROOT / "docs" / "released" / "openapi.json"


def main() -> int:
    """The exit status."""
    document = build()
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    if "--check" not in sys.argv[1:]:
        for path in (CONTRACT, *([RELEASED] if "--release" in sys.argv[1:] else [])):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return 0
    if not CONTRACT.is_file() or CONTRACT.read_text() != text:
        print("The contract is not what code and template say: run `make contract`.")
        return 1
    released = json.loads(RELEASED.read_text())
    broken = breaking(released, document)
    if broken and _major(released) == _major(document):
        print("The contract breaks clients of the released one; mend it, or raise VERSION in contract/document.py:")
        print("\n".join(f"  {change}" for change in broken))
        return 1
    return 0


def _major(document: dict[str, dict[str, str]]) -> str:
    return document["info"]["version"].partition(".")[0]


if __name__ == "__main__":
    sys.exit(main())
