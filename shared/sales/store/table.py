"""DynamoDB: one call, conditional writes, pages of an index. Nothing here knows what an item is about."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from sales.domain.problems import Problem
from sales.runtime.aws import CONNECTIONS
from sales.store.conditions import Bounds, equal, sort_key_bounds
from sales.store.items import Item, marshal_item, unmarshal_item

__all__ = [
    "BATCH_GET",
    "CONFLICT_TRIES",
    "FILTERED_READS",
    "Conflict",
    "Connection",
    "Page",
    "Put",
    "Table",
    "conflicts_as",
    "unavailable",
]

# DynamoDB's own limit.
BATCH_GET = 100
CONFLICT_TRIES = 12
# How many rows one page may read to find those that pass a filter: bounds the cost of a rare match.
FILTERED_READS = 1000
# AWS answers these with a status below 500, but asking again later may help.
_OVERLOADED = frozenset(
    {
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "LimitExceededException",
        "TransactionInProgressException",
    }
)


class Conflict[Current](Exception):  # noqa: N818 - a conflict is an ordinary outcome of a write, no error
    """A conditional write lost; `current` is what is stored now, or None if nothing is there."""

    def __init__(self, current: Current) -> None:
        super().__init__()
        self.current = current


@contextmanager
def conflicts_as[Current](read: Callable[[Item], Current]) -> Iterator[None]:
    """Raise a Conflict of the block with what `read` makes of its item."""
    try:
        yield
    except Conflict as conflict:
        raise Conflict(read(conflict.current) if conflict.current else None) from None


def unavailable() -> Problem:
    """Return the Problem for a store that does not answer, or that others keep busy."""
    return Problem("unavailable", headers={"Retry-After": "1"})


class Page[Row](NamedTuple):
    """Rows of a list, newest first. `next` is the sort key that the next page follows, or None at the end."""

    rows: list[Row]
    next: str | None

    def of[Typed](self, read: Callable[[Row], Typed]) -> "Page[Typed]":
        """Return the page with what `read` makes of its rows."""
        return Page([read(row) for row in self.rows], self.next)


class Put(NamedTuple):
    """An item to write, and the condition on the one that is stored."""

    item: Item
    condition: str
    values: Item | None = None

    @classmethod
    def replacing(cls, item: Item) -> "Put":
        """Write the item if the version before it is stored."""
        return cls(item, "version = :before", {":before": item["version"] - 1})

    def parameters(self, table: str, write_id: str) -> dict[str, Any]:
        """Return the parameters of PutItem, alone or in a transaction, that answer with what was in the way."""
        parameters: dict[str, Any] = {
            "TableName": table,
            "Item": marshal_item(self.item | {"write_id": write_id}),
            "ConditionExpression": self.condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if self.values:
            parameters["ExpressionAttributeValues"] = marshal_item(self.values)
        return parameters


class Connection:
    """One DynamoDB client for both tables. Safe to share between threads.

    Every call raises Problem `unavailable` (503) if the store does not answer; a write may then have happened.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.threads = ThreadPoolExecutor(max_workers=CONNECTIONS)

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call DynamoDB; wait and try again while other transactions are at the same items.

        Raise ClientError for a failed condition and for what no repetition mends.
        """
        for tries_left in range(CONFLICT_TRIES, -1, -1):
            try:
                answer: dict[str, Any] = getattr(self._client, operation)(**parameters)
            except BotoCoreError as error:
                raise unavailable() from error
            except ClientError as error:
                if _is_contention(error):
                    if tries_left:
                        time.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - spreads out those who collided
                        continue
                elif _is_final(error):
                    raise
                raise unavailable() from error
            else:
                return answer
        raise AssertionError("unreachable")

    def get_many(self, keys: Iterable[tuple[str, Item]]) -> list[tuple[str, dict[str, Any]]]:
        """Return the items with these tables and keys in DynamoDB's form, each with its table; 100 a round trip."""
        left = [(table, marshal_item(key)) for table, key in keys]
        items: list[tuple[str, dict[str, Any]]] = []
        while left:
            batch, left = left[:BATCH_GET], left[BATCH_GET:]
            request: dict[str, Any] = {}
            for table, key in batch:
                request.setdefault(table, {"Keys": [], "ConsistentRead": True})["Keys"].append(key)
            answer = self.call("batch_get_item", RequestItems=request)
            items += ((table, item) for table, rows in answer["Responses"].items() for item in rows)
            for table, unprocessed in answer.get("UnprocessedKeys", {}).items():
                left += ((table, key) for key in unprocessed["Keys"])
        return items


