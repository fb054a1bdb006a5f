"""Event patterns: which records a filter of an event source mapping lets through.

Only the rule that the template uses is here: a field equals one of the listed values.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["check", "matches"]


def check(pattern: Mapping[str, Any]) -> None:
    """Raise ValueError for a pattern that AWS would refuse, or that uses any rule but equality."""
    for name, rule in pattern.items():
        if isinstance(rule, Mapping):
            check(rule)
        elif name.startswith("$") or not isinstance(rule, list) or not rule:
            raise ValueError(f"the filter's {name} must be an object or a list of values")
        elif any(isinstance(value, Mapping | list) for value in rule):
            raise ValueError(
                f"the filter's {name} has a rule other than equality, which the local stream does not know"
            )


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """Whether the event has every field of the pattern, with one of the listed values. Expects a checked pattern."""
    if not isinstance(event, Mapping):
        return False
    return all(
        matches(rule, event.get(name)) if isinstance(rule, Mapping) else name in event and _equals(rule, event[name])
        for name, rule in pattern.items()
    )


def _equals(values: list[Any], field: Any) -> bool:
    # A list in the event matches if one of its elements does. 1 and true differ, as in JSON.
    fields = field if isinstance(field, list) else [field]
    return any(type(value) is type(entry) and value == entry for value in values for entry in fields)
