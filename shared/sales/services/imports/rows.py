"""Reading a row of an import, and writing many side by side."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sales.domain.files.import_file import Result
from sales.domain.files.spreadsheets import fault
from sales.domain.problems import FieldError, Problem
from sales.runtime.settings import settings
from sales.schemas.common import Input, parse

__all__ = [
    "CREATED",
    "READERS",
    "UNCHANGED",
    "Deadline",
    "RowError",
    "read_row",
    "refused",
    "side_by_side",
    "store_rows",
]

CREATED, UNCHANGED, _REFUSED = "created", "unchanged", "refused"
# Readers keep the store busy; more would only wait for each other. Writers fill a group of the store's (`GroupCommit`).
READERS, _WRITERS = 8, 50
_SECONDS = 20.0


class RowError(Exception):
    """The row cannot be stored; `errors` are all its fields at fault."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__()
        self.errors = errors


def refused(errors: Sequence[FieldError], id: str = "", code: str = "") -> Result:
    """Return the result of a row that is not stored: each column at fault, and why."""
    return Result(_REFUSED, id, code, "; ".join(f"{error.pointer[1:]}: {error.detail}" for error in errors))


def read_row[Model: Input](
    model: type[Model], fields: Mapping[str, Any], languages: Callable[[], Collection[str]] = tuple
) -> Model:
    """Return the row as the request that it stands for. Raise RowError with every field at fault.

    `languages` is as for `schemas.common.parse`.
    """
    config = settings()
    currency = fields.get("currency") or config.default_currency
    faults = {
        f"/{name}": FieldError(f"/{name}", "invalid", said)
        for name, value in fields.items()
        if isinstance(value, str) and (said := fault(name, value, currency))
    }
    others: list[FieldError] = []
    try:
        row = parse(
            model,
            dict(fields),
            currency=config.default_currency,
            country=config.default_country,
            languages=languages,
        )
    except Problem as problem:
        others = [error for error in problem.errors if error.pointer not in faults]
    if faults or others:
        raise RowError([*faults.values(), *others])
    return row


class Deadline:
    """The time that one import has. The function would be ended after 29 s, without an answer."""

    def __init__(self) -> None:
        self._end = time.monotonic() + _SECONDS

    def check(self) -> None:
        """Raise Problem `unavailable` when the time is up."""
        if time.monotonic() > self._end:
            raise Problem(
                "unavailable",
                "The time was not enough for all rows: send the file again, and what is stored stays as it is.",
                headers={"Retry-After": "1"},
            )


def side_by_side[Job, Done](
    work: Callable[[Job], Done], jobs: Iterable[Job], *, threads: int, deadline: Deadline
) -> list[Done]:
    """Return what `work` returns for each of the jobs, in their order, several at the same time.

    What one raises ends the rest. Raise Problem `unavailable` when the time is up.
    """

    def timed(job: Job) -> Done:
        deadline.check()
        return work(job)

    with ThreadPoolExecutor(threads) as pool:
        try:
            return list(pool.map(timed, jobs))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def store_rows[Row](
    rows: Sequence[Row | Result],
    find: Callable[[Row], Result | None],
    create: Callable[[Row], Result],
    same: Callable[[Row], Hashable],
    deadline: Deadline,
) -> list[Result]:
    """Return the result of each row: the one that it has, the one that `find` returns, or else what `create` returns.

    Rows of the `same` are created one after the other, in their order.
    """
    results: dict[int, Result] = {place: row for place, row in enumerate(rows) if isinstance(row, Result)}
    open_rows = [(place, row) for place, row in enumerate(rows) if not isinstance(row, Result)]
    found = side_by_side(lambda job: find(job[1]), open_rows, threads=READERS, deadline=deadline)
    groups: dict[Hashable, list[tuple[int, Row]]] = defaultdict(list)
    for (place, row), result in zip(open_rows, found, strict=True):
        if result:
            results[place] = result
        else:
            groups[same(row)].append((place, row))

    def create_all(group: Sequence[tuple[int, Row]]) -> None:
        for place, row in group:
            results[place] = create(row)

    side_by_side(create_all, groups.values(), threads=_WRITERS, deadline=deadline)
    return [results[place] for place in range(len(rows))]
