"""Runs the queries of docs/operations.md that find lines: the one form of CloudWatch Logs Insights that they have.

`filter` with `=` and `like` on strings, joined by `and` or by `or` but not both; `fields`; `sort @timestamp asc`. Anything else is
an AssertionError. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
_QUERY = re.compile(r"(?:# .+\n)+filter (?P<filter>.+)\n\| fields (?P<fields>.+)\n\| sort @timestamp asc\n")
_TERM = re.compile(r'(@?\w+) (=|like) "([^"]*)"')


def queries(procedure: str) -> list[str]:
    """Return the queries of a procedure on the page."""
    text = PAGE.read_text().partition(f"\n### {procedure}\n")[2].partition("\n### ")[0]
    return re.findall(r"```\n(# /aws/.*?)```", text, re.DOTALL)


def groups(query: str) -> set[str]:
    """Return the ends of the names of the log groups that a query asks: `create_order`, `http-api`."""
    return set(re.findall(r"/aws/\S+?/sales-(\S+)", query))


def run(query: str, lines: Iterable[str]) -> list[dict[str, Any]]:
    """Return the lines that a query finds, each with the fields that it asks for and has, the oldest first."""
    parsed = _QUERY.fullmatch(query)
    assert parsed, query
    (joint,) = set(re.findall(r"\" (and|or) ", parsed["filter"])) or {"and"}
    terms = parsed["filter"].split(f" {joint} ")
    found = []
    for line in lines:
        document = json.loads(line) | {"@message": line}
        # The line's own time; CloudWatch's is when it took the line.
        document["@timestamp"] = document.get("timestamp") or document.get("time") or _time_of(document)
        if (all if joint == "and" else any)(_holds(term, document) for term in terms):
            found.append({name: document[name] for name in parsed["fields"].split(", ") if name in document})
    return sorted(found, key=lambda row: row["@timestamp"])


def _time_of(document: dict[str, Any]) -> str:
    milliseconds = document.get("_aws", {}).get("Timestamp", 0)
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def _holds(term: str, document: dict[str, Any]) -> bool:
    parsed = _TERM.fullmatch(term)
    assert parsed, term
    name, comparison, wanted = parsed.groups()
    value = str(document.get(name, ""))
    return value == wanted if comparison == "=" else wanted in value
