"""The event source mapping: which records reach the function, in which order, and what happens when it fails."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from deployment.template import EventSourceMapping
from local.aws.dynamodb import DatabaseError
from local.aws.invoke_client import FunctionAnswer, NotInvokedError
from local.aws.stream import delivery, mapping, shard
from local.aws.stream.mapping import StreamMapping
from local.aws.stream.record import stream_event

ARN = "arn:aws:dynamodb:somewhere:000000000000:table/orders/stream/1"
NOW = 1_800_000_000.0


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard, "POLL_SECONDS", 0.002)
    monkeypatch.setattr(shard, "UNREACHED_SECONDS", (0.001, 0.002))
    monkeypatch.setattr(delivery, "RETRY_SECONDS", (0.001, 0.002))
    monkeypatch.setattr(delivery, "UNREACHED_SECONDS", (0.001, 0.002))
    monkeypatch.setattr(mapping, "SHARDS_SECONDS", 0.02)
    monkeypatch.setattr(mapping, "DRAIN_SECONDS", 0.2)


class FakeStream:
    """A stream in memory; add a shard's name to `closed` to end it."""

    def __init__(self) -> None:
        self.records: dict[str, list[dict[str, Any]]] = {"shard-1": []}
        self.parents: dict[str, str] = {}
        self.closed: set[str] = set()
        self.arn = ARN
        self.fail: DatabaseError | None = None
        self.lost = ""
        self.asked: list[dict[str, Any]] = []

    def put(
        self, key: str, *, name: str = "INSERT", shard: str = "shard-1", created: float = NOW, **fields: str
    ) -> None:
        number = sum(len(each) for each in self.records.values()) + 1
        image = {"id": {"S": key}, **{field: {"S": value} for field, value in fields.items()}}
        change = {"Keys": {"id": {"S": key}}, "NewImage": image, "SequenceNumber": str(number), "SizeBytes": 20,
                  "StreamViewType": "NEW_IMAGE", "ApproximateCreationDateTime": created}  # fmt: skip
        self.records[shard].append({"eventID": "1", "eventName": name, "awsRegion": "somewhere", "dynamodb": change})

    async def stream_of(self, table: str) -> str:
        return self.arn

    async def shards(self, arn: str) -> list[dict[str, Any]]:
        if self.fail:
            raise self.fail
        return [
            {"ShardId": name, **({"ParentShardId": self.parents[name]} if name in self.parents else {})}
            for name in self.records
        ]

    async def call(self, operation: str, **asked: Any) -> dict[str, Any]:
        if self.fail:
            raise self.fail
        if operation == "GetShardIterator":
            self.asked.append(asked)
            after = int(asked.get("SequenceNumber", 0))
            if after and self.lost == "GetShardIterator":
                raise DatabaseError("gone", "TrimmedDataAccessException")
            return {"ShardIterator": f"{asked['ShardId']} {after}"}
        shard, after = asked["ShardIterator"].split()
        if after != "0" and self.lost == "GetRecords":
            raise DatabaseError("gone", "TrimmedDataAccessException")
        found = [each for each in self.records[shard] if int(each["dynamodb"]["SequenceNumber"]) > int(after)]
        page = found[: asked["Limit"]]
        last = page[-1]["dynamodb"]["SequenceNumber"] if page else after
        if shard in self.closed and len(page) == len(found):
            return {"Records": page}
        return {"Records": page, "NextShardIterator": f"{shard} {last}"}


class FakeFunction:
    """A function that keeps its batches; `behave` answers them, by default with success."""

    def __init__(self, behave: Callable[[list[str]], Any] | None = None) -> None:
        self.batches: list[list[str]] = []
        self.events: list[dict[str, Any]] = []
        self._behave = behave or (lambda keys: None)

    async def invoke(self, name: str, event: bytes) -> FunctionAnswer:
        records = json.loads(event)["Records"]
        keys = [record["dynamodb"]["Keys"]["id"]["S"] for record in records]
        self.batches.append(keys)
        self.events += records
        found = self._behave(keys)
        if isinstance(found, Awaitable):
            found = await found
        if isinstance(found, Exception):
            raise found
        if found == "error":
            return FunctionAnswer(b'{"errorMessage": "broken"}', failed=True)
        if isinstance(found, list):
            by_key = dict(zip(keys, records, strict=True))
            ids = [by_key[key]["dynamodb"]["SequenceNumber"] if key in by_key else key for key in found]
            found = {"batchItemFailures": [{"itemIdentifier": each} for each in ids]}
        return FunctionAnswer(json.dumps(found).encode(), failed=False)

    @property
    def keys(self) -> list[str]:
        return [key for batch in self.batches for key in batch]