class Table:
    """One table. Safe to share between threads; raises as its connection does."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self.name = name

    def get(self, key: Item) -> Item | None:
        """Return the item with this key as it is now, or None."""
        answer = self._connection.call("get_item", TableName=self.name, Key=marshal_item(key), ConsistentRead=True)
        return unmarshal_item(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Iterable[Item]) -> list[Item]:
        """Return the items with these keys as they are now, in any order; 100 a round trip."""
        return [unmarshal_item(item) for _, item in self._connection.get_many((self.name, key) for key in keys)]

    def put(self, item: Item) -> None:
        """Write the item over whatever is stored."""
        self._connection.call("put_item", TableName=self.name, Item=marshal_item(item))

    def put_if(self, put: Put) -> None:
        """Write the item if its condition holds; otherwise raise Conflict with the item that is stored.

        Each write has its own id: if an answer is lost and botocore asks again, the condition meets the first request's
        write, which is not a conflict.
        """
        write_id = uuid4().hex
        try:
            self._connection.call("put_item", **put.parameters(self.name, write_id))
        except ClientError as error:
            if _code(error) != "ConditionalCheckFailedException":
                raise
            current = _current(error.response)
            if current is None or current.get("write_id") != write_id:
                raise Conflict(current) from None

    def put_all_if(self, puts: Sequence[Put]) -> None:
        """Write all these items, at most 100, or none; two or more cost twice the write units.

        Raise Conflict with a list that has for each put the item in its way, or None if nothing was.
        """
        if len(puts) == 1:
            try:
                self.put_if(puts[0])
            except Conflict as conflict:
                raise Conflict([conflict.current]) from None
            return
        # As in `put_if`.
        write_id = uuid4().hex
        parts = [{"Put": put.parameters(self.name, write_id)} for put in puts]
        try:
            self._connection.call("transact_write_items", TransactItems=parts)
        except ClientError as error:
            if _code(error) != "TransactionCanceledException":
                raise
            current = [_current(reason) for reason in error.response["CancellationReasons"]]
            if not all(item and item.get("write_id") == write_id for item in current):
                raise Conflict(current) from None

    def update(
        self,
        key: Item,
        expression: str,
        values: Item | None = None,
        *,
        names: Mapping[str, str] | None = None,
        condition: str = "",
    ) -> Item:
        """Update the item and return it; raise Conflict with the stored item if the condition does not hold."""
        parameters: dict[str, Any] = {
            "TableName": self.name,
            "Key": marshal_item(key),
            "UpdateExpression": expression,
            "ReturnValues": "ALL_NEW",
        }
        if values:
            parameters["ExpressionAttributeValues"] = marshal_item(values)
        if names:
            parameters["ExpressionAttributeNames"] = dict(names)
        if condition:
            parameters |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        try:
            answer = self._connection.call("update_item", **parameters)
        except ClientError as error:
            if _code(error) != "ConditionalCheckFailedException":
                raise
            raise Conflict(_current(error.response)) from None
        return unmarshal_item(answer["Attributes"])

    def query(self, index: str, condition: str, values: Item, *, limit: int | None = None) -> list[Item]:
        """Return the rows of an index in its order: the first ones up to `limit`, or all."""
        rows, last = self.query_from(index, condition, values, limit=limit)
        while last and limit is None:
            more, last = self.query_from(index, condition, values, follows=last)
            rows = [*rows, *more]
        return [unmarshal_item(row) for row in rows]

    def query_from(
        self, index: str, condition: str, values: Item, *, limit: int | None = None, follows: Item | None = None
    ) -> tuple[list[Any], Item | None]:
        """Return rows of an index in its order and in DynamoDB's form, up to `limit`, after those read before.

        Next to them is what the next rows follow, or None at the end.
        """
        parameters: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": index,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": marshal_item(values),
        }
        if limit is not None:
            parameters["Limit"] = limit
        if follows is not None:
            parameters["ExclusiveStartKey"] = follows
        answer = self._connection.call("query", **parameters)
        return answer["Items"], answer.get("LastEvaluatedKey") or None

    def count(self, index: str, condition: str, values: Item, most: int) -> int:
        """Return how many rows of an index there are, counted up to `most`."""
        parameters: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": index,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": marshal_item(values),
            "Select": "COUNT",
        }
        count = 0
        while count < most:
            answer = self._connection.call("query", **parameters, Limit=most - count)
            count += answer["Count"]
            if not answer.get("LastEvaluatedKey"):
                break
            parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return count

    def page(
        self,
        index: str,
        key: str,
        partitions: Sequence[str],
        *,
        since: str | None = None,
        until: str | None = None,
        follows: str | None = None,
        limit: int,
        filters: Mapping[str, Any] | None = None,
    ) -> Page[Item]:
        """Return a page of an index over one or more partitions, whose rows are merged: each gives its newest.

        `since` (inclusive), `until` (exclusive) and `follows`, where the page begins, bound the sort key, which is the
        cursor for all partitions. `filters` are attributes, or paths such as `sms.status`, and their values; with them a page
        may hold fewer rows than asked for and still have a next one.
        """
        upper = min((bound for bound in (until, follows) if bound), default=None)
        bounds = sort_key_bounds(since, upper)
        if bounds is None:
            return Page([], None)

        def page_of(partition: str) -> Page[Item]:
            return self._page_of(index, {key: partition}, bounds, limit, filters or {})

        if len(partitions) == 1:
            return page_of(partitions[0])
        pages = list(self._connection.threads.map(page_of, partitions))
        rows = sorted((row for page in pages for row in page.rows), key=lambda row: str(row["sort_key"]), reverse=True)
        # Below this, a partition that was not read to its end may have rows that are not here.
        complete_from = max((page.next for page in pages if page.next), default=None)
        rows = [row for row in rows if complete_from is None or row["sort_key"] >= complete_from]
        if len(rows) > limit:
            return Page(rows[:limit], rows[limit - 1]["sort_key"])
        return Page(rows, complete_from)

    def _page_of(
        self, index: str, partition: Mapping[str, Any], bounds: Bounds, limit: int, filters: Mapping[str, Any]
    ) -> Page[Item]:
        names: dict[str, str] = {}
        values = dict(bounds.values)
        condition = equal(partition, names, values) + bounds.condition
        parameters: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": index,
            "KeyConditionExpression": condition,
            "ScanIndexForward": False,
        }
        if filters:
            parameters["FilterExpression"] = equal(filters, names, values)
        parameters |= {"ExpressionAttributeNames": names, "ExpressionAttributeValues": marshal_item(values)}
        rows: list[Item] = []
        reads = 0
        last: dict[str, Any] | None = None
        while True:
            # One row more than asked for says whether there is a next page, without an empty one at the end. Only if the
            # filter does not let everything through is more read than a page.
            wanted = limit + 1 - len(rows) if not filters or not reads else min(BATCH_GET, FILTERED_READS - reads)
            start = {"ExclusiveStartKey": last} if last else {}
            answer = self._connection.call("query", **parameters, Limit=wanted, **start)
            rows += (unmarshal_item(item) for item in answer["Items"])
            reads += answer.get("ScannedCount", wanted)
            # By the API reference the end is an empty key; AWS leaves the key out.
            last = answer.get("LastEvaluatedKey")
            if len(rows) > limit:
                return Page(rows[:limit], rows[limit - 1]["sort_key"])
            if not last:
                return Page(rows, None)
            if filters and reads >= FILTERED_READS:
                return Page(rows, last["sort_key"]["S"])


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _current(answer: Mapping[str, Any]) -> Item | None:
    return unmarshal_item(answer["Item"]) if answer.get("Item") else None


def _is_contention(error: ClientError) -> bool:
    """Return whether a call failed only because another transaction was at the same items."""
    reasons = error.response.get("CancellationReasons")
    return _code(error) == "TransactionConflictException" or (
        bool(reasons) and all(reason["Code"] in ("None", "TransactionConflict") for reason in reasons)
    )


def _is_final(error: ClientError) -> bool:
    """Return whether a failed call would fail again: its condition, or its parameters, are wrong."""
    if _code(error) in ("ConditionalCheckFailedException", "TransactionCanceledException"):
        return True
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return status < 500 and _code(error) not in _OVERLOADED
