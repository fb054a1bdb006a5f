"""The content of a text: values cleaned, folded and shortened into the wording."""

import re
from collections.abc import Callable, Iterator

from sales.domain.sms.folding import _folded, fold
from sales.domain.sms.segments import _GSM_7, Content, measure
from sales.domain.sms.wording import _CONTROL

__all__ = ["clean", "compose", "render"]

# Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties), but for what is a control here: they are not seen, so
# whatever is behind them looks like a link all the same. In an emoji two of them join its parts, and stay.
_EMOJI = r"[\u2190-\u2bff\U0001f000-\U0001faff]"


_UNSEEN = re.compile(
    rf"(?<!{_EMOJI})\ufe0f|(?<!{_EMOJI})(?<!{_EMOJI}\ufe0f)\u200d"
    r"|[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u2060-\u2065\u206a-\u206f\u3164"
    r"\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


# Letters, digits and punctuation of full width, and the full stops that a host's name may be written with (UTS #46).
_WIDTHS = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | dict.fromkeys(map(ord, "․。﹒｡"), ".")


_OCTET = r"(?:25[0-5]|2[0-4]\d|[01]?\d?\d)"


_LINK = re.compile(
    r"[^\s:]*://\S*"
    r"|\bwww\.\S*"
    # A host with a path. Its last label begins with a letter: `2.5kg/bag` and `No.12/3` are none.
    r"|(?:[\w-]+\.)+[^\W\d_](?:[^\W\d_]|[\w-]{2})[\w-]*(?::\d*)?/\S*"
    # An address by its numbers, with port and path; also the beginning of one, since a long word may be cut there.
    rf"|(?<!\d){_OCTET}(?:\.{_OCTET}){{2}}(?:\.\d+)+(?:[:/?#]\S*)?",
    re.IGNORECASE,
)


# A dot with a letter of any script right behind it, and more, is what phones make a link of: `evil.example`.
_DOMAIN = re.compile(r"(?<=[^\s.])\.(?=[^\W\d_][\w-])")


def clean(value: str) -> str:
    """A customer's own words, fit for a text: one line, no control characters, nothing a phone would make a link.

    What is a link beyond doubt (an address with a path, four numbers with dots) is left out; a dot between two words
    (`evil.example`, but also `Mr.Smith`) gets a space. Amounts, sizes and versions stay: `1.250`, `2.5kg/bag`, `v1.2`.
    """
    value = _UNSEEN.sub("", _CONTROL.sub(" ", value)).translate(_WIDTHS)
    value = _LINK.sub(" ", value)
    value = _DOMAIN.sub(". ", value)
    return " ".join(value.split())


def _worded(value: str) -> str:
    """The value cleaned, so that it stays clean however it is folded."""
    value = clean(value)
    folded = _folded(value)
    # What looks like no link as it is written (letters in circles, accents on a dot) may be one afterwards.
    return value if clean(folded) == " ".join(folded.split()) else clean(folded)


def render(template: str, *, name: str, item: str, currency: str, amount: str) -> Content:
    """The text as template and data make it, before folding and shortening."""
    return measure(template.format(name=clean(name), item=clean(item), currency=currency, amount=amount))


def compose(template: str, *, name: str, item: str, currency: str, amount: str, max_segments: int) -> Content:
    """The text a customer gets: values cleaned, folded, at most `max_segments`, or as few as can be had.

    The name stands as it is written, apart from folding. A text that is too long is shortened in this order: the
    item, then the name, each at the end of a word and marked with "..."; a single word is cut only when it alone is
    too long, and the item gets back what room a shorter name makes. If that is not enough, characters outside GSM-7
    are left out of item and name first. The template's own words are never touched; where they alone take more than
    is allowed, the text is shortened to what they take.
    """
    name, item = _worded(name), _worded(item)

    def made(name: str, item: str) -> Content:
        return measure(fold(template.format(name=name, item=item, currency=currency, amount=amount)))

    text = made(name, item)
    if text.segments <= max_segments:
        return text
    plain_name, plain_item = _plain(name), _plain(item)
    most = max(max_segments, made(_shortest(plain_name), _shortest(plain_item)).segments)

    def shortened(name: str, whole: str) -> Content:
        def fits(name: str, item: str) -> bool:
            return made(name, item).segments <= most

        item = _longest(whole, lambda shorter: fits(name, shorter))
        if not fits(name, item):
            name = _longest(name, lambda shorter: fits(shorter, item))
            item = _longest(whole, lambda shorter: fits(name, shorter))
        return made(name, item)

    text = shortened(name, item)
    return text if text.segments <= most else shortened(plain_name, plain_item)


def _plain(value: str) -> str:
    # Cleaned again: what was dropped may have been all that kept two halves of a link apart.
    return clean("".join(each for each in _folded(value) if each in _GSM_7))


def _shortenings(value: str) -> Iterator[str]:
    """The value, then ever shorter: by its last words, then by the first one's last letters."""
    words = value.split(" ")
    yield value
    for count in range(len(words) - 1, 0, -1):
        yield " ".join(words[:count]) + "..."
    for length in range(len(words[0]) - 1, 0, -1):
        yield words[0][:length] + "..."


def _longest(value: str, fits: Callable[[str], bool]) -> str:
    """The longest shortening of the value that fits, else the shortest there is."""
    shorter = (each for each in _shortenings(value) if each == value or len(each) < len(value))
    return next((each for each in shorter if fits(each)), _shortest(value))


def _shortest(value: str) -> str:
    return min(_shortenings(value), key=len)
