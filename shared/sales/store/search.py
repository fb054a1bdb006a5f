"""Customers found by name, number or code.

The indexes are keyed by attributes of the customer's own item, so a change or an erasure changes what finds it in the same
write. DynamoDB updates an index a moment after the item, those of the lists too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sales.domain.customers import Customer
from sales.domain.search import MOST_FOUND, Readings, Row, number_prefix, places_of
from sales.store.customers import Customers
from sales.store.items import unmarshal_item
from sales.store.table import Connection, Table

__all__ = ["MOST_ROWS", "Search"]

# How many rows of an index a search reads for a number.
_NUMBER_ROWS = 100
# And for its longest word; if that begins more names, and too few of them fit, for each of its words, until one has no more.
_NAME_ROWS = (100, *[1_000] * 5)
MOST_ROWS = sum(_NAME_ROWS[1:])
# Keys are compared as UTF-8, in which no character is after this one.
_LAST = "\U0010ffff"


@dataclass
class _Span:
    """The rows of an index whose key begins with a prefix, and how far they are read."""

    index: str
    partition_key: str
    key: str
    partition: str
    prefix: str
    # The word of the search that it is for; empty for numbers.
    word: str = ""
    is_exact: bool = False
    # Where the next rows begin; None at the end.
    last: dict[str, Any] | None = None


def _spans_of_names(word: str) -> Iterator[_Span]:
    for place in range(1, places_of(word) + 1):
        yield _Span(f"by_name_{place}", f"initial_{place}", f"name_{place}", word[0], word, word)


def _spans_of_numbers(readings: Readings) -> Iterator[_Span]:
    index = ("by_number_end", "number_end", "number_start")
    if readings.number:
        end, start = number_prefix(readings.number[1:])
        yield _Span(*index, end, f"{start} ", is_exact=True)
    if readings.last_digits:
        yield _Span(*index, *number_prefix(readings.last_digits))


class Search:
    """Finds customers. Safe to share between threads; may raise Problem `unavailable`."""

    def __init__(self, connection: Connection, table: Table, customers: Customers) -> None:
        self._connection = connection
        self._table = table
        self._customers = customers

    def customers(self, readings: Readings) -> list[Customer]:
        """Return up to MOST_FOUND customers that match, exact matches first, then the newest.

        If fewer match, all are found, provided that one of the words begins at most MOST_ROWS first, second or third names.
        If more match, those created last are among them only as far as the first rows of the indexes reach.
        """
        by_code = self._connection.threads.submit(self._customers.get, readings.code) if readings.code else None
        rows = self._matching_rows(readings)
        best = sorted(rows, key=lambda code: rows[code][0], reverse=True)[:MOST_FOUND]
        customers = {code: self._customers.read(unmarshal_item(rows[code][1])) for code in best}
        if by_code and (named := by_code.result()):
            customers[named.code] = named
        matching = [customer for customer in customers.values() if readings.match(customer)]
        matching.sort(key=lambda customer: (readings.match_exactly(customer), customer.sort_key), reverse=True)
        return matching[:MOST_FOUND]

    def _matching_rows(self, readings: Readings) -> dict[str, tuple[tuple[bool, str], Any]]:
        """Return the rows that match by the customer's code: whether it does exactly, its time, and its item in DynamoDB's form."""
        found: dict[str, tuple[tuple[bool, str], Any]] = {}
        # A customer who matches has a row for each word, so all rows of one word are enough. The longest has the fewest.
        first, *others = readings.longest_words or [""]
        spans = [*_spans_of_numbers(readings), *(_spans_of_names(first) if first else ())]
        for turn, limit in enumerate(_NAME_ROWS):
            limits = [limit if span.word else _NUMBER_ROWS for span in spans]
            pages = self._connection.threads.map(self._rows, spans, limits)
            for span, items in zip(spans, pages, strict=True):
                for item in items:
                    row, code = Row.read(item[span.key]["S"]), item["code"]["S"]
                    if not span.word or readings.fit(row.words):
                        rank = (span.is_exact or (bool(span.word) and readings.are_whole(row.words)), row.created)
                        if code not in found or rank > found[code][0]:
                            found[code] = (rank, item)
            words = {span.word for span in spans if span.word}
            spans = [span for span in spans if span.word and span.last]
            if len(found) >= MOST_FOUND or words != {span.word for span in spans} or not spans:
                break
            if turn == 0:
                spans += (span for word in others for span in _spans_of_names(word))
        return found

    def _rows(self, span: _Span, limit: int) -> list[Any]:
        condition = f"{span.partition_key} = :partition"
        values = {":partition": span.partition}
        if span.prefix:
            # Not begins_with: the local database then reads on to the partition's end.
            condition += f" AND {span.key} BETWEEN :first AND :last"
            values |= {":first": span.prefix, ":last": f"{span.prefix}{_LAST}"}
        rows, span.last = self._table.query_from(span.index, condition, values, limit=limit, follows=span.last)
        return rows