def mapping_of(**changes: Any) -> EventSourceMapping:
    given: dict[str, Any] = {
        "function": "send_sms", "table": "orders", "batch_size": 10, "window": 0.0, "filters": [], "retries": 2,
        "max_age": -1, "bisect": False, "partial_responses": True, "parallelization": 1, "has_destination": True,
    }  # fmt: skip
    return EventSourceMapping(**given | changes)


def work(
    state: Path, source: FakeStream, function: Any, until: Callable[[], bool], *, stop: bool = True, **changes: Any
) -> None:
    """Run a mapping until a condition holds, or for two seconds; then stop it, or end it as a kill does."""

    async def run() -> None:
        worker = StreamMapping(mapping_of(**changes), source, function, state, clock=lambda: NOW)  # type: ignore[arg-type]
        task = asyncio.create_task(worker.run())
        for _ in range(1000):
            if until() or task.done():
                break
            await asyncio.sleep(0.002)
        if stop:
            worker.stop()
        else:
            task.cancel()
        await asyncio.gather(task, return_exceptions=not stop)

    asyncio.run(run())


def checkpoint(state: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((state / "stream-orders-send_sms.json").read_text())
    return found


def given_up(state: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((state / "on-failure").glob("*.json"))]


def test_records_arrive_once_in_order_in_the_templates_batches(tmp_path: Path) -> None:
    source, function = FakeStream(), FakeFunction()
    for number in range(25):
        source.put(f"o{number}")
    work(tmp_path, source, function, lambda: len(function.keys) >= 25)
    assert function.keys == [f"o{number}" for number in range(25)]
    assert [len(batch) for batch in function.batches] == [10, 10, 5]
    assert checkpoint(tmp_path)["settled"] == {"shard-1": "25"}


def test_an_event_looks_as_lambda_delivers_it(tmp_path: Path) -> None:
    source = FakeStream()
    source.put("o1", sms="queued")
    raw = source.records["shard-1"][0]
    event = stream_event(raw, "sales-orders", ARN)
    assert event["eventSource"] == "aws:dynamodb"
    assert event["awsRegion"] == "eu-west-1"
    assert event["eventSourceARN"] == "arn:aws:dynamodb:eu-west-1:000000000000:table/sales-orders/stream/1"
    assert event["eventName"] == "INSERT"
    assert len(event["dynamodb"]["SequenceNumber"]) >= 21
    assert event["dynamodb"]["NewImage"] == {"id": {"S": "o1"}, "sms": {"S": "queued"}}
    assert event["eventID"] == stream_event(raw, "sales-orders", ARN)["eventID"]
    assert raw["dynamodb"]["SequenceNumber"] == "1"


def test_a_filtered_record_moves_the_checkpoint_without_reaching_the_function(tmp_path: Path) -> None:
    source, function = FakeStream(), FakeFunction()
    source.put("a", name="MODIFY")
    source.put("b")
    source.put("c", name="REMOVE")
    work(
        tmp_path, source, function, lambda: _settled(tmp_path) == {"shard-1": "3"},
        filters=[{"eventName": ["INSERT"]}],
    )  # fmt: skip
    assert function.keys == ["b"]


def _settled(state: Path) -> Any:
    path = state / "stream-orders-send_sms.json"
    return checkpoint(state)["settled"] if path.exists() else None


def test_after_a_stop_it_continues_at_its_position(tmp_path: Path) -> None:
    source, function = FakeStream(), FakeFunction()
    source.put("a")
    work(tmp_path, source, function, lambda: bool(function.keys))
    source.put("b")
    work(tmp_path, source, function, lambda: len(function.keys) >= 2)
    assert function.keys == ["a", "b"]


def test_after_a_kill_records_in_flight_come_again_and_none_is_lost(tmp_path: Path) -> None:
    source = FakeStream()
    for number in range(5):
        source.put(f"o{number}")

    async def hang(keys: list[str]) -> None:
        if keys == ["o3"]:
            await asyncio.sleep(60)

    function = FakeFunction(hang)
    work(tmp_path, source, function, lambda: function.keys[-1:] == ["o3"], stop=False, batch_size=1)
    again = FakeFunction()
    work(tmp_path, source, again, lambda: again.keys[-1:] == ["o4"], batch_size=1)
    assert again.keys == ["o3", "o4"]


def test_stopping_waits_for_the_functions_current_batch(tmp_path: Path) -> None:
    source = FakeStream()
    source.put("a")
    source.put("b")
    function = FakeFunction(lambda keys: asyncio.sleep(0.05))
    work(tmp_path, source, function, lambda: bool(function.keys), batch_size=1)
    assert function.keys == ["a"]
    assert checkpoint(tmp_path)["settled"] == {"shard-1": "1"}


def test_every_record_from_the_first_failed_one_on_comes_again(tmp_path: Path) -> None:
    source = FakeStream()
    for key in "abcd":
        source.put(key)
    answers = iter([["c", "b"]])
    function = FakeFunction(lambda keys: next(answers, None))
    work(tmp_path, source, function, lambda: len(function.batches) >= 2)
    assert function.batches == [["a", "b", "c", "d"], ["b", "c", "d"]]
    assert given_up(tmp_path) == []


@pytest.mark.parametrize(
    "answer", [{"batchItemFailures": [{"itemIdentifier": ""}]}, {"batchItemFailures": [{"x": 1}]}, ["?"]]
)
def test_an_answer_that_names_no_record_of_the_batch_fails_all_of_it(tmp_path: Path, answer: Any) -> None:
    source = FakeStream()
    source.put("a")
    source.put("b")
    answers = iter([answer])
    function = FakeFunction(lambda keys: next(answers, None))
    work(tmp_path, source, function, lambda: len(function.batches) >= 2)
    assert function.batches == [["a", "b"], ["a", "b"]]


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, "done"])
def test_an_answer_without_failures_is_success(tmp_path: Path, answer: Any) -> None:
    source, function = FakeStream(), FakeFunction(lambda keys: answer)
    source.put("a")
    work(tmp_path, source, function, lambda: bool(_settled(tmp_path)))
    assert function.batches == [["a"]]


