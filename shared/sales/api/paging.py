"""Pages of lists: which page a request asks for, and the answer with it; and which days of the shop."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from sales.api import cursors
from sales.api.endpoint import Request, Response
from sales.domain import clock
from sales.domain.characters import read_words
from sales.domain.clock import format_time, parse_time
from sales.domain.ids import LONGEST_REFERENCE, id_and_code, read_code
from sales.domain.problems import FieldError, Problem
from sales.domain.shop_time import day_of
from sales.domain.sms.states import Status
from sales.runtime.settings import settings

__all__ = ["DAYS", "LARGEST_LIMIT", "LONGEST_SEARCH", "MOST_DAYS", "PageRequest", "read_days", "read_page"]

_LIMIT = 25
LARGEST_LIMIT = 100
LONGEST_SEARCH = 150
DAYS, MOST_DAYS = 31, 366
# The lists that are CSV files too.
_FILES = frozenset({"customers", "orders"})


class PageRequest(NamedTuple):
    """A validated request for a page.

    `since` (inclusive) and `until` (exclusive) bound the sort key; the page begins after the row with sort key `follows`.
    """

    request: Request
    list_name: str
    filters: dict[str, str]
    query: dict[str, str]
    since: str | None
    until: str | None
    follows: str | None
    limit: int

    @property
    def wants_csv(self) -> bool:
        """Whether the answer is a file. Only the lists of customers and orders are files, and only if the caller asks."""
        accept = self.request.headers.get("accept", "")
        if self.list_name not in _FILES or "csv" not in accept.lower():
            return False
        # Late: few lists are files.
        from sales.api.csv_lists import prefers_csv

        return prefers_csv(accept)

    def answer(
        self, rows: Sequence[dict[str, Any]], next_key: str | None = None, *, within: str = "data", **fields: Any
    ) -> Response:
        """Return 200 with the page: its rows in the field `within`, next to these fields; or as a CSV file, if asked for.

        `next_key` is the sort key that the next page follows, if there is one: `Link` and `next_cursor` lead there.
        """
        cursor = cursors.encode(next_key, self.list_name, self.query) if next_key else None
        headers = {"vary": "accept"} if self.list_name in _FILES else {}
        if cursor:
            headers["link"] = _next_link(self.request, cursor)
        if self.wants_csv:
            from sales.api.csv_lists import csv_response

            return csv_response(self.list_name, rows, headers)
        page = {**fields, within: list(rows), "has_more": cursor is not None, "next_cursor": cursor}
        return Response(200, page, headers)


def _next_link(request: Request, cursor: str) -> str:
    """Return the Link header's value (RFC 8288) for the next page."""
    query = [(name, value) for name, value in parse_qsl(request.raw_query) if name != "cursor"]
    return f'<{request.path}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'


def _without_space(text: str) -> str:
    """Return a value that can have no space inside: an unencoded + in a query arrives as one. Spaces at its ends are trimmed."""
    inside = text.strip()
    return text.replace(inside, inside.replace(" ", "+")).strip(" ")


def _date(text: str) -> str:
    try:
        return format_time(parse_time(_without_space(text)))
    except ValueError:
        raise ValueError("must be a date, such as 2026-01-31, or an RFC 3339 time") from None


def _customer(text: str) -> str:
    try:
        customer_id, code = id_and_code(text)
    except Problem:
        raise ValueError("must be a customer's id or code") from None
    return customer_id or code


def _order_status(text: str) -> str:
    # Late: lists of customers load nothing about orders.
    from sales.domain.orders import ORDER_STATUSES

    if text not in ORDER_STATUSES:
        raise ValueError(f"must be one of: {', '.join(ORDER_STATUSES)}")
    return text


def _status(text: str) -> str:
    if text not in set(Status):
        raise ValueError(f"must be one of: {', '.join(Status)}")
    return text


def _code(text: str) -> str:
    if (code := read_code(text)) is None:
        raise ValueError("must be a customer's code")
    return code


def _phone_number(text: str) -> str:
    # Late: most pages are read without this filter, and cold starts do not pay for its library.
    from sales.schemas.phone_numbers import read_form_number

    return read_form_number(text, settings().default_country)


