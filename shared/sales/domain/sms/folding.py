"""Replace characters outside GSM-7, which make a text expensive, by their equals inside it."""

from sales.domain.characters import without_invisible
from sales.domain.sms.segments import BASIC, GSM_7, measure

__all__ = ["fold", "fold_all"]


def fold(text: str) -> str:
    """Return the text with each character outside GSM-7 replaced by its equal inside, unless that makes it dearer.

    Quotes, dashes, spaces and accented letters have such an equal. Where an emoji or another script keeps the text in
    UCS-2, folding the rest can only lengthen it, so the text stays as it is written unless it gets cheaper.
    """
    if (equal := fold_all(text)) == text:
        return text
    written, folded = measure(text), measure(equal)
    gained = written.segments - folded.segments
    return folded.text if gained > 0 or (gained == 0 and folded.encoding == "GSM-7") else text


def fold_all(text: str) -> str:
    """Return the text with every character folded that has an equal, whatever that does to its length."""
    if GSM_7.issuperset(text):
        return text
    from unicodedata import combining, normalize

    from sales.domain.sms.folds import FOLDS

    folded: list[str] = []
    equal = ""
    for character in without_invisible(text):
        last = folded[-1] if folded else " "
        # The equals of fractions begin with a space and those of currencies end with one: `1 1/2`, `NGN 500`.
        if character == " " and equal.endswith(" ") and equal != " ":
            equal = ""
        elif character in GSM_7:
            equal = character
        elif character in FOLDS:
            equal = FOLDS[character]
        elif character.isspace():
            equal = " "
        elif combining(character) and last in BASIC and last.isalnum():
            # Some systems store an accent after its letter: join both to a GSM-7 letter, or drop the accent.
            composed = normalize("NFC", last + character)
            folded[-1] = composed if composed in BASIC else last
            continue
        else:
            parts = "".join(FOLDS.get(part, part) for part in normalize("NFKD", character) if not combining(part))
            # A spacing accent (`¨`) decomposes to a space and a mark, but is not a space.
            equal = parts if parts.strip() and GSM_7.issuperset(parts) else character
        folded.extend(equal.removeprefix(" ") if last.isspace() and equal != " " else equal)
    return "".join(folded)
