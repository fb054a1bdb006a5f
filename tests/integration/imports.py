"""Imports as a caller sees them."""

import csv
import io
import json
from typing import Any

from tests.integration.api import BASE, Answer, call
from tests.support.events import http_event

CSV, JSON_LINES = "text/csv", "application/x-ndjson"
CUSTOMERS = """\
name,phone_number,email
Jane Otieno,+254700000001,jane@example.com
Ali Hassan,0700000002,ali@example.com
"""
ORDERS = """\
reference,customer,item,amount
INV-1,0700000001,macbook m2,56000.68
INV-2,0700000002,tea leaves,345
"""


def send(kind: str, body: str | bytes, media_type: str = CSV, **kwargs: Any) -> Answer:
    """POST a file of customers or orders."""
    event = http_event("POST", f"{BASE}/{kind}/import", body, headers={"content-type": media_type}, **kwargs)
    return call(f"import_{kind}", event)


def rows_of(answer: Answer, delimiter: str = ",") -> list[dict[str, str]]:
    """Return the rows of an answer's file."""
    assert answer.status == 200, answer.body
    return list(csv.DictReader(io.StringIO(answer.body.removeprefix("\ufeff"), newline=""), delimiter=delimiter))


def results(kind: str, body: str | bytes, media_type: str = CSV, **kwargs: Any) -> list[str]:
    """POST a file and return the result of each row."""
    answer = send(kind, body, media_type, **kwargs)
    if media_type == JSON_LINES:
        assert answer.status == 200, answer.body
        return [json.loads(line)["result"] for line in answer.body.splitlines()]
    return [row["result"] for row in rows_of(answer)]
