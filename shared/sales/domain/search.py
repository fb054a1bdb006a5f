"""Finding customers by what people type: beginnings of names, a phone number or its last digits, or a code.

`Readings` is the rule: which customers a text finds. The store finds candidates in indexes whose keys are computed here
too, from the customer alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from sales.domain.characters import is_invisible
from sales.domain.customers import Customer

__all__ = [
    "FEWEST_DIGITS",
    "MOST_DIGITS",
    "MOST_FOUND",
    "MOST_NAMES",
    "Readings",
    "Row",
    "name_keys",
    "names_of",
    "number_keys",
    "number_prefix",
    "places_of",
    "words_of",
]

MOST_FOUND = 25
# The fewest digits that find a number by its end, and the most that a number has (ITU-T E.164).
FEWEST_DIGITS, MOST_DIGITS = 4, 15
# How many of a customer's names are looked at. Each has an index of its own.
MOST_NAMES = 3
# DynamoDB's keys have at most 1,024 bytes: three names of so many characters, four bytes each, and a time.
_LONGEST_WORD = 60
# Latin letters that neither case nor decomposition explains. FOLDS lacks them, because GSM-7 has them (CLDR Latin-ASCII).
_LATIN = {"æ": "ae", "ø": "o"}
_APOSTROPHES = str.maketrans("", "", "'`")
# A time's digits, each as its difference from nine: ascending keys are newest first.
_NEWEST_FIRST = str.maketrans("0123456789", "9876543210", "-:.TZ")


def words_of(text: str) -> list[str]:
    """Return the words of a name or a search, folded: without case, accents and apostrophes.

    Everything but letters, their marks and digits parts words, hyphens too.
    """
    folded = (text.lower() if text.isascii() else _fold(text)).translate(_APOSTROPHES)
    parted = "".join(character if _is_in_word(character) else " " for character in folded)
    return [word[:_LONGEST_WORD] for word in parted.split()]


def _fold(text: str) -> str:
    # Late: most names are ASCII.
    from unicodedata import combining, normalize

    from sales.domain.sms.folds import FOLDS

    decomposed = normalize("NFKD", normalize("NFKD", text).casefold())
    visible = (character for character in decomposed if not combining(character) and not is_invisible(character))
    return "".join(FOLDS.get(character) or _LATIN.get(character, character) for character in visible).casefold()


def _is_in_word(character: str) -> bool:
    if character.isascii() or character.isalnum():
        return character.isalnum()
    from unicodedata import category

    # The vowel signs of many scripts are marks.
    return category(character)[0] == "M"


def names_of(name: str) -> list[str]:
    """Return the names that find a customer of this name: its first three words, each once.

    A word that begins with a digit comes first, and a second one does not count: digits, which are mostly typed to find a
    number, are looked for in one index of names only.
    """
    words = dict.fromkeys(words_of(name)[:MOST_NAMES])
    numbers = [word for word in words if word[0].isdigit()]
    return [*numbers[:1], *(word for word in words if word not in numbers)]


def places_of(word: str) -> int:
    """Return in how many of MOST_NAMES places of customers' names the word can be."""
    return 1 if word[0].isdigit() else MOST_NAMES


@dataclass(frozen=True, repr=False, eq=False)
class Readings:
    """The readings of a search. A reading that its text does not allow is empty.

    Each of `words` begins one of the customer's names; `number` is a whole number in E.164, `last_digits` how one ends.
    """

    words: tuple[str, ...] = ()
    number: str = ""
    last_digits: str = ""
    code: str = ""

    @cached_property
    def longest_words(self) -> list[str]:
        """The words without those that another one begins with, and so implies; the longest first."""
        words = sorted(dict.fromkeys(self.words), key=len, reverse=True)
        return [word for word in words if not any(other != word and other.startswith(word) for other in words)]

    def fit(self, names: list[str]) -> bool:
        """Tell whether each word begins one of these names."""
        return bool(self.words) and all(any(name.startswith(word) for name in names) for word in self.longest_words)

    def are_whole(self, names: list[str]) -> bool:
        """Tell whether each word is one of these names."""
        return bool(self.words) and set(self.words) <= set(names)

    def match(self, customer: Customer) -> bool:
        """Tell whether the search finds this customer; it finds no erased one."""
        return not customer.erased and (
            self.match_exactly(customer)
            or (bool(self.last_digits) and customer.phone_number.endswith(self.last_digits))
            or self.fit(names_of(customer.name))
        )

    def match_exactly(self, customer: Customer) -> bool:
        """Tell whether a reading is the customer's code or whole number, or each word a whole name."""
        return (
            customer.code == self.code
            or customer.phone_number == self.number
            or self.are_whole(names_of(customer.name))
        )


class Row(NamedTuple):
    """The content of an index row about a customer: its first word and all others, and when it was created, as digits."""

    words: list[str]
    created: str

    @classmethod
    def read(cls, key: str) -> "Row":
        """Return what a key of `name_keys` or `number_keys` says."""
        first, newest_first, *others = key.split(" ")
        return cls([first, *others], newest_first.translate(_NEWEST_FIRST))


def name_keys(name: str, created_at: str) -> Iterator[tuple[str, str]]:
    """Yield the partition and key of each of a customer's names, at most MOST_NAMES: its first letter, and the name.

    The time comes next, so among longer names the whole ones are first, newest first; then the other names, so that a row
    alone says whether all words of a search fit.
    """
    names = names_of(name)
    for first in names:
        others = (other for other in names if other != first)
        yield first[0], " ".join([first, created_at.translate(_NEWEST_FIRST), *others])


def number_keys(number: str, created_at: str) -> tuple[str, str]:
    """Return the partition and key of a customer's number: its last four digits, and the others backwards."""
    end, before = number_prefix(number[1:])
    return end, f"{before} {created_at.translate(_NEWEST_FIRST)}"


def number_prefix(last_digits: str) -> tuple[str, str]:
    """Return the partition of the numbers that end with these digits, and what their keys begin with."""
    return last_digits[-FEWEST_DIGITS:], last_digits[:-FEWEST_DIGITS][::-1]
