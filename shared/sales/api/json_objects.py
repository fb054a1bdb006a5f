"""JSON objects that say one thing twice are refused wherever a caller's JSON is read."""

from typing import Any

__all__ = ["unique_names"]


def unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object with these members; a hook for `json.loads`. Raise ValueError if a name is repeated.

    Two readers of a repeated name could each believe another of its values.
    """
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is repeated")
    return members
