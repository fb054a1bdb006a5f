"""The store reads DynamoDB's answers; a fake client gives the answers that a test needs."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from sales.domain.problems import Problem
from sales.store import table as table_module
from sales.store.items import marshal_item
from sales.store.table import CONFLICT_TRIES, Conflict, Connection, Put, Table, conflicts_as

NEW = "attribute_not_exists(id)"
type Answer = Callable[[dict[str, Any]], dict[str, Any]]


class FakeClient:
    """Gives each call the next answer, and repeats the last one; `calls` has the requests."""

    def __init__(self, *answers: Answer) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._answers = list(answers)

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        def call(**parameters: Any) -> dict[str, Any]:
            self.calls.append((operation, parameters))
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            return answer(parameters)

        return call


def answers(body: dict[str, Any]) -> Answer:
    return lambda _: body


def fails(code: str, status: int = 400, **body: Any) -> Answer:
    def fail(parameters: dict[str, Any]) -> dict[str, Any]:
        raise ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **body}, "x")

    return fail


def refuses_its_own_write(parameters: dict[str, Any]) -> dict[str, Any]:
    """As if the first answer had been lost and botocore had repeated the request."""
    if "TransactItems" in parameters:
        reasons = [
            {"Code": "ConditionalCheckFailed", "Item": part["Put"]["Item"]} for part in parameters["TransactItems"]
        ]
        return fails("TransactionCanceledException", CancellationReasons=reasons)(parameters)
    return fails("ConditionalCheckFailedException", Item=parameters["Item"])(parameters)


def cancelled(*reasons: tuple[str, dict[str, Any]]) -> Answer:
    listed = [{"Code": code} | ({"Item": marshal_item(item)} if item else {}) for code, item in reasons]
    return fails("TransactionCanceledException", CancellationReasons=listed)


def table(*replies: Answer) -> tuple[Table, FakeClient]:
    client = FakeClient(*replies)
    return Table(Connection(client), "orders"), client


def put(name: str) -> Put:
    return Put({"id": name}, NEW)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_module.time, "sleep", lambda _: None)


class TestConditionalWrites:
    def test_a_conflict_carries_what_is_stored(self) -> None:
        stored, _ = table(fails("ConditionalCheckFailedException", Item=marshal_item({"id": "a", "write_id": "other"})))
        with pytest.raises(Conflict) as conflict:
            stored.put_if(put("a"))
        assert conflict.value.current == {"id": "a", "write_id": "other"}

    def test_a_conflict_with_nothing_carries_none(self) -> None:
        stored, _ = table(fails("ConditionalCheckFailedException"))
        with pytest.raises(Conflict) as conflict:
            stored.put_if(Put.replacing({"id": "a", "version": 2}))
        assert conflict.value.current is None

    def test_repeating_a_write_after_a_lost_answer_does_not_conflict(self) -> None:
        stored, _ = table(refuses_its_own_write)
        stored.put_if(put("a"))
        stored.put_all_if([put("a"), put("b")])

    def test_each_write_has_an_id_of_its_own(self) -> None:
        stored, client = table(answers({}))
        stored.put_if(put("a"))
        stored.put_if(put("a"))
        ids = {parameters["Item"]["write_id"]["S"] for _, parameters in client.calls}
        assert len(ids) == 2

    def test_replacing_an_item_asks_for_the_version_before(self) -> None:
        stored, client = table(answers({}))
        stored.put_if(Put.replacing({"id": "a", "version": 2}))
        [(_, parameters)] = client.calls
        assert parameters["ConditionExpression"] == "version = :before"
        assert parameters["ExpressionAttributeValues"] == {":before": {"N": "1"}}

    def test_a_conflict_of_many_has_what_was_in_the_way_of_each(self) -> None:
        stored, _ = table(cancelled(("None", {}), ("ConditionalCheckFailed", {"id": "b"})))
        with pytest.raises(Conflict) as conflict:
            stored.put_all_if([put("a"), put("b")])
        assert conflict.value.current == [None, {"id": "b"}]

    def test_one_put_needs_no_transaction_and_its_conflict_is_a_list_too(self) -> None:
        stored, client = table(fails("ConditionalCheckFailedException", Item=marshal_item({"id": "a"})))
        with pytest.raises(Conflict) as conflict:
            stored.put_all_if([put("a")])
        assert conflict.value.current == [{"id": "a"}]
        assert [operation for operation, _ in client.calls] == ["put_item"]

    def test_an_update_returns_the_item_afterwards_or_raises_what_is_stored(self) -> None:
        stored, _ = table(
            answers({"Attributes": marshal_item({"id": "a"})}),
            fails("ConditionalCheckFailedException", Item=marshal_item({"id": "b"})),
        )
        assert stored.update({"id": "a"}, "REMOVE x") == {"id": "a"}
        with pytest.raises(Conflict) as conflict:
            stored.update({"id": "a"}, "REMOVE x", condition="attribute_exists(id)")
        assert conflict.value.current == {"id": "b"}

    def test_a_conflict_can_be_raised_as_what_its_item_is_about(self) -> None:
        for item, current in (({"id": "a"}, "a"), (None, None)):
            with pytest.raises(Conflict) as conflict, conflicts_as(lambda item: item["id"]):
                raise Conflict(item)
            assert conflict.value.current == current


class TestFailures:
    @pytest.mark.parametrize(
        "contention",
        [fails("TransactionConflictException"), cancelled(("None", {}), ("TransactionConflict", {}))],
    )
    def test_writes_that_met_another_transaction_are_tried_again(self, contention: Answer) -> None:
        stored, client = table(*[contention] * CONFLICT_TRIES, answers({}))
        stored.put_if(put("a"))
        assert len(client.calls) == CONFLICT_TRIES + 1
        stored, client = table(contention)
        with pytest.raises(Problem, match="unavailable"):
            stored.put_if(put("a"))
        assert len(client.calls) == CONFLICT_TRIES + 1

    @pytest.mark.parametrize(
        ("code", "status"),
        [("ThrottlingException", 400), ("ProvisionedThroughputExceededException", 400), ("InternalServerError", 500)],
    )
    def test_a_store_that_is_overloaded_or_fails_is_unavailable(self, code: str, status: int) -> None:
        stored, _ = table(fails(code, status))
        with pytest.raises(Problem, match="unavailable") as problem:
            stored.get({"id": "a"})
        assert problem.value.headers == {"Retry-After": "1"}

    def test_a_store_that_cannot_be_reached_is_unavailable(self) -> None:
        def unreachable(_: dict[str, Any]) -> dict[str, Any]:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

        stored, _ = table(unreachable)
        with pytest.raises(Problem, match="unavailable"):
            stored.get({"id": "a"})

    def test_a_request_that_is_wrong_is_our_fault_and_raised_as_it_is(self) -> None:
        stored, client = table(fails("ValidationException"))
        with pytest.raises(ClientError):
            stored.put_if(put("a"))
        assert len(client.calls) == 1


class TestReads:
    def test_an_item_is_read_as_it_is_now_and_none_if_there_is_none(self) -> None:
        stored, client = table(answers({"Item": marshal_item({"id": "a"})}), answers({}))
        assert stored.get({"id": "a"}) == {"id": "a"}
        assert stored.get({"id": "b"}) is None
        assert all(parameters["ConsistentRead"] for _, parameters in client.calls)

    def test_many_items_take_one_round_trip_per_hundred_and_what_was_left_out_one_more(self) -> None:
        unprocessed = {"orders": {"Keys": [{"id": {"S": "7"}}]}}
        client = FakeClient(
            answers({"Responses": {"orders": [marshal_item({"id": "0"})]}, "UnprocessedKeys": unprocessed}),
            answers({"Responses": {"orders": [marshal_item({"id": "7"})]}}),
        )
        items = Connection(client).get_many(("orders", {"id": str(number)}) for number in range(150))
        assert items == [("orders", {"id": {"S": "0"}}), ("orders", {"id": {"S": "7"}})]
        asked = [
            [key["id"]["S"] for key in parameters["RequestItems"]["orders"]["Keys"]] for _, parameters in client.calls
        ]
        assert [len(keys) for keys in asked] == [100, 51]
        assert asked[1][-1] == "7"

    def test_no_items_take_no_round_trip(self) -> None:
        client = FakeClient()
        assert Connection(client).get_many([]) == []
        assert client.calls == []

    def test_a_query_without_a_limit_reads_on_until_the_end_and_one_with_a_limit_does_not(self) -> None:
        first = answers({"Items": [marshal_item({"id": "a"})], "LastEvaluatedKey": {"id": {"S": "a"}}})
        stored, client = table(first, answers({"Items": [marshal_item({"id": "b"})]}))
        assert stored.query("by_date", "x = :x", {":x": "1"}) == [{"id": "a"}, {"id": "b"}]
        assert client.calls[1][1]["ExclusiveStartKey"] == {"id": {"S": "a"}}
        stored, client = table(first)
        assert stored.query("by_date", "x = :x", {":x": "1"}, limit=1) == [{"id": "a"}]
        assert [parameters["Limit"] for _, parameters in client.calls] == [1]

    @pytest.mark.parametrize("filters", [{}, {"status": "active"}])
    def test_an_empty_last_key_is_the_end(self, filters: dict[str, str]) -> None:
        # So the API reference has it, and some servers send it: https://github.com/pynamodb/PynamoDB/issues/1307
        only = {"Items": [marshal_item({"id": "a", "sort_key": "x"})], "LastEvaluatedKey": {}}
        stored, client = table(answers(only))
        page = stored.page("by_date", "list_shard", ["0"], limit=5, filters=filters)
        assert ([row["id"] for row in page.rows], page.next) == (["a"], None)
        assert [row["id"] for row in stored.query("by_date", "x = :x", {":x": "1"})] == ["a"]
        assert len(client.calls) == 2

    @pytest.mark.parametrize(("since", "until"), [("b", "a"), ("b", "b")])
    def test_bounds_that_nothing_can_meet_take_no_round_trip(self, since: str, until: str) -> None:
        stored, client = table()
        page = stored.page("by_date", "list_shard", ["0"], since=since, until=until, limit=25)
        assert (page.rows, page.next) == ([], None)
        assert client.calls == []

    def test_a_page_with_filters_reads_a_thousand_rows_at_most(self) -> None:
        def nothing_fits(parameters: dict[str, Any]) -> dict[str, Any]:
            return {"Items": [], "ScannedCount": parameters["Limit"], "LastEvaluatedKey": {"sort_key": {"S": "last"}}}

        stored, client = table(nothing_fits)
        page = stored.page("by_date", "list_shard", ["0"], limit=25, filters={"status": "cancelled"})
        assert [parameters["Limit"] for _, parameters in client.calls] == [26, *[100] * 9, 74]
        assert (page.rows, page.next) == ([], "last")


class TestCounting:
    def test_rows_are_counted_over_all_pages_and_never_read(self) -> None:
        first = {"Count": 600, "LastEvaluatedKey": marshal_item({"id": "x"})}
        stored, client = table(answers(first), answers({"Count": 3}))
        assert stored.count("by", "a = :a", {":a": "b"}, 1000) == 603
        [(_, one), (_, two)] = client.calls
        assert {one["Select"], two["Select"]} == {"COUNT"}
        assert (one["Limit"], two["Limit"]) == (1000, 400)
        assert two["ExclusiveStartKey"] == first["LastEvaluatedKey"]

    def test_counting_ends_at_an_empty_last_key(self) -> None:
        stored, client = table(answers({"Count": 2, "LastEvaluatedKey": {}}))
        assert stored.count("by", "a = :a", {":a": "b"}, 10) == 2
        assert len(client.calls) == 1

    def test_counting_ends_at_its_limit(self) -> None:
        stored, client = table(answers({"Count": 500, "LastEvaluatedKey": marshal_item({"id": "x"})}))
        assert stored.count("by", "a = :a", {":a": "b"}, 1000) == 1000
        assert len(client.calls) == 2

    def test_a_page_without_rows_is_not_the_end(self) -> None:
        stored, _ = table(answers({"Count": 0, "LastEvaluatedKey": marshal_item({"id": "x"})}), answers({"Count": 2}))
        assert stored.count("by", "a = :a", {":a": "b"}, 10) == 2
