"""Event source mappings: what Lambda promises about batches, failures, order and restarts, against a made-up store."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local import stream
from local.lambda_api import Answer, NotInvokedError
from local.patterns import check, matches
from local.store import StoreError
from local.stream import StreamMapping, stream_event
from local.template import EventSourceMapping

ARN = "arn:aws:dynamodb:dynoxide:000000000000:table/sales-orders/stream/2026-01-01T00:00:00.000"
MAPPING = EventSourceMapping(
    function="send_sms", table="sales-orders", batch_size=10, window=0, filters=[], retries=-1, max_age=-1,
    bisect=False, partial_responses=True, parallelization=1, has_destination=True,
)  # fmt: skip
DONE = Answer(b"null", failed=False)
FAILED = Answer(b'{"errorMessage":"no"}', failed=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "POLL_SECONDS", 0.005)
    monkeypatch.setattr(stream, "RETRY_SECONDS", (0.005, 0.01))
    monkeypatch.setattr(stream, "UNREACHED_SECONDS", (0.005, 0.01))
    monkeypatch.setattr(stream, "DRAIN_SECONDS", 0.2)


class Store:
    """One stream of one shard, which is open though it has an EndingSequenceNumber, as dynoxide's is."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.lost = ""

    def put(self, key: str, event: str = "INSERT", created: float = 1000.0, **image: str) -> None:
        number = str(len(self.records) + 1)
        change = {
            "Keys": {"id": {"S": key}},
            "NewImage": {name: {"S": value} for name, value in {"id": key, **image}.items()},
            "SequenceNumber": number,
            "ApproximateCreationDateTime": created,
        }
        self.records.append({"eventName": event, "awsRegion": "dynoxide", "dynamodb": change})

    async def call(self, operation: str, **asked: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        if operation == "GetShardIterator":
            after = int(asked.get("SequenceNumber", 0))
            if after and self.lost == "iterator":
                raise StoreError("trimmed", "TrimmedDataAccessException")
            return {"ShardIterator": str(after)}
        start = int(asked["ShardIterator"])
        if start and self.lost == "records":
            raise StoreError("trimmed", "TrimmedDataAccessException")
        found = self.records[start : start + asked["Limit"]]
        return {"Records": found, "NextShardIterator": str(start + len(found))}

    async def stream_of(self, table: str) -> str:
        return ARN

    async def shards(self, arn: str) -> list[dict[str, Any]]:
        return [{"ShardId": "shard-1", "SequenceNumberRange": {"EndingSequenceNumber": "999"}}]


class Function:
    """Notes the keys of each batch; `answer` says what comes back."""

    def __init__(self, answer: Callable[[list[str], dict[str, Any]], Answer | Awaitable[Answer]] | None = None) -> None:
        self.batches: list[list[str]] = []
        self.events: list[dict[str, Any]] = []
        self._answer = answer

    @property
    def keys(self) -> list[str]:
        return [key for batch in self.batches for key in batch]

    async def invoke(self, name: str, event: bytes) -> Answer:
        await asyncio.sleep(0)
        found = json.loads(event)
        keys = [record["dynamodb"]["Keys"]["id"]["S"] for record in found["Records"]]
        self.batches.append(keys)
        self.events.append(found)
        if self._answer is None:
            return DONE
        answer = self._answer(keys, found)
        return answer if isinstance(answer, Answer) else await answer


def run(
    store: Store,
    function: Function,
    state: Path,
    done: Callable[[], bool],
    *,
    killed: bool = False,
    clock: float = 1000.0,
    **changes: Any,
) -> StreamMapping:
    """Runs the mapping until `done`; `killed` ends it as kill -9 does, without its last words."""

    async def main() -> StreamMapping:
        found = StreamMapping(replace(MAPPING, **changes), store, function, state, clock=lambda: clock)  # type: ignore[arg-type]
        task = asyncio.create_task(found.run())
        async with asyncio.timeout(5):
            while not done():
                if task.done():
                    task.result()
                await asyncio.sleep(0.002)
        if killed:
            path, found.checkpoint._path = found.checkpoint._path, state / "never"
            assert path != state / "never"
            task.cancel()
        else:
            # What is settled last is noted before the end.
            await asyncio.sleep(0.02)
            found.stopping.set()
        with suppress(asyncio.CancelledError):
            await task
        return found

    return asyncio.run(main())


def settled(state: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((state / "stream-sales-orders-send_sms.json").read_text())["settled"]
    return found


def failures(*identifiers: str) -> Answer:
    body = {"batchItemFailures": [{"itemIdentifier": each} for each in identifiers]}
    return Answer(json.dumps(body).encode(), failed=False)


def given_up(state: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((state / "on-failure").glob("*.json"))]


def test_the_event_is_lambdas_with_its_region_and_a_sequence_number_that_is_long_enough() -> None:
    store = Store()
    store.put("a")
    event = stream_event(store.records[0], "sales-orders", ARN)
    assert event["awsRegion"] == "eu-west-1"
    assert event["eventSourceARN"].startswith("arn:aws:dynamodb:eu-west-1:000000000000:table/sales-orders/stream/2026")
    assert event["dynamodb"]["SequenceNumber"] == "1".zfill(21)
    assert (event["eventSource"], event["eventVersion"]) == ("aws:dynamodb", "1.1")
    assert store.records[0]["dynamodb"]["SequenceNumber"] == "1"


def test_records_arrive_in_order_in_batches_and_are_checkpointed(tmp_path: Path) -> None:
    store, function = Store(), Function()
    for number in range(25):
        store.put(str(number))
    run(store, function, tmp_path, lambda: len(function.keys) == 25)
    assert function.keys == [str(number) for number in range(25)]
    assert max(len(batch) for batch in function.batches) == 10
    assert settled(tmp_path) == {"shard-1": "25"}


def test_what_the_filter_does_not_want_is_settled_without_the_function(tmp_path: Path) -> None:
    store, function = Store(), Function()
    store.put("a", status="queued")
    store.put("b", status="sent")
    store.put("c", event="MODIFY", status="queued")
    pattern = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"status": {"S": ["queued"]}}}}
    run(store, function, tmp_path, lambda: bool(function.keys), filters=[pattern])
    assert function.keys == ["a"]
    assert settled(tmp_path) == {"shard-1": "3"}


