"""Phone numbers of several countries, as libphonenumber's examples and in the ways that people write them."""

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

# Where shops are likely to be: Kenya, Uganda, Tanzania, Rwanda, Nigeria, Ghana, Ethiopia, South Africa.
COUNTRIES = ("KE", "UG", "TZ", "RW", "NG", "GH", "ET", "ZA")
_FULL_WIDTH = str.maketrans("+0123456789", "＋０１２３４５６７８９")
_ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def mobile(region: str) -> str:
    """Return libphonenumber's example of a mobile number of the region, in E.164."""
    number = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    assert number
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def ways_of_writing(region: str) -> list[str]:
    """Return the ways in which people in the region write their mobile number."""
    number = phonenumbers.parse(mobile(region))
    code, digits = number.country_code, phonenumbers.national_significant_number(number)
    e164, international, national, uri = (
        phonenumbers.format_number(number, kind)
        for kind in (
            PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL, PhoneNumberFormat.RFC3966,
        )
    )  # fmt: skip
    return [
        e164,
        international,
        national,
        uri,
        digits,
        f"0{digits}",
        f"{code}{digits}",
        f"00{code}{digits}",
        f"00 {code} 0{digits}",
        f"+{code} 0{digits}",
        f"+{code} (0){digits}",
        f"+{code}(0) {digits[:3]}-{digits[3:]}",
        f"(+{code}) {digits}",
        f"({code}) 0{digits}",
        national.replace(" ", "."),
        national.replace(" ", "-"),
        national.replace(" ", "\u00a0"),
        national.replace(" ", "\u2011"),
        international.replace(" ", "\u2013"),
        international.replace(" ", "\u2009"),
        f"\u202a{international}\u202c",
        f"\ufeff{e164}",
        f"{national}\t",
        f" {e164}\n",
        "\u200b".join(e164),
        e164.translate(_FULL_WIDTH),
        national.translate(_ARABIC),
        f"tel:{national}",
        f"TEL: {e164}",
        phonenumbers.format_out_of_country_calling_number(number, "FR"),
    ]
