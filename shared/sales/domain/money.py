"""Exact money: decimal amounts with the number of decimals their currency has (ISO 4217)."""

from decimal import Decimal, InvalidOperation
from typing import Any

__all__ = ["CURRENCIES", "LARGEST", "AmountError", "decimals", "parse_amount", "show_amount"]

LARGEST = Decimal("9999999999.99")

# ISO 4217's active codes by their minor units; two where nothing else is said.
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
    """The value is no amount; `code` and `detail` say why, as a caller is told."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def decimals(currency: str) -> int:
    """How many decimals an amount in this ISO 4217 currency has. Raises KeyError for an unknown code."""
    return CURRENCIES[currency]


def parse_amount(value: Any) -> Decimal:
    """The exact amount a JSON string or number (parsed as int or Decimal, never float) names: above 0, at most LARGEST.

    Raises AmountError. Decimals are checked against the currency by `check_decimals`.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise AmountError("invalid_type", "must be a decimal number, best as a string")
    try:
        # Decimal() also reads other scripts' digits, underscores and surrounding space; none of that is an amount.
        if isinstance(value, str) and (not value.isascii() or "_" in value or value != value.strip()):
            raise InvalidOperation
        amount = Decimal(value)
    except (InvalidOperation, ValueError):
        raise AmountError("invalid_amount", 'must be a decimal number such as "56000.68"') from None
    if not amount.is_finite():
        raise AmountError("invalid_amount", 'must be a decimal number such as "56000.68"')
    if amount <= 0:
        raise AmountError("too_small", "must be greater than 0")
    if amount > LARGEST:
        raise AmountError("too_large", f"must be at most {LARGEST}")
    return amount


def check_decimals(amount: Decimal, currency: str) -> Decimal:
    """The amount with exactly the currency's decimals. Raises AmountError where it has more."""
    places = Decimal(1).scaleb(-decimals(currency))
    exact = amount.quantize(places)
    if exact != amount:
        raise AmountError("too_many_decimals", f"must have at most {decimals(currency)} decimals in {currency}")
    return exact


def show_amount(amount: Decimal, currency: str) -> str:
    """The amount as it is written out, with all the decimals of its currency: 56000.68, 100.00."""
    return f"{amount:.{decimals(currency)}f}"
