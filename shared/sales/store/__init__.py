"""The tables: the only module that talks to DynamoDB, and the only importer of botocore.

Every write is conditional. Items that are not orders live in the orders table under ids with a prefix: `reference#`
(who has a reference), `message#` (what is known of a message of the gateway), `erasure#` (whose orders the sweep is to
look for once more), `control#` (the sender's pause, how far texts are forgotten). Numbers that want no texts live in the
customers table under codes with the prefix `optout#`.
"""

import json
import random
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from sales.domain.clock import DAY_SECONDS, format_time, plus
from sales.domain.customers import Customer, Item, email_key, opt_out_key
from sales.domain.ids import read_code
from sales.domain.orders import Order, due_shard
from sales.domain.problems import Problem
from sales.runtime.aws import CONNECTIONS, aws_client
from sales.runtime.settings import Settings, settings
from sales.runtime.startup import at_start

if TYPE_CHECKING:
    from sales.store.group_commit import GroupCommit

__all__ = [
    "FILTERED_READS",
    "GROUP",
    "Due",
    "Message",
    "Page",
    "Pause",
    "ReferenceTakenError",
    "Report",
    "Store",
    "marshal_item",
    "message_of",
    "store",
    "unmarshal_item",
]

_BATCH_GET = 100
# What goes out together is refused together: few enough to be tried again one by one.
GROUP = 50
# A message's reports come within days; after that the order itself is all there is to know.
_MESSAGE_DAYS = 30
_CONFLICT_TRIES = 12
# How many rows one page may read to find those a filter lets through: bounds the cost of a rare match.
FILTERED_READS = 1000


class ReferenceTakenError(Exception):
    """Another order of the caller's client has the reference; `order_id` is its id."""

    def __init__(self, order_id: str) -> None:
        super().__init__(order_id)
        self.order_id = order_id


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a list, newest first; `next` is the sort key the next page follows, none at the end."""

    items: list[Item]
    next: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """One delivery report: the number it names, in E.164, what it says, and why where it says so."""

    number: str
    status: str
    failure_reason: str


@dataclass(frozen=True, slots=True)
class Message:
    """What is known of one message of the gateway: whose it is, and which reports came, in no order."""

    id: str
    order_id: str | None
    attempt: int
    reports: frozenset[Report]
    received_at: str | None

    @property
    def number(self) -> str | None:
        """The one number that its reports name; none where they differ."""
        numbers = {report.number for report in self.reports}
        return next(iter(numbers)) if len(numbers) == 1 else None


@dataclass(frozen=True, slots=True)
class Due:
    """When the sweep is to look at an item of the orders table."""

    id: str
    at: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Sending is paused until then, because of this fault in the configuration."""

    until: str
    reason: str

    def holds(self, now: datetime) -> bool:
        """Whether it is not over yet."""
        return self.until > format_time(now)


def _marshal(value: Any) -> dict[str, Any]:
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int() | Decimal():
            return {"N": str(value)}
        case dict():
            return {"M": marshal_item(value)}
        case list() | tuple():
            return {"L": [_marshal(entry) for entry in value]}
        case frozenset():
            return {"SS": sorted(value)}
    raise TypeError(type(value).__name__)


def marshal_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """The item in DynamoDB's form; what is None is left out, since an index key must not be null."""
    return {name: _marshal(value) for name, value in item.items() if value is not None}


def _unmarshal(typed: Mapping[str, Any]) -> Any:
    ((kind, value),) = typed.items()
    match kind:
        case "S" | "BOOL":
            return value
        case "N":
            return Decimal(value)
        case "M":
            return unmarshal_item(value)
        case "L":
            return [_unmarshal(entry) for entry in value]
        case "SS":
            return frozenset(value)
    raise TypeError(kind)


def unmarshal_item(item: Mapping[str, Any]) -> Item:
    """The item of a DynamoDB answer or stream record."""
    return {name: _unmarshal(typed) for name, typed in item.items()}


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


# An item of the orders table, the condition to put it under, and the condition's values.
type _Put = tuple[Item, str, Item]