def test_a_record_that_always_fails_is_given_up_whole_after_its_retries(tmp_path: Path) -> None:
    source = FakeStream()
    source.put("bad", name="INSERT", text="Dear Ann")
    source.put("good")
    function = FakeFunction(lambda keys: "error" if "bad" in keys else None)
    work(tmp_path, source, function, lambda: "good" in function.keys, batch_size=1)
    assert function.batches == [["bad"]] * 3 + [["good"]]
    [kept] = given_up(tmp_path)
    assert kept["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert kept["DDBStreamBatchInfo"]["batchSize"] == 1
    assert kept["DDBStreamBatchInfo"]["shardId"] == "shard-1"
    [record] = json.loads(kept["payload"])["Records"]
    assert record["dynamodb"]["NewImage"]["text"] == {"S": "Dear Ann"}


def test_bisecting_isolates_the_failing_record_and_uses_up_no_retry(tmp_path: Path) -> None:
    source = FakeStream()
    for number in range(8):
        source.put(f"o{number}")
    succeeded: list[str] = []

    def behave(keys: list[str]) -> Any:
        if "o5" in keys:
            return "error"
        succeeded.extend(keys)
        return None

    function = FakeFunction(behave)
    work(tmp_path, source, function, lambda: len(succeeded) >= 7 and bool(given_up(tmp_path)), bisect=True)
    assert succeeded == ["o0", "o1", "o2", "o3", "o4", "o6", "o7"]
    assert function.batches.count(["o5"]) == 3
    assert [each["DDBStreamBatchInfo"]["batchSize"] for each in given_up(tmp_path)] == [1]


def test_without_bisecting_the_whole_batch_is_given_up(tmp_path: Path) -> None:
    source, function = FakeStream(), FakeFunction(lambda keys: "error")
    source.put("a")
    source.put("b")
    work(tmp_path, source, function, lambda: bool(given_up(tmp_path)))
    assert function.batches == [["a", "b"]] * 3
    assert [each["DDBStreamBatchInfo"]["batchSize"] for each in given_up(tmp_path)] == [2]


def test_without_a_destination_given_up_records_are_gone_and_others_continue(tmp_path: Path) -> None:
    source = FakeStream()
    source.put("bad")
    source.put("good")
    function = FakeFunction(lambda keys: "error" if "bad" in keys else None)
    work(tmp_path, source, function, lambda: "good" in function.keys, batch_size=1, has_destination=False)
    assert given_up(tmp_path) == []


def test_a_record_that_is_too_old_is_given_up_without_the_function(tmp_path: Path) -> None:
    source, function = FakeStream(), FakeFunction()
    source.put("old", created=NOW - 61)
    source.put("new", created=NOW - 59)
    work(tmp_path, source, function, lambda: bool(function.keys), max_age=60)
    assert function.keys == ["new"]
    [kept] = given_up(tmp_path)
    assert kept["requestContext"]["condition"] == "RecordAgeExceeded"


def test_an_unreachable_function_is_tried_again_beyond_the_retries(tmp_path: Path) -> None:
    source = FakeStream()
    source.put("a")
    answers = iter([NotInvokedError("nobody there")] * 9)
    function = FakeFunction(lambda keys: next(answers, None))
    work(tmp_path, source, function, lambda: bool(_settled(tmp_path)))
    assert len(function.batches) == 10
    assert given_up(tmp_path) == []


def test_parallel_batches_keep_the_order_of_each_item(tmp_path: Path) -> None:
    source = FakeStream()
    for number in range(60):
        source.put(f"item{number % 6}", version=str(number))
    running, most = 0, 0

    async def slow(keys: list[str]) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)
        running -= 1

    function = FakeFunction(slow)
    work(tmp_path, source, function, lambda: _settled(tmp_path) == {"shard-1": "60"}, parallelization=4, batch_size=3)
    for item in range(6):
        versions = [
            int(event["dynamodb"]["NewImage"]["version"]["S"])
            for event in function.events
            if event["dynamodb"]["Keys"]["id"]["S"] == f"item{item}"
        ]
        assert versions == list(range(item, 60, 6))
    assert 2 <= most <= 4


