"""JSON objects as callers send them: exact numbers, and no name twice."""

import json
from typing import Any

from sales.domain.problems import Problem

__all__ = ["parse_json", "unique_names"]


def unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object with these members; a hook for `json.loads`. Raise ValueError if a name is repeated.

    Two readers of a repeated name could each believe another of its values.
    """
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is repeated")
    return members


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _number(literal: str) -> Any:
    from decimal import Decimal

    exact = Decimal(literal)
    # `sales.domain.money` refuses floats: an amount with an exponent was rounded when it was written.
    return float(exact) if "e" in literal.lower() else exact


def parse_json(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in these bytes.

    Raise Problem `invalid_json`, also for NaN, repeated names and deep nesting.
    """
    from decimal import InvalidOperation

    # RFC 8259 (8.1) lets readers ignore a byte order mark, which Windows' shells and editors write.
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        # bytes.decode, because json.loads would also guess UTF-16 and UTF-32.
        body = json.loads(raw.decode(), parse_float=_number, parse_constant=_constant, object_pairs_hook=unique_names)
    except (ValueError, RecursionError, InvalidOperation):
        raise Problem("invalid_json") from None
    if not isinstance(body, dict):
        raise Problem("invalid_json", "The body must be a JSON object.")
    return body
