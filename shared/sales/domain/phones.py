"""Phone numbers: stored and shown in E.164, read in the forms that Kenyans write."""

__all__ = ["is_e164", "mask", "parse_phone_number", "reported_number"]

_SEPARATORS = str.maketrans("", "", " ().-")
# A Kenyan number's nine digits may follow any of these. We do not check them against a list of ranges: new 01xx ranges
# appear faster than any list, and the provider knows which exist.
_KENYAN_PREFIXES = frozenset({"", "0", "254", "2540", "+254", "+2540"})


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def is_e164(text: str) -> bool:
    """Tell whether this is a whole international number: a plus sign and 7 to 15 digits (ITU-T E.164)."""
    return 8 <= len(text) <= 16 and text[0] == "+" and text[1] != "0" and _is_digits(text[1:])


def parse_phone_number(text: str) -> str:
    """Return the number in E.164: `0704590344`, `254704590344` and `+254 704 590 344` are all `+254704590344`.

    A number without a country is Kenyan and must be a mobile number. Raise ValueError, with a sentence for the person
    who wrote it, for any other text that is not a whole international number.
    """
    if not text.isascii():
        raise ValueError("must have only the digits 0 to 9")
    compact = text.translate(_SEPARATORS)
    if compact.startswith("00"):
        compact = "+" + compact[2:]
    prefix, national = compact[:-9], compact[-9:]
    if prefix in _KENYAN_PREFIXES and len(national) == 9 and national[0] in "71" and _is_digits(national):
        return "+254" + national
    if compact.startswith("+254"):
        raise ValueError("must be a mobile number: +254 and 9 digits that begin with 7 or 1")
    if not is_e164(compact):
        raise ValueError("must be a phone number, such as +254704590344")
    return compact


def reported_number(text: str) -> str:
    """Return the number a webhook is about, in E.164, or "" where it names no number.

    Its plus sign may be lost: a form that does not encode it turns it into a space.
    """
    for candidate in (text, f"+{text.strip()}"):
        try:
            return parse_phone_number(candidate)
        except ValueError:
            continue
    return ""


def mask(number: str) -> str:
    """Return the number as logs and answers may show it: `+2547****0344`."""
    return number[:5] + "****" + number[-4:] if len(number) > 9 else "****"  # a shorter one would be shown whole