class Store:
    """The two tables. Safe to share between threads.

    Every method raises Problem `unavailable` (503) when the store does not answer; a write may then have happened.
    """

    def __init__(self, config: Settings) -> None:
        self._customers = config.customers_table
        self._orders = config.orders_table
        self._shards = config.list_shards
        self._client = aws_client("dynamodb", config.dynamodb_endpoint)
        self._threads = ThreadPoolExecutor(max_workers=CONNECTIONS)

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        for tries_left in range(_CONFLICT_TRIES, -1, -1):
            try:
                answer: dict[str, Any] = getattr(self._client, operation)(**parameters)
            except BotoCoreError as error:
                raise Problem("unavailable", headers={"Retry-After": "1"}) from error
            except ClientError as error:
                if _code(error) == "TransactionConflictException" or _conflict(error):
                    if tries_left:
                        time.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - spreads out those who collided
                        continue
                elif _code(error) in ("ConditionalCheckFailedException", "TransactionCanceledException") or (
                    error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500) < 500
                    and _code(error)
                    not in (
                        "ThrottlingException",
                        "ProvisionedThroughputExceededException",
                        "RequestLimitExceeded",
                        "LimitExceededException",
                        "TransactionInProgressException",
                    )
                ):
                    raise
                raise Problem("unavailable", headers={"Retry-After": "1"}) from error
            else:
                return answer
        raise AssertionError("unreachable")

    def _put_if(self, table: str, item: Item, condition: str, values: Item | None = None) -> Item | None:
        """Puts the item if the condition holds; otherwise gives back what is there ({} for nothing).

        Each write has an id of its own: when an answer is lost and botocore asks again, the condition meets what the
        first try wrote, and that is no other's.
        """
        write_id = uuid4().hex
        try:
            self._call("put_item", **_put(table, write_id, item, condition, values))
        except ClientError as error:
            if _code(error) != "ConditionalCheckFailedException":
                raise
            there = unmarshal_item(error.response.get("Item", {}))
            return None if there.get("write_id") == write_id else there
        return None

    def _put_all_if(self, *puts: _Put) -> list[Item] | None:
        """Puts all these items, at most 100, or none: if a condition does not hold, gives back what is there.

        That is {} for each item whose condition holds. A transaction takes twice the write units of its puts.
        """
        # As in `_put_if`.
        write_id = uuid4().hex
        parts = [{"Put": _put(self._orders, write_id, *each)} for each in puts]
        try:
            self._call("transact_write_items", TransactItems=parts)
        except ClientError as error:
            if _code(error) != "TransactionCanceledException":
                raise
            there = [unmarshal_item(reason.get("Item", {})) for reason in error.response["CancellationReasons"]]
            return None if all(each.get("write_id") == write_id for each in there) else there
        return None

    @cached_property
    def _group(self) -> "GroupCommit[_Put]":
        # Late: only senders write in groups.
        from sales.store.group_commit import GroupCommit

        return GroupCommit(self._put_group, GROUP)

    def _put_group(self, puts: Sequence[_Put]) -> bool:
        if len(puts) == 1:
            return self._put_if(self._orders, *puts[0]) is None
        return self._put_all_if(*puts) is None

    def _get(self, table: str, key: Item) -> Item | None:
        answer = self._call("get_item", TableName=table, Key=marshal_item(key), ConsistentRead=True)
        return unmarshal_item(answer["Item"]) if "Item" in answer else None

    # Customers

    def add_customer(self, customer: Customer) -> Customer | None:
        """Stores a new customer; gives back the one that has its code already, if there is one."""
        there = self._put_if(self._customers, customer.to_item(), "attribute_not_exists(code)")
        return None if there is None else Customer.from_item(there)

    def customer(self, code: str) -> Customer | None:
        """The customer with this code."""
        item = self._get(self._customers, {"code": code})
        return Customer.from_item(item) if item else None

    def change_customer(
        self,
        code: str,
        customer_id: str | None,
        changes: Item,
        now: datetime,
        *,
        if_version: Collection[int] | None,
    ) -> tuple[bool, Customer | None]:
        """Sets these fields and moves the version on, in one write that touches no other field.

        True and the changed customer; or False and the customer as it is (none where there is none, also when the id
        is another's): it is erased, or at none of the versions asked for.
        """
        # As in `_put_if`: a second try of this write must neither fail for the first one nor move the version again.
        write_id = uuid4().hex
        if "email" in changes:
            changes = {**changes, "email_key": email_key(changes["email"])}
        names = {"#version": "version"} | {f"#{name}": name for name in changes}
        values: Item = {":one": 1, ":now": format_time(now), ":write": write_id}
        values |= {f":{name}": value for name, value in changes.items()}
        condition = "attribute_exists(code) AND attribute_not_exists(erased) AND NOT write_id = :write"
        if customer_id is not None:
            condition += " AND id = :id"
            values[":id"] = customer_id
        if if_version is not None:
            # No customer has the version 0: what asks for none of ours matches nothing.
            wanted = {f":version{number}": version for number, version in enumerate(sorted(if_version) or [0])}
            condition += f" AND #version IN ({', '.join(wanted)})"
            values |= wanted
        assignments = ", ".join(["updated_at = :now, write_id = :write", *(f"#{name} = :{name}" for name in changes)])
        try:
            answer = self._call(
                "update_item",
                TableName=self._customers,
                Key=marshal_item({"code": code}),
                UpdateExpression=f"SET {assignments} ADD #version :one",
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=marshal_item(values),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if _code(error) != "ConditionalCheckFailedException":
                raise
            there = unmarshal_item(error.response.get("Item", {}))
            if not there or (customer_id is not None and there["id"] != customer_id):
                return False, None
            return there.get("write_id") == write_id, Customer.from_item(there)
        return True, Customer.from_item(unmarshal_item(answer["Attributes"]))

    def replace_customer(self, customer: Customer) -> Customer | None:
        """Puts the customer in place of its version before; gives back the one there when that is another version."""
        there = self._put_if(
            self._customers, customer.to_item(), "version = :before", {":before": customer.version - 1}
        )
        return None if there is None else Customer.from_item(there)

    def opt_out(self, number: str, now: datetime) -> int:
        """Notes that this number wants no texts, and marks every customer who has it; how many there are."""
        self._note_opt_out(number, now, opted_out=True)
        marked = 0
        last: str | None = None
        while True:
            page = self._query(self._customers, "by_phone_number", ("phone_number", number), None, last, _BATCH_GET)
            for item in page.items:
                changed, _ = self.change_customer(item["code"], None, {"sms_opted_out": True}, now, if_version=None)
                marked += changed
            if page.next is None:
                return marked
            last = page.next

    def opt_in(self, number: str, now: datetime) -> None:
        """Notes that this number takes texts again, if it had opted out; its customers' own marks stay."""
        try:
            self._note_opt_out(number, now, opted_out=False, ConditionExpression="attribute_exists(code)")
        except ClientError as error:
            if _code(error) != "ConditionalCheckFailedException":
                raise

    def _note_opt_out(self, number: str, now: datetime, *, opted_out: bool, **condition: str) -> None:
        self._call(
            "update_item",
            TableName=self._customers,
            Key=marshal_item({"code": opt_out_key(number)}),
            UpdateExpression="SET sms_opted_out = :opted_out, updated_at = :now",
            ExpressionAttributeValues=marshal_item({":opted_out": opted_out, ":now": format_time(now)}),
            **condition,
        )

    # Orders

    def add_order(self, order: Order) -> Order | None:
        """Stores a new order; gives back the one with its id if there is one already (the same Idempotency-Key).

        Raises ReferenceTakenError when another order of the client has the reference. Without a reference it is one
        put, with one a transaction of two.
        """
        condition = "attribute_not_exists(id)"
        if order.reference is None:
            there = self._put_if(self._orders, order.to_item(), condition)
            return None if there is None else Order.from_item(there)
        claim = {"id": f"reference#{order.client}#{order.reference}", "order_id": order.id}
        found = self._put_all_if((order.to_item(), condition, {}), (claim, condition, {}))
        if found is None:
            return None
        mine, reference = found
        if mine:
            return Order.from_item(mine)
        if reference:
            raise ReferenceTakenError(reference["order_id"])
        raise Problem("unavailable", headers={"Retry-After": "1"})

    def order(self, order_id: str) -> Order | None:
        """The order with this id."""
        item = self._get(self._orders, {"id": order_id})
        return Order.from_item(item) if item and "sms" in item else None

    def replace_order(self, order: Order) -> Order | None:
        """Puts the order in place of its version before; gives back the one there when that is another version."""
        there = self._put_if(self._orders, *_replacing(order))
        return None if there is None else Order.from_item(there)

    def replace_order_in_group(self, order: Order) -> bool:
        """As `replace_order`, together with what other threads replace at this moment; False: try `replace_order`.

        Far less work where many do so, and twice the write units.
        """
        return self._group.put((order.id, _replacing(order)))

    def change_order(self, order: Order, change: Callable[[Order], Order | None]) -> Order:
        """Applies the change to the order as it is when it is written; the order afterwards.

        Where `change` gives nothing the order stays. Someone else's write in between makes it start again from theirs.
        """
        for _ in range(_CONFLICT_TRIES):
            changed = change(order)
            if changed is None:
                return order
            there = self.replace_order(changed)
            if there is None:
                return changed
            order = there
        raise Problem("unavailable", headers={"Retry-After": "1"})

    # Lists

    def customers(self, filters: Mapping[str, str], *, follows: str | None, limit: int) -> Page:
        """A page of customers, newest first, that match all filters (code, phone_number, email)."""
        keys = {
            name: ("email_key", email_key(value)) if name == "email" else (name, value)
            for name, value in filters.items()
        }
        if "code" in keys:
            _, code = keys.pop("code")
            item = self._get(self._customers, {"code": code})
            matches = item is not None and all(item.get(name) == value for name, value in keys.values())
            return Page([item] if item and matches else [], None)
        for name in ("email", "phone_number"):
            if name in keys:
                partition = keys.pop(name)
                return self._query(self._customers, f"by_{name}", partition, None, follows, limit, dict(keys.values()))
        return self._merged(self._customers, "by_date", "list_shard", "", None, None, follows, limit)

    def orders(
        self, filters: Mapping[str, str], *, since: str | None, until: str | None, follows: str | None, limit: int
    ) -> Page:
        """A page of orders, newest first, that match all filters (reference, customer, sms_status).

        `since` and `until` bound the sort key. A page may hold fewer rows than asked for and still have a next one.
        """
        upper = min((bound for bound in (until, follows) if bound), default=None)
        rest = dict(filters)
        if customer := rest.pop("customer", ""):
            # The customers' table is not asked: an id has its code in it, and any row tells whether the id is right.
            partition = ("customer_code", read_code(customer) or "")
            rest |= {"customer": customer.lower()} if len(customer) > len(partition[1]) else {}
        if reference := rest.pop("reference", ""):
            rest |= {partition[0]: partition[1]} if customer else {}
            return self._query(self._orders, "by_reference", ("reference", reference), since, upper, limit, rest)
        if customer:
            return self._query(self._orders, "by_customer", partition, since, upper, limit, rest)
        if "sms_status" in filters:
            prefix = f"{filters['sms_status']}#"
            return self._merged(self._orders, "by_sms_status", "sms_shard", prefix, since, until, follows, limit)
        return self._merged(self._orders, "by_date", "list_shard", "", since, until, follows, limit)

    def _merged(
        self,
        table: str,
        index: str,
        key: str,
        prefix: str,
        since: str | None,
        until: str | None,
        follows: str | None,
        limit: int,
    ) -> Page:
        """One page over all write shards: each gives its newest rows, and one sort key is the cursor for them all."""
        upper = min((bound for bound in (until, follows) if bound), default=None)
        partitions = [f"{prefix}{shard}" for shard in range(self._shards)]
        if len(partitions) == 1:
            return self._query(table, index, (key, partitions[0]), since, upper, limit)
        pages = self._threads.map(
            lambda partition: self._query(table, index, (key, partition), since, upper, limit), partitions
        )
        found = list(pages)
        rows = sorted(
            (item for page in found for item in page.items), key=lambda item: str(item["sort_key"]), reverse=True
        )
        more = len(rows) > limit or any(page.next for page in found)
        rows = rows[:limit]
        return Page(rows, rows[-1]["sort_key"] if more and rows else None)

    def _query(
        self,
        table: str,
        index: str,
        partition: tuple[str, str],
        since: str | None,
        upper: str | None,
        limit: int,
        filters: Mapping[str, str] | None = None,
    ) -> Page:
        """Rows of one partition, newest first, with since <= sort key < upper."""
        names = {"#partition": partition[0]}
        values: Item = {":partition": partition[1]}
        condition = "#partition = :partition"
        if since and upper:
            condition += " AND sort_key BETWEEN :since AND :upper"
            # BETWEEN takes both ends; below the upper one lies everything up to this string (keys are ASCII).
            values |= {":since": since, ":upper": upper[:-1] + chr(ord(upper[-1]) - 1) + "~"}
            if values[":since"] > values[":upper"]:
                return Page([], None)
        elif since:
            condition += " AND sort_key >= :since"
            values[":since"] = since
        elif upper:
            condition += " AND sort_key < :upper"
            values[":upper"] = upper
        parameters: dict[str, Any] = {
            "TableName": table,
            "IndexName": index,
            "KeyConditionExpression": condition,
            "ScanIndexForward": False,
        }
        tests = []
        for name, value in (filters or {}).items():
            names |= {"#sms": "sms", "#status": "status"} if name == "sms_status" else {f"#{name}": name}
            values[f":{name}"] = value
            tests.append("#sms.#status = :sms_status" if name == "sms_status" else f"#{name} = :{name}")
        if tests:
            parameters["FilterExpression"] = " AND ".join(tests)
        parameters |= {"ExpressionAttributeNames": names, "ExpressionAttributeValues": marshal_item(values)}
        rows: list[Item] = []
        reads = 0
        last: dict[str, Any] | None = None
        while True:
            # One more than asked for tells whether there is a next page, without an empty one at the end.
            # A filter may let everything through: only when it does not is more read than a page.
            wanted = limit + 1 - len(rows) if not filters or not reads else min(_BATCH_GET, FILTERED_READS - reads)
            answer = self._call("query", **parameters, Limit=wanted, **({"ExclusiveStartKey": last} if last else {}))
            rows += (unmarshal_item(item) for item in answer["Items"])
            reads += answer.get("ScannedCount", wanted)
            last = answer.get("LastEvaluatedKey")
            if len(rows) > limit:
                return Page(rows[:limit], rows[limit - 1]["sort_key"])
            if last is None:
                return Page(rows, None)
            if filters and reads >= FILTERED_READS:
                return Page(rows, last["sort_key"]["S"])

    # What the senders need

    def due(self, shard: str, *, until: str, limit: int, since: str = "") -> list[Due]:
        """What is to be looked at by then in this partition of the due index, the longest due first."""
        condition, values = "due_at <= :until", {":shard": shard, ":until": until}
        if since:
            condition, values[":since"] = "due_at BETWEEN :since AND :until", since
        answer = self._call(
            "query",
            TableName=self._orders,
            IndexName="by_due",
            KeyConditionExpression=f"due_shard = :shard AND {condition}",
            ExpressionAttributeValues=marshal_item(values),
            Limit=limit,
        )
        return [Due(item["id"]["S"], item["due_at"]["S"]) for item in answer["Items"]]

    def longest_queued(self, limit: int = 10) -> list[Item]:
        """The oldest orders whose text is queued, so many of each list shard."""
        found: list[Item] = []
        for shard in range(self._shards):
            answer = self._call(
                "query",
                TableName=self._orders,
                IndexName="by_sms_status",
                KeyConditionExpression="sms_shard = :shard",
                ExpressionAttributeValues=marshal_item({":shard": f"queued#{shard}"}),
                Limit=limit,
            )
            found += (unmarshal_item(item) for item in answer["Items"])
        return found

    def for_sending(
        self, order_ids: Iterable[str], recipients: Iterable[Order]
    ) -> tuple[dict[str, Item], frozenset[str], Pause | None]:
        """In one round trip per hundred: these items by id, who of the recipients is opted out, and the pause if any.

        Who opted out is named by their code, or by their number's `opt_out_key`.
        """
        recipients = list(recipients)
        asked = {order.customer_code for order in recipients} | {opt_out_key(order.sms.to) for order in recipients}
        keys = [
            *((self._orders, {"id": {"S": order_id}}) for order_id in ["control#sms", *order_ids]),
            *((self._customers, {"code": {"S": code}}) for code in sorted(asked)),
        ]
        items: dict[str, Item] = {}
        opted_out: set[str] = set()
        while keys:
            batch, keys = keys[:_BATCH_GET], keys[_BATCH_GET:]
            request: dict[str, Any] = {}
            for table, key in batch:
                request.setdefault(table, {"Keys": [], "ConsistentRead": True})["Keys"].append(key)
            answer = self._call("batch_get_item", RequestItems=request)
            for found in answer["Responses"].get(self._orders, ()):
                items[found["id"]["S"]] = unmarshal_item(found)
            opted_out |= {
                found["code"]["S"]
                for found in answer["Responses"].get(self._customers, ())
                if found["sms_opted_out"]["BOOL"]
            }
            for table, left in answer.get("UnprocessedKeys", {}).items():
                keys += ((table, key) for key in left["Keys"])
        control = items.pop("control#sms", None)
        pause = Pause(control["until"], control["reason"]) if control else None
        return items, frozenset(opted_out), pause

    def made_between(self, shard: int, follows: str | None, until: str, limit: int) -> list[Item]:
        """Orders of a list shard that were made before then, the oldest first, after the one with this sort key."""
        answer = self._call(
            "query",
            TableName=self._orders,
            IndexName="by_date",
            KeyConditionExpression="list_shard = :shard AND sort_key BETWEEN :follows AND :until",
            # Between takes its ends too: the first string after a sort key is itself with one more character.
            ExpressionAttributeValues=marshal_item(
                {":shard": str(shard), ":follows": f"{follows} " if follows else " ", ":until": until}
            ),
            Limit=limit,
        )
        return [unmarshal_item(item) for item in answer["Items"]]

    def texts_forgotten(self) -> dict[str, str]:
        """By list shard, the sort key of the last order whose text was forgotten for its age."""
        items, _, _ = self.for_sending(["control#texts"], [])
        return dict(items["control#texts"]["until"]) if items else {}

    def note_texts_forgotten(self, until: Mapping[str, str]) -> None:
        """Notes how far the texts are forgotten."""
        self._call(
            "put_item",
            TableName=self._orders,
            Item=marshal_item({"id": "control#texts", "until": dict(until)}),
        )

    def pause_sending(self, until: datetime, reason: str) -> None:
        """Lets no sender start before then."""
        item = {"id": "control#sms", "until": format_time(until), "reason": reason}
        self._call("put_item", TableName=self._orders, Item=marshal_item(item))

    # Erasures

    def keep_erasing(self, customer: Customer, due_at: datetime) -> None:
        """Has the sweep look once more for what is held about an erased customer."""
        item_id = f"erasure#{customer.code}"
        due = {"due_shard": due_shard(item_id), "due_at": format_time(due_at)}
        self._call(
            "put_item", TableName=self._orders, Item=marshal_item({"id": item_id, "customer": customer.id} | due)
        )

    def end_erasing(self, erasure: Item, now: datetime) -> None:
        """Ends that: there is nothing left to be found."""
        item = {"id": erasure["id"], "customer": erasure["customer"], "expires_at": _expiry(now)}
        self._call("put_item", TableName=self._orders, Item=marshal_item(item))

    # Messages of the gateway

    def link_message(self, message_id: str, order: Order, now: datetime) -> Message:
        """Notes whose message this is; what is known of it, reports that were faster than the answer included.

        One that the sweep is to look at stays due until `settle_report`: whoever links it may end before it has told
        the order what was reported.
        """
        return self._update_message(
            message_id,
            "SET order_id = :order, attempt = :attempt, expires_at = :expires REMOVE unsettled_number",
            {":order": order.id, ":attempt": order.sms.attempts, ":expires": _expiry(now)},
        )

    def replace_with_message(self, order: Order, message_id: str, now: datetime) -> bool:
        """Puts the order in place of its version before and notes whose message this is: both, or neither.

        Goes together with what other threads write at this moment. False where the order has another version, a report
        was faster than the answer it reports on, or another's write failed: `link_message` and `replace_order` tell.
        """
        link: Item = {
            "id": f"message#{message_id}",
            "order_id": order.id,
            "attempt": order.sms.attempts,
            "expires_at": _expiry(now),
        }
        return self._group.put((order.id, _replacing(order)), (link["id"], (link, "attribute_not_exists(id)", {})))

    def note_report(self, message_id: str, report: Report, now: datetime) -> Message:
        """Notes a delivery report; what is known of its message, the order included if that is known yet."""
        return self._update_message(
            message_id,
            "SET received_at = if_not_exists(received_at, :now), expires_at = :expires ADD reports :report",
            {
                # Whole, since what one report says of one number is no word about another's.
                ":report": frozenset({json.dumps(astuple(report), ensure_ascii=False)}),
                ":now": format_time(now),
                ":expires": _expiry(now),
            },
        )

    def keep_report(self, message: Message, due_at: datetime) -> None:
        """Has the sweep look for the text an unknown message may belong to."""
        self._update_message(
            message.id,
            "SET due_shard = :shard, due_at = :due, unsettled_number = :number, sort_key = :sort",
            {
                ":shard": due_shard(f"message#{message.id}"),
                ":due": format_time(due_at),
                ":number": message.number,
                ":sort": f"{message.received_at}#{message.id}",
            },
        )

    def settle_report(self, message_id: str) -> None:
        """Ends the search for a message's text: it found one, and that was told."""
        self._update_message(message_id, "REMOVE due_shard, due_at", {})

    def forget_number(self, message_id: str) -> None:
        """Forgets the number a message went to, if there is such a message, and with it the search for its text.

        Whose text it was is known then, or not to be known. Each report brings the number anew.
        """
        try:
            self._update_message(
                message_id,
                "REMOVE reports, unsettled_number, due_shard, due_at, sort_key",
                {},
                condition="attribute_exists(id)",
            )
        except ClientError as error:
            if _code(error) != "ConditionalCheckFailedException":
                raise

    def unsettled(self, number: str) -> list[Item]:
        """The orders of whose texts to this number one is under way or unknown, and the messages nobody knows."""
        found: list[Item] = []
        last: dict[str, Any] | None = None
        while True:
            answer = self._call(
                "query",
                TableName=self._orders,
                IndexName="by_number",
                KeyConditionExpression="unsettled_number = :number",
                ExpressionAttributeValues=marshal_item({":number": number}),
                **({"ExclusiveStartKey": last} if last else {}),
            )
            found += (unmarshal_item(item) for item in answer["Items"])
            last = answer.get("LastEvaluatedKey")
            if last is None:
                return found

    def _update_message(
        self,
        message_id: str,
        expression: str,
        values: Item,
        *,
        condition: str | None = None,
    ) -> Message:
        parameters: dict[str, Any] = {
            "TableName": self._orders,
            "Key": {"id": {"S": f"message#{message_id}"}},
            "UpdateExpression": expression,
            "ReturnValues": "ALL_NEW",
        }
        if values:
            parameters["ExpressionAttributeValues"] = marshal_item(values)
        if condition:
            parameters["ConditionExpression"] = condition
        return message_of(unmarshal_item(self._call("update_item", **parameters)["Attributes"]))


def message_of(item: Item) -> Message:
    """The message a stored item holds."""
    return Message(
        id=item["id"].removeprefix("message#"),
        order_id=item.get("order_id"),
        attempt=int(item.get("attempt", 0)),
        reports=frozenset(Report(*json.loads(each)) for each in item.get("reports", ())),
        received_at=item.get("received_at"),
    )


def _put(table: str, write_id: str, item: Item, condition: str, values: Item | None) -> dict[str, Any]:
    """The parameters of a conditional put, by itself or in a transaction, that gives back what it meets."""
    parameters: dict[str, Any] = {
        "TableName": table,
        "Item": marshal_item(item | {"write_id": write_id}),
        "ConditionExpression": condition,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if values:
        parameters["ExpressionAttributeValues"] = marshal_item(values)
    return parameters


def _replacing(order: Order) -> _Put:
    return order.to_item(), "version = :before", {":before": order.version - 1}


def _expiry(now: datetime) -> int:
    return int(plus(now, _MESSAGE_DAYS * DAY_SECONDS).timestamp())


def _conflict(error: ClientError) -> bool:
    """Whether a transaction failed only because another one was at the same items."""
    reasons = error.response.get("CancellationReasons")
    return bool(reasons) and all(reason["Code"] in ("None", "TransactionConflict") for reason in reasons)


@at_start
@cache
def store() -> Store:
    """This process's store; made when a function starts, else at first use."""
    return Store(settings())
