"""The store on this machine and its tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployment.template import Template, load
from local.aws.dynamodb import Server, StoreClient, StoreError, choose, prepare_tables, wait_until_ready
from local.config import Config
from tests.support.system import free_ports, start_store


def table(*indexes: str, key: str = "id", stream: str = "NEW_IMAGE") -> dict[str, Any]:
    return {
        "TableName": "sales-orders",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": each, "AttributeType": "S"} for each in (key, *indexes)],
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        **({"GlobalSecondaryIndexes": [index(each) for each in indexes]} if indexes else {}),
        **({"StreamSpecification": {"StreamEnabled": True, "StreamViewType": stream}} if stream else {}),
    }


def index(attribute: str, projection: str = "ALL") -> dict[str, Any]:
    return {
        "IndexName": f"by_{attribute}",
        "KeySchema": [{"AttributeName": attribute, "KeyType": "HASH"}],
        "Projection": {"ProjectionType": projection},
    }


def template(made: dict[str, Any]) -> Template:
    return Template(tables={"OrdersTable": made}, time_to_live={"OrdersTable": "expires_at"})


@contextmanager
def serving(config: Config) -> Iterator[StoreClient]:
    process = start_store(config)
    try:
        yield StoreClient(config.store_url)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "store").mkdir()
    return Config(port=free_ports(), state=tmp_path, settings={})


def available(name: str, config: Config, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("LOCAL_STORE", name)
    try:
        return choose(config)
    except StoreError:
        pytest.skip(f"{name} is not installed")


@pytest.fixture(params=["dynoxide", "ministack"])
def client(request: pytest.FixtureRequest, config: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreClient]:
    available(request.param, config, monkeypatch)
    with serving(config) as found:
        yield found


def indexes_of(client: StoreClient) -> set[str]:
    described = client.call("DescribeTable", {"TableName": "sales-orders"})["Table"]
    return {each["IndexName"] for each in described.get("GlobalSecondaryIndexes", [])}


def test_tables_are_made_once_with_indexes_and_stream(client: StoreClient) -> None:
    assert prepare_tables(client, template(table("customer"))) == ["table sales-orders"]
    assert prepare_tables(client, template(table("customer"))) == []
    described = client.call("DescribeTable", {"TableName": "sales-orders"})["Table"]
    assert described["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"
    assert described["LatestStreamArn"]
    assert indexes_of(client) == {"by_customer"}


def test_an_index_that_is_new_in_the_template_is_added_with_what_is_stored(client: StoreClient) -> None:
    prepare_tables(client, template(table("customer")))
    item = {"id": {"S": "o1"}, "customer": {"S": "c1"}, "due": {"S": "d1"}}
    client.call("PutItem", {"TableName": "sales-orders", "Item": item})
    assert prepare_tables(client, template(table("customer", "due"))) == ["index by_due of sales-orders"]
    query = {
        "TableName": "sales-orders",
        "IndexName": "by_due",
        "KeyConditionExpression": "due = :due",
        "ExpressionAttributeValues": {":due": {"S": "d1"}},
    }
    assert client.call("Query", query)["Items"] == [item]


def test_an_index_that_is_gone_from_the_template_goes(client: StoreClient) -> None:
    prepare_tables(client, template(table("customer", "due")))
    prepare_tables(client, template(table("due")))
    assert indexes_of(client) == {"by_due"}


@pytest.mark.parametrize(
    "changed",
    [
        table("customer", key="number"),
        table("customer", stream="KEYS_ONLY"),
        table("customer") | {"GlobalSecondaryIndexes": [index("customer", "KEYS_ONLY")]},
    ],
    ids=["key", "stream", "projection"],
)
def test_a_table_that_cannot_become_what_the_template_says_is_refused_with_a_way_out(
    client: StoreClient, changed: dict[str, Any]
) -> None:
    prepare_tables(client, template(table("customer")))
    with pytest.raises(StoreError, match="make reset"):
        prepare_tables(client, template(changed))


def test_what_dynoxide_acknowledged_is_there_after_a_kill(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    available("dynoxide", config, monkeypatch)
    with serving(config) as client:
        prepare_tables(client, template(table()))
        for number in range(20):
            client.call("PutItem", {"TableName": "sales-orders", "Item": {"id": {"S": str(number)}}})
    with serving(config) as client:
        assert client.call("Scan", {"TableName": "sales-orders"})["Count"] == 20


def test_a_test_never_takes_the_store_of_another_system_for_its_own(client: StoreClient, config: Config) -> None:
    with pytest.raises(OSError, match="in use"):
        start_store(config)


def test_every_table_of_the_template_can_be_made(client: StoreClient, config: Config) -> None:
    found = load(config.template, config.parameters, cache=config.state)
    assert len(prepare_tables(client, found)) == len(found.tables) == 2


@pytest.mark.parametrize("name", ["dynoxide", "ministack"])
def test_the_store_listens_to_this_machine_only_and_keeps_its_data_with_the_rest(
    name: str, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = available(name, config, monkeypatch)
    given = [*server.command, *server.environment.values()]
    assert "127.0.0.1" in given
    assert str(config.port + 3) in given
    assert any(each.startswith(str(config.state)) for each in given)


def test_a_store_that_is_named_is_taken_and_nothing_is_started(config: Config) -> None:
    config = replace(config, settings={"DYNAMODB_ENDPOINT": "http://127.0.0.1:4566"})
    assert choose(config) == Server("http://127.0.0.1:4566", "as DYNAMODB_ENDPOINT says")
    assert config.overrides["DYNAMODB_ENDPOINT"] == "http://127.0.0.1:4566"


def test_without_any_store_the_way_to_one_is_said(config: Config) -> None:
    with pytest.raises(StoreError, match="make store"):
        choose(replace(config, root=config.state))


def test_a_store_that_never_answers_is_given_up_with_its_reason(config: Config) -> None:
    with pytest.raises(StoreError, match="does not answer"):
        wait_until_ready(StoreClient(config.store_url), seconds=0.05)
