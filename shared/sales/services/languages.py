"""The languages that the shop has a wording for."""

from collections.abc import Collection

from sales.store import store

__all__ = ["worded_languages"]


def worded_languages() -> Collection[str]:
    """Return the languages of the shop's wording, read now."""
    return store().wordings.get().created