def _true(text: str) -> str:
    if text != "true":
        raise ValueError("must be true, or left out")
    return text


def _email(text: str) -> str:
    # Late, as for phone numbers: the pattern takes a while to compile.
    from sales.schemas.emails import read_email

    # Addresses are found in either case, so both are the same filter to a cursor.
    return read_email(_without_space(text)).lower()


def _reference(text: str) -> str:
    if len(text) > LONGEST_REFERENCE:
        raise ValueError(f"must have at most {LONGEST_REFERENCE} characters")
    return read_words(text)


def _search(text: str) -> str:
    # `sales.services.search` says what it finds.
    if len(text) > LONGEST_SEARCH:
        raise ValueError(f"must have at most {LONGEST_SEARCH} characters")
    return text


_READERS = {
    "search": _search,
    "customer": _customer,
    "status": _order_status,
    "sms_status": _status,
    "reference": _reference,
    "order_date_from": _date,
    "order_date_to": _date,
    "phone_number": _phone_number,
    "email": _email,
    "code": _code,
    "sms_opted_out": _true,
    "sms_blocked": _true,
}


def read_page(request: Request, list_name: str, *filters: str, limit: int = _LIMIT) -> PageRequest:
    """Return the page that the query asks for: these filters, `limit` (1 to 100) and `cursor`.

    Raise Problem `invalid_query` with every parameter at fault, or `invalid_cursor`.
    """
    parameters = request.query("limit", "cursor", *filters)
    errors = []
    query: dict[str, str] = {}
    for name in ("search",) if "search" in parameters else filters:
        if name in parameters:
            try:
                query[name] = _READERS[name](parameters[name])
            except ValueError as error:
                errors.append(FieldError(f"?{name}", "invalid", str(error)))
    if "search" in parameters:
        errors += (
            FieldError(f"?{name}", "invalid", "cannot be combined with search")
            for name in parameters
            if name not in ("search", "limit")
        )
    raw_limit = parameters.get("limit", str(limit))
    limit = int(raw_limit) if raw_limit.isascii() and raw_limit.isdigit() and len(raw_limit) < 6 else 0
    if not 1 <= limit <= LARGEST_LIMIT:
        errors.append(FieldError("?limit", "invalid", f"must be a whole number from 1 to {LARGEST_LIMIT}"))
    if errors:
        raise Problem("invalid_query", errors=errors)
    return PageRequest(
        request=request,
        list_name=list_name,
        filters={name: value for name, value in query.items() if not name.startswith("order_date")},
        query=query,
        since=query.get("order_date_from"),
        until=query.get("order_date_to"),
        follows=cursors.decode(parameters["cursor"], list_name, query) if "cursor" in parameters else None,
        limit=limit,
    )


def read_days(request: Request) -> tuple[str, str]:
    """Return the first and the last day that the query asks for, both inclusive: `from` and `to`, in the shop's own time.

    Without `to` the last day is today, or `from` if that is later; without `from` there are DAYS days. Raise Problem
    `invalid_query` with every parameter at fault.
    """
    parameters = request.query("from", "to")
    days: dict[str, date] = {}
    errors = []
    for name, text in parameters.items():
        try:
            days[name] = _day(text)
        except ValueError:
            errors.append(FieldError(f"?{name}", "invalid", "must be a date, such as 2026-01-31"))
    if not errors:
        today = date.fromisoformat(day_of(clock.now(), settings().utc_offset))
        last = days.get("to") or max(today, days.get("from", today))
        first = days.get("from") or date.fromordinal(max(last.toordinal() - DAYS + 1, 1))
        if first > last:
            errors.append(FieldError("?from", "invalid", "must not be later than `to`"))
        elif (last - first).days >= MOST_DAYS:
            errors.append(FieldError("?from", "invalid", f"ask for at most {MOST_DAYS} days"))
    if errors:
        raise Problem("invalid_query", errors=errors)
    return first.isoformat(), last.isoformat()


def _day(text: str) -> date:
    # `fromisoformat` also reads weeks, and dates without dashes.
    if not (text.isascii() and len(text) == len("2026-01-31") and text.replace("-", "").isdigit()):
        raise ValueError(text)
    return date.fromisoformat(text)