def test_after_a_restart_only_what_was_not_settled_comes(tmp_path: Path) -> None:
    store, first, second = Store(), Function(), Function()
    store.put("a")
    run(store, first, tmp_path, lambda: first.keys == ["a"])
    store.put("b")
    run(store, second, tmp_path, lambda: bool(second.keys))
    assert second.keys == ["b"]


def test_a_kill_while_the_function_works_brings_its_batch_again(tmp_path: Path) -> None:
    async def forever(keys: list[str]) -> Answer:
        await asyncio.sleep(60)
        return DONE

    store = Store()
    for key in "abc":
        store.put(key)
    first = Function(lambda keys, event: forever(keys) if "b" in keys else DONE)
    run(store, first, tmp_path, lambda: "b" in first.keys, killed=True, batch_size=1)
    second = Function()
    run(store, second, tmp_path, lambda: second.keys[-2:] == ["b", "c"], batch_size=1)


def test_the_lowest_failed_record_is_where_it_starts_again(tmp_path: Path) -> None:
    store = Store()
    for key in "abcd":
        store.put(key)
    function = Function()
    function._answer = lambda keys, event: (
        failures("3".zfill(21), "2".zfill(21)) if len(function.batches) == 1 else DONE
    )
    run(store, function, tmp_path, lambda: len(function.batches) == 2)
    assert function.batches == [["a", "b", "c", "d"], ["b", "c", "d"]]
    assert settled(tmp_path) == {"shard-1": "4"}


@pytest.mark.parametrize("body", [b'{"batchItemFailures":[{"itemIdentifier":"other"}]}', b'{"batchItemFailures":[{}]}'])
def test_a_failure_that_names_no_record_of_the_batch_is_the_whole_batch(body: bytes, tmp_path: Path) -> None:
    store = Store()
    for key in "ab":
        store.put(key)
    function = Function()
    function._answer = lambda keys, event: Answer(body, failed=False) if len(function.batches) == 1 else DONE
    run(store, function, tmp_path, lambda: len(function.batches) == 2)
    assert function.batches == [["a", "b"], ["a", "b"]]


def test_bisecting_finds_the_poison_and_gives_up_only_that_with_the_whole_record(tmp_path: Path) -> None:
    store = Store()
    for key in ("a", "b", "poison", "d"):
        store.put(key)
    function = Function(lambda keys, event: FAILED if "poison" in keys else DONE)
    run(store, function, tmp_path, lambda: ["d"] in function.batches, bisect=True, retries=2)
    assert function.batches == [
        ["a", "b", "poison", "d"], ["a", "b"], ["poison", "d"], ["poison"], ["poison"], ["poison"], ["d"],
    ]  # fmt: skip
    [record] = given_up(tmp_path)
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert record["DDBStreamBatchInfo"]["batchSize"] == 1
    assert record["DDBStreamBatchInfo"]["startSequenceNumber"] == "3".zfill(21)
    [payload] = json.loads(record["payload"])["Records"]
    assert payload["dynamodb"]["Keys"] == {"id": {"S": "poison"}}
    assert settled(tmp_path) == {"shard-1": "4"}


