"""The limits and currencies that the console's forms share with the API, as a JavaScript module."""

import json
from collections.abc import Mapping
from typing import Any

from sales.domain.ids import ALPHABET
from sales.domain.money import CURRENCIES, LARGEST

__all__ = ["console_module"]


def console_module(document: Mapping[str, Any]) -> str:
    """Return the module: the most characters of each text field, currencies, the largest amount, the characters of codes."""
    schemas = document["components"]["schemas"]

    def limits(schema: str) -> str:
        fields = schemas[schema]["properties"]
        most = {name: _longest(field) for name, field in fields.items()}
        return json.dumps({name: value for name, value in most.items() if value})

    others = {code: decimals for code, decimals in sorted(CURRENCIES.items()) if decimals != 2}
    return "\n".join(
        (
            "// Written by `python -m contract`: what the console's forms share with the API.",
            "",
            "// The most characters of a field.",
            f"export const CUSTOMER = {limits('NewCustomer')};",
            f"export const ORDER = {limits('NewOrder')};",
            f"export const REASON = {_longest(schemas['Resend']['properties']['reason'])};",
            f'export const CODE_CHARACTERS = "{ALPHABET}";',
            f'export const MOST_AMOUNT = "{LARGEST:,}";',
            f'export const CURRENCIES = "{" ".join(sorted(CURRENCIES))}".split(" ");',
            f"const DECIMALS = {json.dumps(others)};",
            "// How many decimals an amount in this currency has.",
            "export const decimalsOf = (currency) => DECIMALS[currency] ?? 2;",
            "",
        )
    )


def _longest(field: Mapping[str, Any]) -> int | None:
    """Return the most characters of a field, which may be null too."""
    longest = field.get("maxLength")
    return longest or next((option["maxLength"] for option in field.get("anyOf", ()) if "maxLength" in option), None)
