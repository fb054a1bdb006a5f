"""The one reader of phone numbers as people and systems write them: in bodies, filters and webhooks.

It needs libphonenumber, whose import takes a tenth of a start. So only functions that read numbers import this module.
"""

from contextlib import suppress

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

from sales.domain.countries import calling_code_of, country, shared_with
from sales.domain.phones import compact_number, is_e164

__all__ = ["read_form_number", "read_number", "read_reported_number"]

# A text can reach these. In some countries landlines and mobiles look alike, and some networks deliver to both.
_REACHABLE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
# No number has more digits (ITU-T E.164).
_WORDS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen",
)  # fmt: skip


def read_number(text: str, region: str) -> str:
    """Return the number in E.164; one without a calling code is of this region, such as KE.

    Spaces, dashes, dots and brackets of any kind and invisible characters do not count, trunk zeros go, and `00` in front
    means a plus sign. Raise ValueError, with a sentence for the person who wrote it, if libphonenumber knows no such mobile
    or landline number.
    """
    compact = compact_number(text)
    if compact.startswith("00"):
        # First as most of the world dials; some countries, Kenya among them, dial other zeros.
        with suppress(ValueError):
            return _e164(f"+{compact[2:]}", region)
    return _e164(compact, region)


def read_form_number(text: str, region: str) -> str:
    """Return the number in a query or form: a plus sign that was not encoded arrives as a space. Raise ValueError."""
    if text.startswith(" "):
        with suppress(ValueError):
            return read_number(f"+{text}", region)
    return read_number(text, region)


def read_reported_number(text: str, region: str) -> str:
    """Return the number that the provider names in a form, or raise ValueError.

    The provider always writes the calling code. It repeats numbers that we sent, so E.164 stands even where a newer
    libphonenumber no longer knows the number: its delivery reports and opt-outs still count.
    """
    for spelling in (f"+{text.lstrip(' +')}", text):
        with suppress(ValueError):
            return read_number(spelling, region)
    if is_e164(text):
        return text
    raise ValueError("must be a phone number with its calling code")


def _e164(compact: str, region: str) -> str:
    try:
        number = phonenumbers.parse(compact, region)
    except NumberParseException:
        # No such calling code, nearly no digits, or far too many.
        code = calling_code_of(compact) if len(compact) > 1 and compact[0] == "+" else country(region).calling_code
        raise ValueError(_why_invalid(int(code), 0, region)) from None
    digits = len(phonenumbers.national_significant_number(number))
    if not phonenumbers.is_valid_number(number):
        raise ValueError(_why_invalid(number.country_code or 0, digits, region))
    if phonenumbers.region_code_for_number(number) == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY:
        raise ValueError(f"must be a country's number: +{number.country_code} belongs to satellites and services")
    kind = phonenumbers.number_type(number)
    if kind not in _REACHABLE:
        name = PhoneNumberType.to_string(kind).lower().replace("_", " ")
        raise ValueError(f"must be a mobile or landline number: this one is {name}, which gets no texts")
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not is_e164(e164):
        # Germany has old landline numbers that are longer than international numbers may be.
        raise ValueError(_why_invalid(number.country_code or 0, digits, region))
    return e164


def _why_invalid(code: int, digits: int, shop: str) -> str:
    """Return what is wrong with a number that has so many digits after this calling code, for a shop in this region."""
    region = phonenumbers.region_code_for_country_code(code)
    if region == phonenumbers.UNKNOWN_REGION:
        return f"must be a number in {country(shop).name}, or have + and another country's calling code in front"
    if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY:
        return f"must be a country's number: +{code} belongs to satellites and services"
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    mobile = metadata and (metadata.mobile or metadata.general_desc)
    possible = mobile.possible_length if mobile else ()
    if digits in possible:
        where = f"with +{code}" if shared_with(region) else f"in {country(region).name}"
        return f"must be a number in use: no mobile or landline number {where} begins like this"
    lengths = [_WORDS[length] for length in possible]
    words = f"{lengths[0]} to {lengths[-1]}" if len(lengths) > 2 else " or ".join(lengths)
    whose = "" if shared_with(region) else f", as mobile numbers in {country(region).name} do"
    return f"must have {words} digits after +{code}{whose}"
