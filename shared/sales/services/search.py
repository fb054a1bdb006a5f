"""Customers by what a person types."""

from contextlib import suppress

from sales.domain.customers import Customer
from sales.domain.ids import read_code
from sales.domain.phones import compact_number
from sales.domain.problems import FieldError, Problem
from sales.domain.search import FEWEST_DIGITS, MOST_DIGITS, MOST_NAMES, Readings, words_of
from sales.runtime.settings import settings
from sales.store import store

__all__ = ["search_customers"]


def search_customers(text: str) -> list[Customer]:
    """Return the customers that the text finds, exact matches first, then the newest; at most MOST_FOUND.

    Raise Problem `invalid_query` for a text that can find no customer.
    """
    readings = _readings(text)
    return store().search.customers(readings)


def _readings(text: str) -> Readings:
    words = Readings(words=tuple(words_of(text)))
    # More different names than a customer is found by.
    too_many = len(words.longest_words) > MOST_NAMES
    number, last_digits = _digits(text)
    code = read_code(text.strip()) or ""
    if (too_many or not words.words) and not (number or last_digits or code):
        detail = f"must have at most {MOST_NAMES} names" if words.words else "must have a letter or a digit"
        raise Problem("invalid_query", errors=[FieldError("?search", "invalid", detail)])
    return Readings(() if too_many else words.words, number, last_digits, code)


def _digits(text: str) -> tuple[str, str]:
    """Return the whole number that a text is, and the last digits that it can be; each empty if it is none."""
    try:
        digits = compact_number(text)
    except ValueError:
        return "", ""
    number = ""
    if len(digits) >= FEWEST_DIGITS:
        # Late: most searches are for names.
        from sales.schemas.phone_numbers import read_form_number

        with suppress(ValueError):
            number = read_form_number(text, settings().default_country)
    return number, digits if digits.isdigit() and FEWEST_DIGITS <= len(digits) <= MOST_DIGITS else ""
