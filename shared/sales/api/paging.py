"""Lists: what a caller may ask of one, and the page that answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sales.api import cursors
from sales.api.endpoint import Request, Response, next_link
from sales.domain.clock import format_time, parse_time
from sales.domain.ids import CODE, read_code
from sales.domain.phones import parse_phone_number
from sales.domain.problems import FieldError, Problem
from sales.domain.sms.states import Status

__all__ = ["LARGEST_LIMIT", "Asked", "read_page"]

_LIMIT = 25
LARGEST_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """A validated request for a page: `since` and `until` bound the sort key, `follows` is where the page begins."""

    request: Request
    of: str
    filters: dict[str, str]
    given: dict[str, str]
    since: str | None
    until: str | None
    follows: str | None
    limit: int

    def answer(
        self, rows: Sequence[dict[str, Any]], next_key: str | None = None, *, within: str = "data", **beside: Any
    ) -> Response:
        """200 with the page, its rows under this name; `Link` and `next_cursor` lead to the next one."""
        cursor = cursors.encode(next_key, self.of, self.given) if next_key else None
        return Response(
            200,
            {**beside, within: list(rows), "has_more": cursor is not None, "next_cursor": cursor},
            {"link": next_link(self.request, cursor)} if cursor else {},
        )


def _date(text: str) -> str:
    try:
        return format_time(parse_time(text.replace(" ", "+")))
    except (ValueError, OverflowError):
        raise ValueError("must be an RFC 3339 time or a date such as 2026-01-31") from None


def _customer(text: str) -> str:
    # Orders carry their customer's id; a code alone does not tell it, but the first 40 bits of the id are the code.
    if read_code(text) is None:
        raise ValueError("must be a customer's id or code")
    return text


def _status(text: str) -> str:
    if text not in set(Status):
        raise ValueError(f"must be one of: {', '.join(Status)}")
    return text


def _code(text: str) -> str:
    if not CODE.fullmatch(text.upper()):
        raise ValueError("must be a customer's code")
    return text.upper()


def _at_most(longest: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if len(text) > longest:
            raise ValueError(f"must have at most {longest} characters")
        return text

    return read


_READERS = {
    "customer": _customer,
    "sms_status": _status,
    "reference": _at_most(100),
    "order_date_from": _date,
    "order_date_to": _date,
    "phone_number": parse_phone_number,
    "email": _at_most(254),
    "code": _code,
}


def read_page(request: Request, of: str, *filters: str, limit: int = _LIMIT) -> Asked:
    """What the query asks of the list with this name: these filters, `limit` 1 to 100, `cursor`.

    Raises Problem `invalid_query` with every parameter at fault, or `invalid_cursor`.
    """
    query = request.query("limit", "cursor", *filters)
    errors = []
    given: dict[str, str] = {}
    for name in filters:
        if name in query:
            try:
                given[name] = _READERS[name](query[name])
            except ValueError as error:
                errors.append(FieldError(f"?{name}", "invalid", str(error)))
    raw_limit = query.get("limit", str(limit))
    limit = int(raw_limit) if raw_limit.isascii() and raw_limit.isdigit() and len(raw_limit) < 6 else 0
    if not 1 <= limit <= LARGEST_LIMIT:
        errors.append(FieldError("?limit", "invalid", f"must be a whole number from 1 to {LARGEST_LIMIT}"))
    if errors:
        raise Problem("invalid_query", errors=errors)
    return Asked(
        request=request,
        of=of,
        filters={name: value for name, value in given.items() if not name.startswith("order_date")},
        given=given,
        since=given.get("order_date_from"),
        until=given.get("order_date_to"),
        follows=cursors.decode(query["cursor"], of, given) if "cursor" in query else None,
        limit=limit,
    )
