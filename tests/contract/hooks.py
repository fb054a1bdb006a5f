"""Values that schemathesis cannot invent (SCHEMATHESIS_HOOKS), and a check of our own.

Random keys are never replays, random ETags belong to no item and random cursors to no page, so 304, 412 and replays would
never happen. These hooks use new and used keys (with the same body and with another), the items' current, old and weak
ETags, and the cursors of real pages. Requests meant to be refused stay as they are. The file REACHED gets the counts.
"""

import atexit
import json
import os
import random
from collections import Counter, defaultdict
from itertools import count
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.generation.meta import TestPhase

from tests.support.numbers import COUNTRIES, ways_of_writing

_DICE = random.Random(1)
_NUMBERS = count(1)
_ETAGS: dict[str, str] = {}
_USED: dict[str, list[tuple[str, Any, dict[str, Any]]]] = defaultdict(list)
_PAGES: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = defaultdict(list)
_REPLAYS: set[str] = set()
_REACHED: Counter[str] = Counter()
# Problems of requests that fit their schema: no schema can express them.
_SAID = {
    "not_found", "idempotency_key_reused", "reference_taken", "customer_erased", "version_mismatch", "order_cancelled",
    "wording_invalid", "sms_in_progress", "sms_suppressed", "sms_too_soon", "invalid_file", "unknown_column",
}  # fmt: skip
# Errors of fields that fit their schema: an unknown customer, a number that does not exist, an amount whose limits and form the
# contract has in words, names that the released pattern allows although nothing of them can be seen, or with U+061C inside, a
# preview for a customer and a name, or for neither, languages that the shop has no wording for, and wordings that make no text.
_SAID_OF_FIELDS = {
    "not_found", "number_not_reachable", "invalid_amount", "too_small", "too_large", "too_many_decimals", "required",
    "control_character", "one_of", "unknown_language", "invalid_wording",
}  # fmt: skip
# No schema can say which phone numbers exist.
schemathesis.openapi.format(
    "phone-number", st.sampled_from(sorted({each for region in COUNTRIES for each in ways_of_writing(region)[:12]}))
)


# Files, of which no schema says more than that they are text.
_FILES = {
    "/customers/import": {
        "text/csv": "name,phone_number,email\r\njane,0700000001,jane@example.com\r\n,2.54705E+11,\r\n",
        "application/x-ndjson": '{"name": "jane", "phone_number": "0700000001", "email": "jane@example.com"}\n{"id": 1}\n',
    },
    "/orders/import": {
        "text/csv": "reference;customer;item;amount\nINV-1;0700000001;tea leaves;345,00\nINV-2;nobody;;1,500\n",
        "application/x-ndjson": '{"reference": "INV-3", "customer": "x", "item": "tea leaves", "amount": 1.5}\n',
    },
}


