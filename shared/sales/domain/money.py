"""Money: exact decimal amounts, with as many decimals as their currency has (ISO 4217)."""

from decimal import Decimal, InvalidOperation
from typing import Any

__all__ = ["CURRENCIES", "LARGEST", "AmountError", "check_decimals", "decimals", "parse_amount", "show_amount"]

LARGEST = Decimal("9999999999.99")

# ISO 4217's active codes by their number of decimals.
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_TWO = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC
CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES
KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR
NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT
TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG
"""
CURRENCIES = {
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_NONE.split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
}


class AmountError(ValueError):
    """The value cannot be used as an amount. `code` and `detail` tell the caller why; the code is one of FIELD_ERRORS."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def decimals(currency: str) -> int:
    """Return how many decimals an amount in this currency has. Raise KeyError for an unknown code."""
    return CURRENCIES[currency]


def parse_amount(value: Any) -> Decimal:
    """Return the exact amount in a JSON string or number, which must be above 0 and at most LARGEST.

    Raise AmountError for any other value, and for a float: parse JSON numbers as int or Decimal. `check_decimals`
    compares the amount with its currency.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise AmountError("invalid_type", "must be a decimal number, preferably as a string")
    try:
        # Decimal() also accepts other scripts' digits, underscores and surrounding space.
        if isinstance(value, str) and (not value.isascii() or "_" in value or value != value.strip()):
            raise InvalidOperation
        amount = Decimal(value)
    except (InvalidOperation, ValueError):
        raise AmountError("invalid_amount", 'must be a decimal number, such as "56000.68"') from None
    if not amount.is_finite():
        raise AmountError("invalid_amount", 'must be a decimal number, such as "56000.68"')
    if amount <= 0:
        raise AmountError("too_small", "must be greater than 0")
    if amount > LARGEST:
        raise AmountError("too_large", f"must be at most {LARGEST}")
    return amount


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
