"""Money: exact decimal amounts, with as many decimals as their currency has (ISO 4217).

The currencies are those of ISO's list one of 2026-01-01 that are a country's money: no funds, metals or units of account.
A test compares them with ISO's file.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

__all__ = [
    "AMOUNT_PATTERN", "CURRENCIES", "LARGEST", "WITHDRAWN", "AmountError", "active_currency", "check_decimals", "decimals", "parse_amount",
    "say_amount", "show_amount",
]  # fmt: skip

LARGEST = Decimal("9999999999.99")
_WHOLE_DIGITS, _MOST_DECIMALS = 10, 3
# An amount as a string, for the contract (ECMA 262); a property test compares it with `parse_amount`.
AMOUNT_PATTERN = rf"^[0-9]{{1,{_WHOLE_DIGITS}}}(\.[0-9]{{1,{_MOST_DECIMALS}}})?$"

# The codes by their number of decimals.
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_TWO = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC
CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES
KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR
NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT
TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
"""
CURRENCIES = {
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_NONE.split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
}
# No new order can have these, but older ones do.
WITHDRAWN = {"ANG": 2, "BGN": 2, "UYI": 0}


class AmountError(ValueError):
    """The value cannot be used as an amount. `code` and `detail` tell the caller why; the code is one of FIELD_ERRORS."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def decimals(currency: str) -> int:
    """Return how many decimals an amount in this currency has. Raise KeyError for an unknown code."""
    return CURRENCIES[currency] if currency in CURRENCIES else WITHDRAWN[currency]


def active_currency(text: str) -> str:
    """Return the text, if a new order may have it as its currency. Raise ValueError otherwise."""
    if text not in CURRENCIES:
        raise ValueError("must be an ISO 4217 code, such as KES")
    return text


def parse_amount(value: Any) -> Decimal:
    """Return the exact amount in a JSON string or number, which must be above 0 and at most LARGEST.

    It is written as the contract says: digits and a point, no sign, no power of ten. Raise AmountError for anything else.
    Parse JSON numbers as int or Decimal, and as float only those with an exponent: spreadsheets round amounts to write
    them so. `check_decimals` compares the amount with its currency.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise AmountError("invalid_type", "must be a decimal number, preferably as a string")
    try:
        amount = Decimal(value)
    except (InvalidOperation, ValueError):
        amount = Decimal("NaN")
    if amount.is_nan() or (isinstance(value, str) and amount.is_infinite()):
        raise AmountError("invalid_amount", 'must be a decimal number, such as "56000.68"')
    if amount <= 0:
        raise AmountError("too_small", "must be greater than 0")
    if amount > LARGEST:
        raise AmountError("too_large", f"must be at most {LARGEST}")
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    whole, point, fraction = text.partition(".")
    if isinstance(value, float) or not _is_digits(whole) or (point and not _is_digits(fraction)):
        raise AmountError("invalid_amount", 'must be written out as a decimal number, such as "56000.68"')
    if len(whole) > _WHOLE_DIGITS:
        raise AmountError("invalid_amount", f"must have at most {_WHOLE_DIGITS} digits before the point")
    if len(fraction) > _MOST_DECIMALS:
        raise AmountError("too_many_decimals", f"must have at most {_MOST_DECIMALS} decimals")
    return amount


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def check_decimals(amount: Decimal, currency: str) -> Decimal:
    """Return the amount with exactly its currency's decimals. Raise AmountError where it has more."""
    places = Decimal(1).scaleb(-decimals(currency))
    exact = amount.quantize(places)
    if exact != amount:
        raise AmountError("too_many_decimals", f"must have at most {decimals(currency)} decimals in {currency}")
    return exact


def show_amount(amount: Decimal, currency: str) -> str:
    """Write the amount with all the decimals of its currency: 56000.68, 100.00."""
    return f"{amount:.{decimals(currency)}f}"


def say_amount(amount: Decimal, currency: str) -> str:
    """Write the amount as a text says it, in groups of thousands: 56,000.68."""
    return f"{amount:,.{decimals(currency)}f}"
