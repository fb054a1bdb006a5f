"""The content of a text: an order's values cleaned, folded and shortened into the wording.

Only functions that compose texts import this module: to compile its patterns takes longer than to import the other
modules about texts together.
"""

import re
from collections.abc import Callable, Iterator

from sales.domain.characters import shown
from sales.domain.sms.folding import fold, fold_all
from sales.domain.sms.segments import GSM_7, Content, measure

__all__ = ["clean", "compose", "render"]

# Full-width letters, digits and punctuation, and the full stops that a host name may be written with (UTS #46).
_NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | dict.fromkeys(map(ord, "․。﹒｡"), ".")
_OCTET = r"(?:25[0-5]|2[0-4]\d|[01]?\d?\d)"
_LINK = re.compile(
    r"[^\s:]*://\S*"
    r"|\bwww\.\S*"
    # A host with a path. Its last label begins with a letter, unlike the numbers in `2.5kg/bag` and `No.12/3`.
    r"|(?:[\w-]+\.)+[^\W\d_](?:[^\W\d_]|[\w-]{2})[\w-]*(?::\d*)?/\S*"
    # An IPv4 address, with port and path, and anything that begins like one, because shortening may cut it there.
    rf"|(?<!\d){_OCTET}(?:\.{_OCTET}){{2}}(?:\.\d+)+(?:[:/?#]\S*)?",
    re.IGNORECASE,
)
# Phones make a link of a dot that a letter of any script follows directly, with more behind it: `evil.example`.
_DOMAIN = re.compile(r"(?<=[^\s.])\.(?=[^\W\d_][\w-])")


def clean(value: str) -> str:
    """Return a person's own words, fit for a text: one line, no control characters, and nothing that becomes a link.

    A certain link (a host with a path, four numbers with dots) is left out. A dot between two words (`evil.example`,
    but also `Mr.Smith`) gets a space. Amounts, sizes and versions stay: `1.250`, `2.5kg/bag`, `v1.2`.
    """
    value = shown(value).translate(_NARROW)
    value = _LINK.sub(" ", value)
    value = _DOMAIN.sub(". ", value)
    return " ".join(value.split())


def _clean_when_folded(value: str) -> str:
    """Return the value cleaned, and folded as well where folding would bring a link back."""
    value = clean(value)
    folded = fold_all(value)
    # Letters in circles and accents on a dot hide a link until they are folded.
    return value if clean(folded) == " ".join(folded.split()) else clean(folded)


def render(template: str, *, name: str, item: str, currency: str, amount: str) -> Content:
    """Return the text as wording and data make it, before it is folded and shortened."""
    return measure(template.format(name=clean(name), item=clean(item), currency=currency, amount=amount))


def compose(template: str, *, name: str, item: str, currency: str, amount: str, max_segments: int) -> Content:
    """Return the text a customer gets: values cleaned, folded, and in at most `max_segments` if the wording fits there.

    A text that is too long loses words in this order: those of the item, then those of the name, from the end, marked
    with "..."; the item then gets back the room that a shorter name leaves. A single word is cut only where it is too
    long on its own. If all that is not enough, item and name lose their characters outside GSM-7 first, and then their
    words. The wording itself is never touched: where it needs more segments than allowed, the text gets that many.
    """
    name, item = _clean_when_folded(name), _clean_when_folded(item)

    def filled(name: str, item: str) -> Content:
        return measure(fold(template.format(name=name, item=item, currency=currency, amount=amount)))

    text = filled(name, item)
    if text.segments <= max_segments:
        return text
    plain_name, plain_item = _in_gsm_7(name), _in_gsm_7(item)
    most = max(max_segments, filled(_shortest(plain_name), _shortest(plain_item)).segments)

    def shortened(name: str, whole_item: str) -> Content:
        def fits(name: str, item: str) -> bool:
            return filled(name, item).segments <= most

        item = _longest(whole_item, lambda shorter: fits(name, shorter))
        if not fits(name, item):
            name = _longest(name, lambda shorter: fits(shorter, item))
            item = _longest(whole_item, lambda shorter: fits(name, shorter))
        return filled(name, item)

    text = shortened(name, item)
    return text if text.segments <= most else shortened(plain_name, plain_item)


def _in_gsm_7(value: str) -> str:
    # Cleaned again: the characters that go may be all that kept two halves of a link apart.
    return clean("".join(character for character in fold_all(value) if character in GSM_7))


def _shortenings(value: str) -> Iterator[str]:
    """Yield the value, then shorter ones: without its last words, then without the first word's last letters."""
    words = value.split(" ")
    yield value
    for count in range(len(words) - 1, 0, -1):
        yield " ".join(words[:count]) + "..."
    for length in range(len(words[0]) - 1, 0, -1):
        yield words[0][:length] + "..."


def _longest(value: str, fits: Callable[[str], bool]) -> str:
    """Return the longest shortening of the value that fits, or the shortest if none does."""
    candidates = (shorter for shorter in _shortenings(value) if shorter == value or len(shorter) < len(value))
    return next((shorter for shorter in candidates if fits(shorter)), _shortest(value))


def _shortest(value: str) -> str:
    return min(_shortenings(value), key=len)