def test_without_bisecting_a_batch_is_given_up_whole_after_its_retries(tmp_path: Path) -> None:
    store, function = Store(), Function(lambda keys, event: FAILED)
    for key in "ab":
        store.put(key)
    run(store, function, tmp_path, lambda: bool(given_up(tmp_path)), retries=1)
    assert function.batches == [["a", "b"], ["a", "b"]]
    assert given_up(tmp_path)[0]["requestContext"]["approximateInvokeCount"] == 2


def test_records_that_are_too_old_are_given_up_without_the_function(tmp_path: Path) -> None:
    store, function = Store(), Function()
    store.put("old", created=100.0)
    store.put("new", created=990.0)
    run(store, function, tmp_path, lambda: bool(function.keys), max_age=60)
    assert function.keys == ["new"]
    assert given_up(tmp_path)[0]["requestContext"]["condition"] == "RecordAgeExceeded"


def test_a_runtime_that_cannot_be_reached_uses_up_no_retry(tmp_path: Path) -> None:
    store = Store()
    store.put("a")

    def answer(keys: list[str], event: dict[str, Any]) -> Answer:
        if len(function.batches) < 5:
            raise NotInvokedError("status 429")
        return DONE

    function = Function(answer)
    run(store, function, tmp_path, lambda: len(function.batches) == 5, retries=0)
    assert given_up(tmp_path) == []
    assert settled(tmp_path) == {"shard-1": "1"}


def test_lanes_keep_the_order_of_each_item_and_the_checkpoint_waits_for_the_slowest(tmp_path: Path) -> None:
    async def forever() -> Answer:
        await asyncio.sleep(60)
        return DONE

    store = Store()
    store.put("slow")
    for number in range(60):
        store.put(f"item-{number % 12}", number=str(number))
    function = Function(lambda keys, event: forever() if "slow" in keys else DONE)
    run(store, function, tmp_path, lambda: len(function.keys) > 30, parallelization=8, batch_size=1)
    seen: dict[str, int] = {}
    for event in function.events:
        for record in event["Records"]:
            image = record["dynamodb"]["NewImage"]
            if "number" in image:
                assert seen.get(image["id"]["S"], -1) < int(image["number"]["S"])
                seen[image["id"]["S"]] = int(image["number"]["S"])
    path = tmp_path / "stream-sales-orders-send_sms.json"
    assert not path.exists() or settled(tmp_path) == {}


@pytest.mark.parametrize("lost", ["iterator", "records"])
def test_a_stream_that_the_store_has_lost_is_read_from_its_beginning(lost: str, tmp_path: Path) -> None:
    store, first, second = Store(), Function(), Function()
    store.put("a")
    store.put("b")
    run(store, first, tmp_path, lambda: len(first.keys) == 2)
    store.lost = lost
    store.records = []
    store.put("c")
    if lost == "records":
        # One that opens an iterator at a position it does not have any more, and says so at the next call.
        store.put("d")
    run(store, second, tmp_path, lambda: bool(second.keys))
    assert second.keys[0] == "c"


@pytest.mark.parametrize(
    ("pattern", "event", "wanted"),
    [
        ({"a": ["x", "y"]}, {"a": "y"}, True),
        ({"a": ["x"]}, {}, False),
        ({"a": [{"exists": False}]}, {}, True),
        ({"a": [{"exists": True}]}, {"a": 0}, True),
        ({"a": [{"prefix": "or"}]}, {"a": "order"}, True),
        ({"a": [{"anything-but": ["x"]}]}, {"a": "x"}, False),
        ({"a": [{"anything-but": ["x"]}]}, {"a": "y"}, True),
        ({"a": [{"numeric": [">", 1, "<=", 3]}]}, {"a": 3}, True),
        ({"a": [{"numeric": [">", 1, "<=", 3]}]}, {"a": 4}, False),
        ({"a": {"b": [None]}}, {"a": {"b": None}}, True),
        ({"a": [1]}, {"a": True}, False),
    ],
)
def test_filters_read_as_eventbridge_reads_them(pattern: Any, event: Any, wanted: bool) -> None:
    check(pattern)
    assert matches(pattern, event) is wanted


def test_a_filter_with_an_unknown_rule_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cidr"):
        StreamMapping(replace(MAPPING, filters=[{"a": [{"cidr": "10.0.0.0/8"}]}]), Store(), Function(), tmp_path)  # type: ignore[arg-type]
