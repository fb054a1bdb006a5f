"""The content of a text: an order's values, cleaned, in the wording.

Only functions that compose texts import this module. A text in GSM-7 that fits needs no other module than these; folding,
shortening and their tables are imported when the first text needs them.
"""

from sales.domain.characters import shown
from sales.domain.sms.links import defuse
from sales.domain.sms.segments import Content, measure

__all__ = ["clean", "compose", "render"]

# For values stored before the API refused invisible names and items.
_NAMELESS, _UNNAMED_ITEM = "customer", "goods"


def clean(value: str) -> str:
    """Return a person's own words, fit for a text: one line, nothing invisible, and nothing that becomes a link."""
    return " ".join(defuse(shown(value)).split())


def render(template: str, *, name: str, item: str, currency: str, amount: str, code: str) -> Content:
    """Return the text as wording and data make it, before it is folded and shortened."""
    name, item = clean(name) or _NAMELESS, clean(item) or _UNNAMED_ITEM
    return measure(template.format(name=name, item=item, currency=currency, amount=amount, code=code))


def compose(
    template: str, *, name: str, item: str, currency: str, amount: str, code: str, max_segments: int
) -> Content:
    """Return the text a customer gets: the best of those that have at most `max_segments`.

    The best text keeps the most letters and digits of name and item; among those, it has the fewest segments. So what
    costs too much without being a letter is replaced or left out before a word is. Words go from the end, marked with "...",
    and only a text that does not fit loses any; a single word is cut where it is too long on its own. The wording,
    the code in it, stays whole, and name and item always keep something. Where they need more segments than allowed, the text gets them.
    """
    text = render(template, name=name, item=item, currency=currency, amount=amount, code=code)
    if text.encoding == "GSM-7" and text.segments <= max_segments:
        return text
    from sales.domain.sms.shortening import ITEM, NAME, best_text

    wording = template.format(name=NAME, item=ITEM, currency=currency, amount=amount, code=code)
    return best_text(wording, clean(name) or _NAMELESS, clean(item) or _UNNAMED_ITEM, max_segments)
