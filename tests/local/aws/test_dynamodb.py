"""The local database and its tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployment.template import Template, load
from local.aws.dynamodb import Database, DatabaseClient, DatabaseError, choose, prepare_tables, wait_until_ready
from local.config import Config
from tests.support.system import free_ports, start_database


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


def template(definition: dict[str, Any]) -> Template:
    return Template(tables={"OrdersTable": definition}, time_to_live={"OrdersTable": "expires_at"})


@contextmanager
def serving(config: Config) -> Iterator[DatabaseClient]:
    process = start_database(config)
    try:
        yield DatabaseClient(config.database_url)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "store").mkdir()
    return Config(port=free_ports(), state=tmp_path, settings={})


def available(name: str, config: Config, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setenv("LOCAL_STORE", name)
    try:
        return choose(config)
    except DatabaseError:
        pytest.skip(f"{name} is not installed")


@pytest.fixture(params=["dynoxide", "ministack"])
def client(request: pytest.FixtureRequest, config: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabaseClient]:
    available(request.param, config, monkeypatch)
    with serving(config) as client:
        yield client


def indexes_of(client: DatabaseClient) -> set[str]:
    description = client.call("DescribeTable", {"TableName": "sales-orders"})["Table"]
    return {index["IndexName"] for index in description.get("GlobalSecondaryIndexes", [])}


def test_tables_are_created_once_with_indexes_and_stream(client: DatabaseClient) -> None:
    assert prepare_tables(client, template(table("customer"))) == ["created table sales-orders"]
    assert prepare_tables(client, template(table("customer"))) == []
    description = client.call("DescribeTable", {"TableName": "sales-orders"})["Table"]
    assert description["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"
    assert description["LatestStreamArn"]
    assert indexes_of(client) == {"by_customer"}


def test_a_new_index_of_the_template_is_added_and_filled(client: DatabaseClient) -> None:
    prepare_tables(client, template(table("customer")))
    item = {"id": {"S": "o1"}, "customer": {"S": "c1"}, "due": {"S": "d1"}}
    client.call("PutItem", {"TableName": "sales-orders", "Item": item})
    assert prepare_tables(client, template(table("customer", "due"))) == ["created index by_due of sales-orders"]
    query = {
        "TableName": "sales-orders",
        "IndexName": "by_due",
        "KeyConditionExpression": "due = :due",
        "ExpressionAttributeValues": {":due": {"S": "d1"}},
    }
    assert client.call("Query", query)["Items"] == [item]


def test_an_index_that_left_the_template_is_deleted(client: DatabaseClient) -> None:
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
def test_a_table_that_cannot_follow_the_template_is_refused_with_a_way_out(
    client: DatabaseClient, changed: dict[str, Any]
) -> None:
    prepare_tables(client, template(table("customer")))
    with pytest.raises(DatabaseError, match="make reset"):
        prepare_tables(client, template(changed))


def test_dynoxide_keeps_acknowledged_writes_through_a_kill(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    available("dynoxide", config, monkeypatch)
    with serving(config) as client:
        prepare_tables(client, template(table()))
        for number in range(20):
            client.call("PutItem", {"TableName": "sales-orders", "Item": {"id": {"S": str(number)}}})
    with serving(config) as client:
        assert client.call("Scan", {"TableName": "sales-orders"})["Count"] == 20


def test_a_test_never_uses_the_database_of_another_system(client: DatabaseClient, config: Config) -> None:
    with pytest.raises(OSError, match="in use"):
        start_database(config)


def test_every_table_of_the_template_can_be_created(client: DatabaseClient, config: Config) -> None:
    loaded = load(config.template, config.parameters, cache=config.state)
    assert len(prepare_tables(client, loaded)) == len(loaded.tables) == 2


@pytest.mark.parametrize("name", ["dynoxide", "ministack"])
def test_the_database_listens_on_loopback_and_stores_in_the_state_folder(
    name: str, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = available(name, config, monkeypatch)
    arguments = [*database.command, *database.environment.values()]
    assert "127.0.0.1" in arguments
    assert str(config.port + 3) in arguments
    assert any(each.startswith(str(config.state)) for each in arguments)


def test_a_named_database_is_used_and_none_is_started(config: Config) -> None:
    config = replace(config, settings={"DYNAMODB_ENDPOINT": "http://127.0.0.1:4566"})
    assert choose(config) == Database("http://127.0.0.1:4566", "from DYNAMODB_ENDPOINT")
    assert config.overrides["DYNAMODB_ENDPOINT"] == "http://127.0.0.1:4566"


def test_without_a_database_the_message_says_how_to_install_one(config: Config) -> None:
    with pytest.raises(DatabaseError, match="make store"):
        choose(replace(config, root=config.state))


def test_a_database_that_never_answers_is_given_up_with_its_reason(config: Config) -> None:
    with pytest.raises(DatabaseError, match="does not answer"):
        wait_until_ready(DatabaseClient(config.database_url), seconds=0.05)
