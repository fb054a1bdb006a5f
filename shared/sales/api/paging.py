"""Pages of lists: which page a request asks for, and the answer with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sales.api import cursors
from sales.api.endpoint import Request, Response
from sales.domain.characters import CharacterError, read_words
from sales.domain.clock import format_time, parse_time
from sales.domain.ids import is_code, read_code
from sales.domain.problems import FieldError, Problem
from sales.domain.sms.states import Status
from sales.runtime.settings import settings

__all__ = ["LARGEST_LIMIT", "PageRequest", "read_page"]

_LIMIT = 25
LARGEST_LIMIT = 100


@dataclass(frozen=True, slots=True)
class PageRequest:
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

    def answer(
        self, rows: Sequence[dict[str, Any]], next_key: str | None = None, *, within: str = "data", **fields: Any
    ) -> Response:
        """Return 200 with the page: its rows in the field `within`, next to these fields.

        `next_key` is the sort key that the next page follows, if there is one: `Link` and `next_cursor` lead there.
        """
        cursor = cursors.encode(next_key, self.list_name, self.query) if next_key else None
        return Response(
            200,
            {**fields, within: list(rows), "has_more": cursor is not None, "next_cursor": cursor},
            {"link": _next_link(self.request, cursor)} if cursor else {},
        )


def _next_link(request: Request, cursor: str) -> str:
    """Return the Link header's value (RFC 8288) for the next page."""
    query = [(name, value) for name, value in parse_qsl(request.raw_query) if name != "cursor"]
    return f'<{request.path}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'


def _date(text: str) -> str:
    try:
        # An unencoded + in a query arrives as a space.
        return format_time(parse_time(text.replace(" ", "+")))
    except (ValueError, OverflowError):
        raise ValueError("must be a date, such as 2026-01-31, or an RFC 3339 time") from None


def _customer(text: str) -> str:
    # Orders store their customer's id. A code matches it too: the code is the first 40 bits of the id.
    if read_code(text) is None:
        raise ValueError("must be a customer's id or code")
    return text


def _status(text: str) -> str:
    if text not in set(Status):
        raise ValueError(f"must be one of: {', '.join(Status)}")
    return text


def _code(text: str) -> str:
    if not is_code(text.upper()):
        raise ValueError("must be a customer's code")
    return text.upper()


def _phone_number(text: str) -> str:
    # Late: most pages are read without this filter, and cold starts do not pay for its library.
    from sales.schemas.phone_numbers import read_form_number

    return read_form_number(text, settings().default_country)


def _true(text: str) -> str:
    if text != "true":
        raise ValueError("must be true, or left out")
    return text


def _at_most(longest: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if len(text) > longest:
            raise ValueError(f"must have at most {longest} characters")
        return text

    return read


def _reference(text: str) -> str:
    text = _at_most(100)(text)
    try:
        return read_words(text)
    except CharacterError:
        return text  # no order has it, and the released contract allows it


_READERS = {
    "customer": _customer,
    "sms_status": _status,
    "reference": _reference,
    "order_date_from": _date,
    "order_date_to": _date,
    "phone_number": _phone_number,
    "email": _at_most(254),
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
    for name in filters:
        if name in parameters:
            try:
                query[name] = _READERS[name](parameters[name])
            except ValueError as error:
                errors.append(FieldError(f"?{name}", "invalid", str(error)))
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
