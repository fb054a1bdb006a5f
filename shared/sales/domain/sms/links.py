"""Write addresses so that phones do not turn them into links."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

__all__ = ["defuse"]

# Full-width letters, digits and punctuation, and the full stops that a host name may be written with (UTS #46).
_NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | dict.fromkeys(map(ord, "․。﹒｡"), ".")
_OCTET = r"(?:25[0-5]|2[0-4]\d|[01]?\d?\d)"


def defuse(value: str) -> str:
    """Return the value with a space in everything that a phone could turn into a link; no other character goes.

    Phones make a link of a scheme (`https://`), of `www.`, of a dot with letters on its right (`evil.example`, but also
    `Mr.Smith`) and of four numbers with dots. Amounts, sizes and versions stay: `1.250`, `2.5kg/bag`, `v1.2`.
    """
    if not value.isascii():
        value = value.translate(_NARROW)
    if "." not in value and "://" not in value:
        return value
    for pattern, replacement in _patterns():
        value = pattern.sub(replacement, value)
    return value


@cache
def _patterns() -> "tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]":
    import re

    return (
        (re.compile(r":(?=//)"), ": "),
        # Also behind letters: `1www.1` is one word to Python, and a phone may see www in it.
        (re.compile(r"(www\d*)\.", re.IGNORECASE), r"\1 ."),
        # A letter of any script, and one more character of a label. In some scripts that is a mark, which \w lacks.
        (re.compile(r"(?<=[^\s.])\.(?=[^\W\d_](?:[\w-]|[^\x00-\x7f]))"), ". "),
        # An IPv4 address, and anything that begins like one, because shortening may cut it there.
        (re.compile(rf"(?<!\d){_OCTET}(?:\.{_OCTET}){{2}}(?:\.\d+)+"), _apart),
    )


def _apart(address: "re.Match[str]") -> str:
    """Write a number in groups of thousands with spaces (`1 000 000 000`), others with a space behind each third."""
    numbers = address[0].split(".")
    if all(len(number) == 3 for number in numbers[1:]):
        return " ".join(numbers)
    return ". ".join(".".join(numbers[start : start + 3]) for start in range(0, len(numbers), 3))