def test_the_checkpoint_stays_before_the_first_unsettled_record(tmp_path: Path) -> None:
    source = FakeStream()
    for number in range(20):
        source.put(f"o{number}")

    async def slow_first(keys: list[str]) -> None:
        if "o0" in keys:
            await asyncio.sleep(60)

    function = FakeFunction(slow_first)
    work(tmp_path, source, function, lambda: len(function.keys) >= 15, stop=False, parallelization=4, batch_size=1)
    assert _settled(tmp_path) is None
    again = FakeFunction()
    work(tmp_path, source, again, lambda: len(again.keys) >= 20, parallelization=4)
    assert "o0" in again.keys


def test_the_batching_window_waits_for_more_records(tmp_path: Path) -> None:
    source, function = FakeStream(), FakeFunction()
    source.put("a")

    async def run() -> None:
        worker = StreamMapping(mapping_of(window=0.1), source, function, tmp_path)  # type: ignore[arg-type]
        task = asyncio.create_task(worker.run())
        await asyncio.sleep(0.03)
        source.put("b")
        await asyncio.sleep(0.2)
        worker.stop()
        await task

    asyncio.run(run())
    assert function.batches == [["a", "b"]]


def test_a_child_shard_waits_until_its_parent_is_settled(tmp_path: Path) -> None:
    source, function = FakeStream(), FakeFunction(lambda keys: asyncio.sleep(0.01))
    source.records["shard-2"] = []
    source.parents["shard-2"] = "shard-1"
    for number in range(3):
        source.put(f"o{number}")
    source.put("later", shard="shard-2")
    source.closed.add("shard-1")
    work(tmp_path, source, function, lambda: _settled(tmp_path) == {"shard-2": "4"}, batch_size=1)
    assert function.keys == ["o0", "o1", "o2", "later"]
    assert checkpoint(tmp_path)["finished"] == ["shard-1"]


def test_nothing_is_lost_while_the_database_is_down(tmp_path: Path) -> None:
    source, function = FakeStream(), FakeFunction()
    source.put("a")
    polls = 0

    def later() -> bool:
        nonlocal polls
        polls += 1
        if polls == 20:
            source.fail = DatabaseError("connection refused")
        if polls == 60:
            source.fail = None
            source.put("b")
        return len(function.keys) >= 2

    work(tmp_path, source, function, later)
    assert function.keys == ["a", "b"]


@pytest.mark.parametrize("lost", ["GetShardIterator", "GetRecords"])
def test_a_position_that_the_database_forgot_means_from_the_beginning(lost: str, tmp_path: Path) -> None:
    source, function = FakeStream(), FakeFunction()
    source.put("a")
    work(tmp_path, source, function, lambda: bool(function.keys))
    source.lost = lost
    source.put("b")
    work(tmp_path, source, function, lambda: "b" in function.keys)
    assert source.asked[-1]["ShardIteratorType"] == "TRIM_HORIZON"


def test_a_recreated_table_is_read_from_its_beginning(tmp_path: Path) -> None:
    source, function = FakeStream(), FakeFunction()
    source.put("a")
    work(tmp_path, source, function, lambda: bool(function.keys))
    source.arn = ARN + "-new"
    work(tmp_path, source, function, lambda: len(function.keys) >= 2)
    assert function.keys == ["a", "a"]


def test_a_filter_that_is_not_understood_prevents_the_start(tmp_path: Path) -> None:
    async def start() -> None:
        StreamMapping(mapping_of(filters=[{"eventName": "INSERT"}]), FakeStream(), FakeFunction(), tmp_path)  # type: ignore[arg-type]

    with pytest.raises(ValueError):
        asyncio.run(start())