@schemathesis.serializer("text/csv", "application/x-ndjson")
def _as_it_is(context: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


@schemathesis.deserializer("application/x-ndjson")
def _text(context: Any, response: Any) -> str:
    return str(response.text)


def _valid(case: Any) -> bool:
    return bool(case.meta) and case.meta.generation.mode == GenerationMode.POSITIVE


def _item(case: Any) -> str:
    if case.operation.path.endswith("/wording"):
        return "wording"
    parameters = case.path_parameters or {}
    return str(parameters.get("customer") or parameters.get("order") or "").lower()


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    if (case.path_parameters or {}).get("secret") and _DICE.random() < 0.5:
        case.path_parameters["secret"] = os.environ["WEBHOOK_SECRET"]
    if not _valid(case):
        return
    headers = case.headers or {}
    if "Idempotency-Key" in headers:
        _choose_key(case)
    if "If-Match" in headers:
        current = _ETAGS.get(_item(case), '"1"')
        others = [current, current, f'"77", {current}', "*", '"77"', f"W/{current}", '"x"']
        # The wording is never written without a version.
        case.headers["If-Match"] = _DICE.choice([each for each in others if each != "*" or _item(case) != "wording"])
    if isinstance(case.body, dict) and case.body.get("created"):
        case.body["default_language"] = next(iter(case.body["created"]))
    if "If-None-Match" in headers and _item(case) in _ETAGS:
        current = _ETAGS[_item(case)]
        case.headers["If-None-Match"] = _DICE.choice([current, f'"77", W/{current}', "*", '"77"'])
    if "search" in (case.query or {}) and _valid(case):
        # No schema says that a search stands without filters, nor which texts can find a customer.
        limit = {name: value for name, value in case.query.items() if name == "limit"}
        case.query = {"search": _DICE.choice(["jane", "ja do", "0700 000 001", "0001", "7KQ2-M9XA"]), **limit}
    if {"from", "to"} & (case.query or {}).keys() and _valid(case):
        # No schema says that `from` comes before `to`, within 366 days.
        case.query = _DICE.choice([{"from": "2026-11-01", "to": "2026-11-29"}, {"to": "2026-11-29"}])
    if "cursor" in (case.query or {}):
        _choose_page(case)
    for path, files in _FILES.items():
        if case.path.endswith(path) and _DICE.random() < 0.5:
            case.body = files[case.media_type]
            _REACHED["files"] += 1


def _choose_key(case: Any) -> None:
    before = _USED[case.operation.label]
    dice = _DICE.random()
    if before and dice < 0.5:
        key, body, parameters = _DICE.choice(before)
        if dice < 0.25:
            case.body, case.path_parameters = body, parameters
            _REPLAYS.add(case.id)
    else:
        key = f"key-{next(_NUMBERS)}"
    case.headers["Idempotency-Key"] = key


def _choose_page(case: Any) -> None:
    before = _PAGES[case.operation.label]
    if before and _DICE.random() < 0.7:
        case.query, case.path_parameters = map(dict, _DICE.choice(before))
        _REACHED["pages by cursor"] += 1
    else:
        case.query = {name: value for name, value in case.query.items() if name != "cursor"}


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    _REACHED["requests"] += 1
    _REACHED[str(response.status_code)] += 1
    _REACHED["5xx"] += response.status_code >= 500
    if case.meta:
        _REACHED[f"phase {case.meta.phase.name.value}"] += 1
    if "idempotency-replayed" in response.headers:
        _REACHED["replays"] += 1
    named = {_item(case), str(case.body.get("customer", "")).lower() if isinstance(case.body, dict) else ""}
    if case.meta and case.meta.phase.name == TestPhase.STATEFUL and named & _ETAGS.keys() and _valid(case):
        # It names an item of an earlier answer, so it followed a link that leads somewhere.
        _REACHED["links"] += response.status_code != 404
        _REACHED[f"link to {case.operation.definition.raw['operationId']}"] += response.status_code != 404
    if not "".join(response.headers.get("content-type", ())).endswith(("/json", "+json")) or not response.content:
        return
    body = response.json()
    if not 200 <= response.status_code < 300:
        _REACHED[f"code {body.get('code')}"] += 1
        return
    if etag := response.headers.get("etag"):
        names = ["wording"] if "created" in body else [body.get("id"), body.get("code")]
        _ETAGS.update({str(name).lower(): etag[0] for name in names})
    key = (case.headers or {}).get("Idempotency-Key")
    if key and _valid(case):
        _USED[case.operation.label].append((key, case.body, dict(case.path_parameters or {})))
    if body.get("next_cursor") and _valid(case):
        query = {**(case.query or {}), "cursor": body["next_cursor"]}
        _PAGES[case.operation.label].append((query, dict(case.path_parameters or {})))


@schemathesis.check
def refused_only_for_what_no_schema_can_say(context: Any, response: Any, case: Any) -> None:
    if case.id in _REPLAYS:
        assert 200 <= response.status_code < 300, f"a replay is {response.status_code}"
        assert response.headers.get("idempotency-replayed") == ["true"], "a replay does not say so"
    if not _valid(case) or "problem+json" not in "".join(response.headers.get("content-type", ())):
        return
    problem = response.json()
    if problem["code"] == "validation_failed":
        codes = {error["code"] for error in problem["errors"]}
        assert codes <= _SAID_OF_FIELDS, f"what the schema allows is refused: {problem['errors']}"
    elif "phone_number" in (case.query or {}) and problem["code"] == "invalid_query":
        assert [error["pointer"] for error in problem["errors"]] == ["?phone_number"], problem["errors"]
    elif case.operation.path.startswith("/webhooks"):
        assert problem["code"] in {"not_found", "invalid_form"}
    else:
        assert problem["code"] in _SAID, f"what the schema allows is refused: {problem['code']}"


@atexit.register
def _tell() -> None:
    if "REACHED" in os.environ:
        Path(os.environ["REACHED"]).write_text(json.dumps(_REACHED))
