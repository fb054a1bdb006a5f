"""Which numbers the shop may text, and from which sender id: what a leaked token or a typo could make expensive."""

from collections.abc import Sequence
from string import ascii_letters, digits

from sales.domain.countries import country, shared_with

__all__ = ["NOT_ALLOWED", "allowed_prefixes", "check_sender_id", "is_allowed"]

# The reason of a text that is held back because its number is not allowed.
NOT_ALLOWED = "not_allowed"
_SENDER_ID_CHARACTERS = frozenset(ascii_letters + digits + " ._-")
# GSM's limit for an alphanumeric sender (3GPP TS 23.040, 9.1.2.5).
_LONGEST_SENDER_ID = 11


def allowed_prefixes(configured: str, region: str) -> tuple[str, ...]:
    """Return the beginnings of the numbers that may be texted, from a list such as `+254, +256772000000`.

    An empty list means all numbers of this country. Raise ValueError for anything else, and for an empty list where other
    countries share the calling code: their numbers begin alike, so the shop must say which ones it texts.
    """
    if configured.strip():
        prefixes = tuple(entry.strip() for entry in configured.split(","))
        if wrong := [prefix for prefix in prefixes if not _is_prefix(prefix)]:
            raise ValueError(
                f"must be a list of prefixes or numbers, such as +254,+256, and not {wrong[0] or 'empty'!r}"
            )
        return prefixes
    own = country(region)
    if others := shared_with(region):
        raise ValueError(
            f"must list the prefixes of the numbers to text, because {own.name} shares +{own.calling_code} with "
            f"{others[0].name}" + (f" and {len(others) - 1} others" if len(others) > 1 else "")
        )
    return (f"+{own.calling_code}",)


def is_allowed(number: str, prefixes: Sequence[str]) -> bool:
    """Tell whether this E.164 number may be texted."""
    return number.startswith(tuple(prefixes))


def check_sender_id(sender_id: str) -> None:
    """Raise ValueError unless this can be a sender id or short code. An empty one means the provider's shared sender."""
    if len(sender_id) > _LONGEST_SENDER_ID or not _SENDER_ID_CHARACTERS.issuperset(sender_id):
        raise ValueError(
            f"must have at most {_LONGEST_SENDER_ID} letters, digits, spaces, dots, hyphens or underscores"
        )


def _is_prefix(text: str) -> bool:
    rest = text[1:]
    return text[:1] == "+" and 1 <= len(rest) <= 15 and rest[0] != "0" and rest.isascii() and rest.isdigit()
