"""Conditions of queries, in DynamoDB's expressions."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sales.store.items import Item

__all__ = ["Bounds", "equal", "sort_key_bounds"]


class Bounds(NamedTuple):
    """A condition on the sort key, to append to that on the partition, and its values."""

    condition: str
    values: Item


def sort_key_bounds(since: str | None, upper: str | None) -> Bounds | None:
    """Return the condition for since <= sort key < upper, or None if no key can meet it."""
    if since and upper:
        # BETWEEN includes both ends; everything below the upper one is at most this string (keys are ASCII).
        last = upper[:-1] + chr(ord(upper[-1]) - 1) + "~"
        if since > last:
            return None
        return Bounds(" AND sort_key BETWEEN :since AND :last", {":since": since, ":last": last})
    if since:
        return Bounds(" AND sort_key >= :since", {":since": since})
    if upper:
        return Bounds(" AND sort_key < :upper", {":upper": upper})
    return Bounds("", {})


def equal(wanted: Mapping[str, Any], names: dict[str, str], values: Item) -> str:
    """Return the expression for attributes, or paths, with these values; add what it uses to names and values."""
    tests = []
    for path, value in wanted.items():
        parts = path.split(".")
        names.update({f"#{part}": part for part in parts})
        # `status` and `sms.status` are two.
        values[f":{'_'.join(parts)}"] = value
        tests.append(f"{'.'.join(f'#{part}' for part in parts)} = :{'_'.join(parts)}")
    return " AND ".join(tests)
