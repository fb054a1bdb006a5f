"""The shop's wording of texts changes, and which languages it has."""

from collections.abc import Callable
from typing import Any

from sales.domain.problems import Problem
from sales.domain.sms.wording import Wording
from sales.runtime.settings import settings
from sales.schemas.common import parse
from sales.schemas.wording import NewWording
from sales.store import Conflict, store

__all__ = ["change_wording", "parse_wording"]

_WORDING_ERRORS = frozenset({"invalid_language", "unknown_language", "invalid_wording"})


def parse_wording(body: dict[str, Any]) -> NewWording:
    """Return the validated body.

    Raise Problem `wording_invalid` with every field at fault if one is a wording or a language, else `validation_failed`.
    """
    try:
        return parse(NewWording, body, max_segments=settings().sms_max_segments)
    except Problem as problem:
        if any(error.code in _WORDING_ERRORS for error in problem.errors):
            raise Problem("wording_invalid", errors=problem.errors) from None
        raise


def change_wording(new: NewWording, *, check: Callable[[int], None]) -> Wording:
    """Store the wording in place of the present one and return it. `check` raises for a version that is not meant."""
    current = store().wordings.get()
    while True:
        check(current.version)
        try:
            return store().wordings.replace(Wording(current.version + 1, new.default_language, new.created))
        except Conflict as conflict:
            if conflict.current is None:
                raise
            current = conflict.current
