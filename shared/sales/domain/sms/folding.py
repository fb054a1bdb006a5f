"""Replace characters outside GSM-7, which make a text expensive, by their equals inside it."""

from sales.domain.sms.segments import BASIC, GSM_7, measure

__all__ = ["fold", "fold_all"]

_MONEY = {"₦": "NGN ", "₵": "GHS ", "₹": "INR "}
_FOLDS = {
    **dict.fromkeys("‘’‚‛′ʼʹ`´", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t", " "),
    **dict.fromkeys("\u00ad\u200b\u200c\u2060\ufeff", ""),
    "…": "...",
    "•": "-",
    "·": "-",
    "×": "x",
    **_MONEY,
    "®": "(R)",
    "©": "(C)",
    "™": "(TM)",
    "ı": "i",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "œ": "oe",
    "Œ": "OE",
    "þ": "th",
    "ð": "d",
    # Letters of Hausa, Akan, Ewe and others that are not a GSM-7 letter with an accent.
    "ɓ": "b", "Ɓ": "B", "ɗ": "d", "Ɗ": "D", "ƙ": "k", "Ƙ": "K", "ƴ": "y", "Ƴ": "Y", "ŋ": "n", "Ŋ": "N",
    "ɔ": "o", "Ɔ": "O", "ɛ": "e", "Ɛ": "E", "ħ": "h", "Ħ": "H",
    "⁄": "/",
}  # fmt: skip


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
    import unicodedata

    folded: list[str] = []
    previous = ""
    for character in text:
        if character == " " and previous in _MONEY:
            pass  # the equal of a currency sign ends with a space already
        elif character in GSM_7:
            folded.append(character)
        elif character in _FOLDS:
            folded.extend(_FOLDS[character])
        elif unicodedata.combining(character) and folded and folded[-1] in BASIC:
            # Some systems store an accent after its letter: join both to a GSM-7 letter, or drop the accent.
            composed = unicodedata.normalize("NFC", folded[-1] + character)
            folded[-1] = composed if composed in BASIC else folded[-1]
        else:
            plain = "".join(
                _FOLDS.get(part, part)
                for part in unicodedata.normalize("NFKD", character)
                if not unicodedata.combining(part)
            )
            keeps = plain and GSM_7.issuperset(plain)
            folded.extend(plain if keeps else character)
        previous = character
    return "".join(folded)
