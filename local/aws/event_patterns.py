"""Event patterns: which records a filter lets through, as EventBridge and Lambda's event source mappings read them.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["check", "matches"]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MISSING = object()


def check(pattern: Mapping[str, Any]) -> None:
    """Raises ValueError for a pattern that is none, or uses a rule that is not known here."""
    for name, rule in pattern.items():
        if name == "$or":
            for each in rule:
                check(each)
        elif isinstance(rule, Mapping):
            check(rule)
        elif not isinstance(rule, list) or not rule:
            raise ValueError(f"the filter's {name} must be an object or a list of rules")
        else:
            for matcher in rule:
                _accepts(matcher, "")


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """Whether the event has every field of the pattern with one of the values its rules allow."""
    for name, rule in pattern.items():
        if name == "$or":
            if not any(matches(each, event) for each in rule):
                return False
            continue
        value = event.get(name, _MISSING) if isinstance(event, Mapping) else _MISSING
        if isinstance(rule, Mapping):
            if not matches(rule, value):
                return False
        elif not any(_accepts_any(matcher, value) for matcher in rule):
            return False
    return True


def _accepts_any(matcher: Any, value: Any) -> bool:
    # A list in the event has the value if one of its elements has.
    if isinstance(value, list):
        return any(_accepts(matcher, each) for each in value or [_MISSING])
    return _accepts(matcher, value)


def _accepts(matcher: Any, value: Any) -> bool:
    if not isinstance(matcher, Mapping):
        return value is not _MISSING and type(matcher) is type(value) and bool(matcher == value)
    if len(matcher) != 1:
        raise ValueError(f"a filter's rule has one name, not {len(matcher)}")
    ((kind, wanted),) = matcher.items()
    match kind:
        case "exists":
            # Only of leaves: an object is not there in this sense.
            return bool(wanted) is (value is not _MISSING and not isinstance(value, Mapping))
        case "prefix":
            return isinstance(value, str) and value.startswith(wanted)
        case "suffix":
            return isinstance(value, str) and value.endswith(wanted)
        case "equals-ignore-case":
            return isinstance(value, str) and value.lower() == wanted.lower()
        case "numeric":
            return _compares(wanted, value)
        case "anything-but":
            unwanted = wanted if isinstance(wanted, list) else [wanted]
            return value is not _MISSING and not any(_accepts(each, value) for each in unwanted)
    raise ValueError(f"the filter's rule {kind} is not known here")


def _compares(wanted: list[Any], value: Any) -> bool:
    pairs = list(zip(wanted[::2], wanted[1::2], strict=True))
    if any(sign not in _COMPARISONS for sign, _ in pairs):
        raise ValueError(f"the filter's numeric rule {wanted} is not known here")
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return all(_COMPARISONS[sign](value, bound) for sign, bound in pairs)
